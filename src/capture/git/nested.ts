/**
 * The uncommitted files inside a submodule or another repository below the work tree. Git reports only whether a
 * submodule has any, and nothing about another repository, so each is read with a status of its own.
 */
import { realpath } from 'node:fs/promises'
import { NotAvailable } from '../../util/not-available.ts'
import { describeChanged } from './changed.ts'
import { hiddenReason, readIndexEntries } from './index-entries.ts'
import { isInStore } from './paths.ts'
import { readStatus } from './status.ts'
import { describeSubmodules } from './submodules.ts'
import { describeUntracked } from './untracked.ts'
import type { Git } from './command.ts'
import type { ReadNested } from './submodules.ts'

/**
 * Read the uncommitted files of a nested repository. Nothing is copied.
 *
 * @param git Works in the surrounding repository.
 * @param options Those of the surrounding repository.
 */
export const readNested: ReadNested = async (git, path, { root, algorithm, signal }, kind) => {
  if (!path.utf8) return { status: 'failed', reason: 'its name is not UTF-8' }
  const directory = `${root}/${path.text.replace(/\/$/, '')}`
  const inner: Git = (args, call) => git(args, { directory, ...call })
  const options = { root: directory, algorithm, signal, readNested }
  try {
    await checkRoot(inner, directory)
    // The status of the surrounding repository has run the filters of a submodule, but not those of this one.
    if (kind === 'repository') await refuseFilters(inner)
    const [status, entries] = [await readStatus(inner), await readIndexEntries(inner)]
    // The warnings are about files that cannot be restored, and nothing in here can.
    const warnings: string[] = []
    const reason = await hiddenReason(inner, entries)
    if (reason !== undefined) return { status: 'failed', reason }
    return {
      status: 'captured',
      changed: await describeChanged(status.changed, options, warnings),
      untracked: await describeUntracked(
        inner,
        status.untracked.filter(({ text }) => !isInStore(text)),
        { ...options, copyTo: undefined, untrackedFileLimit: 0, untrackedLimit: 0, keepSecrets: false },
        warnings,
      ),
      submodules: await describeSubmodules(inner, options, entries.submodules, status.changed, warnings),
    }
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    return { status: 'failed', reason: error.message }
  }
}

/** Check that the work tree of the repository is its own folder: its configuration can name another one. */
async function checkRoot(git: Git, directory: string): Promise<void> {
  const root = (await git(['rev-parse', '--show-toplevel'])).toString().replace(/\n$/, '')
  if (root !== (await realpath(directory))) throw new NotAvailable('its work tree is another folder')
}

/** Refuse a repository whose own configuration names filter programs, which a status would start. */
async function refuseFilters(git: Git): Promise<void> {
  // Exit code 1: nothing matches.
  const output = await git(['config', '--local', '--includes', '--name-only', '--get-regexp', '^filter\\.'], {
    accept: [1],
  })
  if (output.length > 0)
    throw new NotAvailable('its configuration names filter programs, which are not started')
}
