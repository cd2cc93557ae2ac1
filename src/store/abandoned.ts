/** Folders of runs that were being made when their process was killed: they bear its mark, and are swept once it is gone. */
import { randomBytes } from 'node:crypto'
import { lstat, readdir, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isMarkedAlive, processMark } from '../util/process-identity.ts'

/** A folder is made within milliseconds; one that is younger than this is left alone, whatever its mark says. */
const SAFE_AGE_MS = 3_600_000

const NAME = /^\.new-[0-9a-f]{12}-(.+)$/

/** What is written into such a folder: the first record, and the file that it is renamed from. */
const CONTENT = /^(?:run\.json|\.run\.json\.[0-9a-f]{12}\.tmp)$/

/** Name of a folder that this process is about to make a run in. */
export function unfinishedName(): string {
  return `.new-${randomBytes(6).toString('hex')}-${processMark()}`
}

/**
 * Removes the folders that killed processes of this machine left unfinished for more than an hour. One of a process that
 * is there or cannot be looked for, such as one of another container, is kept. What cannot be removed stays.
 *
 * Cost: one listing of the store, and a look at each such folder.
 *
 * @param runs Absolute path of the folder that holds one folder per run.
 */
export async function sweepAbandoned(runs: string): Promise<void> {
  // A store that cannot be listed cannot be swept; whatever else is wrong with it is told by who writes to it.
  const names = await readdir(runs).catch(() => [])
  for (const name of names) {
    const mark = NAME.exec(name)?.[1]
    // Left for the next run, at worst: nobody takes such a folder for a run.
    if (mark !== undefined && isMarkedAlive(mark) === 'gone')
      await remove(join(runs, name)).catch(() => undefined)
  }
}

/** By the names of what is in it, and never deeper: a link or anything that was put there stays. */
async function remove(folder: string): Promise<void> {
  const info = await lstat(folder)
  if (!info.isDirectory() || Date.now() - info.mtimeMs < SAFE_AGE_MS) return
  for (const name of await readdir(folder)) if (CONTENT.test(name)) await unlink(join(folder, name))
  await rmdir(folder)
}
