/**
 * Unfinished run folders of processes that were killed. Their names identify the process; they are swept once
 * it has ended.
 */
import { lstat, readdir, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { randomHex } from '../core/random.ts'
import { isMarkedAlive, processMark } from '../util/process-identity.ts'

/**
 * Creating a folder takes milliseconds; younger folders than this are never removed, whatever their name
 * says.
 */
const SAFE_AGE_MS = 3_600_000

const NAME = /^\.new-[0-9a-f]{12}-(.+)$/

/** The content of such a folder: the first record, and the temporary file that is renamed to it. */
const CONTENT = /^(?:run\.json|\.run\.json\.[0-9a-f]{12}\.tmp)$/

/** Return the name of a folder in which this process creates a run. */
export function unfinishedName(): string {
  return `.new-${randomHex(6)}-${processMark()}`
}

/**
 * Remove the folders that killed processes of this machine left unfinished for more than an hour. A folder is
 * kept if its process runs or cannot be checked, for example in another container. Folders that cannot be
 * removed stay.
 *
 * Cost: one listing of the store, and a stat of each such folder.
 *
 * @param runs Absolute path of the folder that contains one folder per run.
 */
export async function sweepAbandoned(runs: string): Promise<void> {
  // A store that cannot be listed cannot be swept; writing to it reports the problem.
  const names = await readdir(runs).catch(() => [])
  for (const name of names) {
    const mark = NAME.exec(name)?.[1]
    // A failed removal is left to the next run: the folder's name is not that of a run.
    if (mark !== undefined && isMarkedAlive(mark) === 'gone')
      await remove(join(runs, name)).catch(() => undefined)
  }
}

/** Remove only the known files and never recurse: a link or a foreign file stays. */
async function remove(folder: string): Promise<void> {
  const info = await lstat(folder)
  if (!info.isDirectory() || Date.now() - info.mtimeMs < SAFE_AGE_MS) return
  for (const name of await readdir(folder)) if (CONTENT.test(name)) await unlink(join(folder, name))
  await rmdir(folder)
}
