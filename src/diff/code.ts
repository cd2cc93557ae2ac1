/**
 * The patch between the code of two runs: for each, its commit with the recorded changes and untracked files.
 *
 * Both trees are built in a temporary repository that borrows the objects of the real one. The real
 * repository is not written to, and no work tree is read.
 */
import { checkRun } from '../store/read.ts'
import { checkKnown } from '../core/options.ts'
import { stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { NotAvailable } from '../util/not-available.ts'
import { BUNDLE_FILE } from '../capture/git/bundle.ts'
import { createGit } from '../capture/git/command.ts'
import { readPath } from '../capture/git/paths.ts'
import { gitOf } from '../capture/records.ts'
import { damagedField } from '../json/read-fields.ts'
import { comparedElsewhere } from './captures.ts'
import type { Git } from '../capture/git/command.ts'
import type { RepositoryCapture, UntrackedLink } from '../capture/git/types.ts'
import { makeTemporary, sweepTemporary } from '../util/temporary.ts'
import type { StoredRun } from '../store/runs.ts'

/** Timeout of each call of git, in milliseconds. */
const TIMEOUT = 5 * 60_000

/** The difference between the code of two runs. */
export type CodeDiff =
  | {
      readonly status: 'compared'
      /** Input for `git apply` that turns the first tree into the second; empty if they are equal. */
      readonly patch: Uint8Array
      /** Sentences about content that the runs did not record, and that the patch therefore lacks. */
      readonly incomplete: readonly string[]
    }
  | { readonly status: 'not-compared'; readonly reason: string }

/** The captured state of a repository. */
interface Side {
  readonly label: string
  readonly folder: string
  readonly value: RepositoryCapture
  readonly root: string
  readonly commit: string
}

/**
 * Create the patch between the code of two runs, without outputs and datasets, which are compared separately.
 *
 * @param a From `findRun` or `readRun`, as `b`.
 * @returns `not-compared` if a run has no captured commit, or the repository is not available.
 * @throws ERR_LINEAPRINT_RECORD if a capture is damaged; the reason of the signal.
 */
export async function diffCode(
  a: StoredRun,
  b: StoredRun,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<CodeDiff> {
  checkRun(a, 'a')
  checkRun(b, 'b')
  checkKnown(options, ['signal'])
  const { signal } = options
  signal?.throwIfAborted()
  await sweepTemporary()
  const temporary = await makeTemporary('lineaprint-diff-')
  const folder = temporary.path
  try {
    const sides = [sideOf(a, 'first'), sideOf(b, 'second')] as const
    const git = createGit({ directory: folder, timeout: TIMEOUT, signal, environment: process.env })
    await borrow(git, folder, sides)
    const incomplete: string[] = []
    const trees = [await makeTree(git, sides[0], incomplete), await makeTree(git, sides[1], incomplete)]
    const pathspecs = exclude(sides, comparedElsewhere(a.record, b.record))
    return {
      status: 'compared',
      patch: await git(['diff-tree', ...FORMAT, ...trees, '--', ...pathspecs]),
      incomplete,
    }
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    return { status: 'not-compared', reason: error.message }
  } finally {
    await temporary.remove()
  }
}

const FORMAT = [
  '--patch',
  '--binary',
  '--full-index',
  '--find-renames',
  '--no-ext-diff',
  '--no-textconv',
  '--no-color',
  '--src-prefix=a/',
  '--dst-prefix=b/',
  '-r',
]

function sideOf({ folder, record }: StoredRun, label: string): Side {
  const value = gitOf(record)
  if (value === undefined) throw new NotAvailable(`the ${label} run has no git capture`)
  if (!value.available) throw new NotAvailable(`the ${label} run was not inside a git repository`)
  const { commit, root } = value
  if (!/^[0-9a-f]{40,64}$/.test(commit))
    throw new NotAvailable(`the commit id of the ${label} run is not valid`)
  if (root === undefined) throw damagedField('root', 'text', root)
  return { label, folder, value, root, commit }
}

/** Create the temporary repository, with access to the objects of the repositories of the runs. */
async function borrow(git: Git, folder: string, sides: readonly Side[]): Promise<void> {
  const format = sides[0]?.commit.length === 64 ? ['--object-format=sha256'] : []
  await git(['init', '--quiet', '--bare', '--template=', ...format, '.'])
  const roots = [...new Set(sides.map(({ root }) => root))]
  const objectFolders = await Promise.all(roots.map((root) => objectsOf(git, root)))
  const paths = objectFolders.filter((path) => path !== undefined)
  await writeFile(join(folder, 'objects', 'info', 'alternates'), paths.map((path) => `${path}\n`).join(''))
  for (const side of sides) await ensureCommit(git, side)
}

/**
 * Return the object folder of a repository; `undefined` if it does not exist, or if the alternates file
 * cannot hold its path.
 */
async function objectsOf(git: Git, root: string): Promise<string | undefined> {
  const info = await stat(root).catch(() => undefined)
  if (info?.isDirectory() !== true) return undefined
  try {
    const output = await git(['rev-parse', '--git-path', 'objects'], { directory: root })
    const path = resolve(root, output.toString().replace(/\n$/, ''))
    return /[\n"]/.test(path) ? undefined : path
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    return undefined
  }
}

/** Find a commit in the repository, or else in the bundle of the run. */
async function ensureCommit(git: Git, { label, folder, commit, root }: Side): Promise<void> {
  const isThere = async (): Promise<boolean> => {
    try {
      await git(['cat-file', '-e', `${commit}^{commit}`])
      return true
    } catch (error) {
      if (!(error instanceof NotAvailable)) throw error
      return false
    }
  }
  if (await isThere()) return
  const bundle = join(folder, 'git', BUNDLE_FILE)
  if ((await stat(bundle).catch(() => undefined))?.isFile() === true) {
    // The base of the bundle can be missing as well. The check that follows shows whether it worked.
    await git(['bundle', 'unbundle', bundle]).catch((error: unknown) => {
      if (!(error instanceof NotAvailable)) throw error
    })
    if (await isThere()) return
  }
  throw new NotAvailable(`the commit ${commit} of the ${label} run is not available in ${root}`)
}

/** Build the tree of a commit with the recorded changes and untracked files. */
async function makeTree(git: Git, side: Side, incomplete: string[]): Promise<string> {
  const { label, folder, value, commit } = side
  await git(['read-tree', commit])
  const diff = value.patches?.diff
  if (diff?.status === 'written') {
    // The file name is a constant and does not come from the record.
    await git(['apply', '--cached', '--whitespace=nowarn', '--', join(folder, 'git', 'diff.patch')]).catch(
      (error: unknown) => {
        if (!(error instanceof NotAvailable)) throw error
        throw new NotAvailable(`the changes of the ${label} run do not apply: ${error.message}`)
      },
    )
    if (diff.redactedLines > 0)
      incomplete.push(`${label} run: ${diff.redactedLines} changed lines held secrets`)
  } else if (diff?.status === 'absent')
    incomplete.push(`${label} run: its changes were not kept: ${diff.reason}`)
  await addUntracked(git, side, incomplete)
  return (await git(['write-tree'])).toString().trim()
}

async function addUntracked(git: Git, { label, folder, value }: Side, incomplete: string[]): Promise<void> {
  const entries: Buffer[] = []
  for (const entry of value.untracked) {
    const { bytes, text: name, utf8 } = readPath(entry)
    if (entry.kind === 'link') entries.push(await linkEntry(git, entry, bytes))
    else if (entry.kind === 'file' && entry.kept && utf8) {
      if (name.split('/').includes('..')) throw new NotAvailable(`the path ${name} is outside the repository`)
      const file = join(folder, 'git', 'untracked', name)
      const blob = (await git(['hash-object', '-w', '--no-filters', '--', file])).toString().trim()
      entries.push(Buffer.concat([Buffer.from(`${entry.mode} ${blob}\t`), bytes, NUL]))
    } else {
      const reason = entry.kind === 'file' && !entry.kept ? `: ${entry.reason}` : ''
      incomplete.push(`${label} run: ${name} was not kept${reason}`)
    }
  }
  if (entries.length > 0) await git(['update-index', '-z', '--index-info'], { input: Buffer.concat(entries) })
}

const NUL = Buffer.from([0])

async function linkEntry(git: Git, link: UntrackedLink, path: Buffer): Promise<Buffer> {
  if (link.target === undefined) throw damagedField('untracked.target', 'text', link.target)
  const { target, targetBytes } = link
  const input = targetBytes === undefined ? Buffer.from(target) : Buffer.from(targetBytes, 'hex')
  const blob = (await git(['hash-object', '-w', '--stdin'], { input })).toString().trim()
  return Buffer.concat([Buffer.from(`120000 ${blob}\t`), path, NUL])
}

/** Create pathspecs that exclude files that are compared separately. */
function exclude(sides: readonly Side[], elsewhere: (field: string) => string | undefined): string[] {
  const paths = sides.flatMap(({ value }) =>
    (['changed', 'untracked'] as const).flatMap((list) =>
      value[list].flatMap(({ path }) =>
        elsewhere(`git.${list}.${path}`) === undefined ? [] : [`:(exclude,literal,top)${path}`],
      ),
    ),
  )
  return [...new Set(paths)]
}
