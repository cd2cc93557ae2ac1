/** Writing files so that a reader sees the old content or the new one, and a crash leaves one of the two. */
import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import type { FileHandle } from 'node:fs/promises'

/**
 * Replaces a file: temporary file in the same folder, fsync, rename, fsync of the folder. When it resolves,
 * the content survives a loss of power. When it throws, the old file stands and no temporary one is left.
 *
 * @throws ERR_LINEAPRINT_STORE if any step fails.
 */
export async function writeAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    const file = await open(temporary, 'wx', 0o666)
    try {
      await writeAll(file, typeof content === 'string' ? Buffer.from(content) : content, 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    await syncFolder(dirname(path))
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw storeError(path, 'it cannot be written', cause)
  }
}

/** Writes bytes at a position of a file, whatever parts the system takes them in. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, null, position + done)
    done += bytesWritten
  }
}

/** Makes the entries of a folder durable. Windows has no such call and needs none. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } catch (error) {
    // Some network file systems do not know fsync of a folder; they answer with one of these.
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP'].includes(errorCode(error) ?? '')) throw error
  } finally {
    await folder.close()
  }
}

/** An error of the store with the words of the system behind it. */
export function storeError(path: string, message: string, cause: unknown): LineaprintError {
  const reason =
    SYSTEM_REASONS[errorCode(cause) ?? ''] ?? (cause instanceof Error ? cause.message : String(cause))
  return new LineaprintError('ERR_LINEAPRINT_STORE', `${message}: ${reason}`, { path, cause })
}

/** The code of an error of the system, for example `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a file stands where a folder is needed',
  EEXIST: 'a file stands where a folder is needed',
  ENOENT: 'there is no such file or folder',
  EISDIR: 'a folder stands where a file is needed',
  EMFILE: 'too many open files',
  EIO: 'the device reports an error',
}
