/** Reading of small files whose type and size are not known in advance. */
import { isReachable, isMissing, systemReason } from '../../util/fs.ts'
import { constants, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { NotAvailable } from '../../util/not-available.ts'

/** Limit of the size in bytes. None of the expected files is larger. */
const SIZE_LIMIT = 64 << 20

/**
 * Return the bytes of a file; `undefined` if it does not exist. Never waits for a FIFO, and never reads a
 * device.
 *
 * @throws NotAvailable if it is not a regular file, too large, or cannot be read.
 */
export async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    await using handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stat = await handle.stat()
    if (!stat.isFile()) throw new NotAvailable(`${path} is not a regular file`)
    if (stat.size > SIZE_LIMIT) throw new NotAvailable(`${path} is over ${SIZE_LIMIT} bytes`)
    return await handle.readFile()
  } catch (error) {
    if (error instanceof NotAvailable) throw error
    if (isMissing(error)) return undefined
    throw new NotAvailable(`${path} cannot be read: ${systemReason(error)}`)
  }
}

/**
 * Return the text of a file; `undefined` if it does not exist or cannot be read. For optional information.
 */
export async function readHint(path: string): Promise<string | undefined> {
  try {
    return (await readIfPresent(path))?.toString()
  } catch (error) {
    if (error instanceof NotAvailable) return undefined
    throw error
  }
}

/** Yield a folder and its parents, up to the one that holds a `.git`, or the root. */
export async function* foldersUp(directory: string): AsyncGenerator<string> {
  for (let folder = directory; ; folder = dirname(folder)) {
    yield folder
    if (folder === dirname(folder) || (await isReachable(join(folder, '.git')))) return
  }
}
