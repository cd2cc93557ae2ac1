/**
 * The code of a run in the objects of the store: a pack of git with the recorded commit and its files, without the commits
 * before it. With the patches and untracked files of the run it is the whole work tree, wherever the repository is by then.
 */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { createGit } from '../../capture/git/command.ts'
import { parseGitCapture } from '../../capture/git/parse.ts'
import { writeDigests } from '../../core/digest.ts'
import { freeBytes, keepObject } from '../../store/objects/write.ts'
import { writeAll } from '../../util/fs.ts'
import { makeTemporary } from '../../util/temporary.ts'
import { copyUnderLease } from './keep.ts'
import type { JsonObject } from '../../core/json-value.ts'
import type { KeptCopy } from '../../record/overwritten.ts'
import type { RunWriter } from '../run-writer.ts'

/** Timeout of git in milliseconds: the files of a large commit take long. */
const TIMEOUT = 30 * 60_000

/** Name of the pack in the record. */
const PACK_NAME = 'commit.pack'

/** Keep the recorded commit, and record it with the git capture. Nothing is done without one. */
export async function keepCode(writer: RunWriter, signal: AbortSignal | undefined): Promise<void> {
  const capture = writer.state.captures.get('git')
  if (capture?.status !== 'captured') return
  const repository = parseGitCapture(capture.value)
  if (!repository.available || repository.root === undefined) return
  const { root, commit } = repository
  const record = (code: KeptCopy): void => {
    const value: JsonObject = { ...capture.value, code }
    writer.append({ type: 'capture', component: 'git', result: { ...capture, value } })
  }
  const copy = await copyUnderLease(writer, () => keepPack(writer, root, commit, signal), record, signal)
  if (copy.status !== 'failed') return
  record(copy)
  writer.append({ type: 'warning', message: `the code was not kept: ${copy.reason}` })
}

async function keepPack(
  writer: RunWriter,
  root: string,
  commit: string,
  signal: AbortSignal | undefined,
): Promise<KeptCopy> {
  const git = createGit({ directory: root, timeout: TIMEOUT, signal, environment: process.env })
  const room = (await freeBytes(writer.store)) - writer.configuration.keep.freeSpace
  const folder = await makeTemporary('lineaprint-')
  try {
    const source = join(folder.path, PACK_NAME)
    await using file = await open(source, 'wx', 0o600)
    let size = 0
    await git(['pack-objects', '--revs', '--stdout', '--quiet'], {
      // Its parents do not count, as in a shallow clone.
      input: Buffer.from(`--shallow ${commit}\n${commit}\n`),
      onOutput: async (piece) => {
        if (size + piece.length > room)
          throw new Error('the file system of the store has too little free space')
        await writeAll(file, piece, size)
        size += piece.length
      },
    })
    const { algorithm } = writer.configuration
    const kept = await keepObject(writer.store, source, { algorithm, signal })
    const digests = writeDigests(kept.digests)
    return { status: 'kept', files: [{ path: PACK_NAME, size: kept.size, isExecutable: false, digests }] }
  } finally {
    await folder.remove()
  }
}
