/** Reading small files that may be anything. */
import { constants, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isMissing, isReachable, systemReason } from '../../util/fs.ts'
import { Absent } from '../../util/not-available.ts'

/** Larger files are not read: none of those looked for is. */
const SIZE_LIMIT = 64 << 20

/**
 * The bytes of a file, or `undefined` if there is none. Never waits for a FIFO, and never reads a device.
 *
 * @throws Absent if it is something else than a file, too large, or cannot be read.
 */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    await using handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stat = await handle.stat()
    if (!stat.isFile()) throw new Absent(`${path} is not a regular file`)
    if (stat.size > SIZE_LIMIT) throw new Absent(`${path} is over ${SIZE_LIMIT} bytes`)
    return await handle.readFile()
  } catch (error) {
    if (error instanceof Absent) throw error
    if (isMissing(error)) return undefined
    throw new Absent(`${path} cannot be read: ${systemReason(error)}`)
  }
}

/** The text of a file, or `undefined` if there is none or it cannot be read: for hints that may be missing. */
export async function readHint(path: string): Promise<string | undefined> {
  try {
    return (await readIfThere(path))?.toString()
  } catch (error) {
    if (error instanceof Absent) return undefined
    throw error
  }
}

/**
 * A folder and those above it, up to the one that holds a `.git`, or the root.
 */
export async function* foldersUp(directory: string): AsyncGenerator<string> {
  for (let folder = directory; ; folder = dirname(folder)) {
    yield folder
    if (folder === dirname(folder) || (await isReachable(join(folder, '.git')))) return
  }
}
