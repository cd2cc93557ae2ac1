/** Removal of the folder of a run: it disappears from the store at once, and then its files are removed. */
import { lstat, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { randomHex } from '../core/random.ts'
import { errorCode, storeError, syncFolder } from '../util/fs.ts'

/** Names of folders of which the removal has begun. */
export const REMOVED_RUN: RegExp = /^\.removed-[0-9a-f]{16}-/

/**
 * Return the path of a folder beside the runs that is none of them, and that {@link sweepRemoved} removes if it stays.
 *
 * @param name Name of the run.
 */
export function hiddenFolder(runs: string, name: string): string {
  return join(runs, `.removed-${randomHex(8)}-${name}`)
}

/**
 * Remove the folder of a run with everything in it. Links are removed and never followed.
 *
 * @param folder Absolute path.
 * @throws ERR_LINEAPRINT_STORE if it is no folder, or cannot be removed.
 */
export async function removeRunFolder(folder: string): Promise<void> {
  const runs = dirname(folder)
  const hidden = hiddenFolder(runs, basename(folder))
  try {
    if (!(await lstat(folder)).isDirectory())
      throw new LineaprintError('ERR_LINEAPRINT_STORE', 'it is a link or a file, and is not removed', {
        path: folder,
        expected: 'the folder of a run',
        received: 'something else',
      })
    await rename(folder, hidden)
    await syncFolder(runs)
    await rm(hidden, { recursive: true, force: true, maxRetries: 5 })
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    throw storeError(folder, 'the run cannot be removed', cause)
  }
}

/**
 * Remove what interrupted removals left.
 *
 * @param runs Absolute path of the folder that contains one folder per run.
 * @returns The number of folders.
 */
export async function sweepRemoved(runs: string): Promise<number> {
  let removed = 0
  try {
    for (const name of await readdir(runs)) {
      const path = join(runs, name)
      if (!REMOVED_RUN.test(name) || !(await lstat(path)).isDirectory()) continue
      await rm(path, { recursive: true, force: true, maxRetries: 5 })
      removed++
    }
  } catch (cause) {
    if (errorCode(cause) !== 'ENOENT') throw storeError(runs, 'removed runs cannot be swept', cause)
  }
  return removed
}
