/** Whether a path leads somewhere, folders, files that are replaced at once, and the errors of the system. */
import { access, lstat, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { errorText } from './error-text.ts'
import type { Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'

/**
 * Whether a path leads to something.
 *
 * @param links `follow`: a link that leads nowhere is nothing. `keep`: the link itself is something.
 * @throws The system's error where it cannot be told, such as for a folder that may not be searched.
 */
export async function pathExists(path: string, links: 'follow' | 'keep' = 'follow'): Promise<boolean> {
  try {
    await (links === 'follow' ? stat(path) : lstat(path))
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/**
 * Whether a path leads to something that can be reached; `false` for whatever reason it cannot. For candidates, of which
 * one that cannot be reached is none.
 */
export async function isReachable(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** Whether there is a folder, itself or behind a link; `false` for whatever reason it cannot be reached. */
export async function isFolder(path: string): Promise<boolean> {
  if (path === dirname(path)) return true
  const info = await stat(path).catch(() => undefined)
  return info?.isDirectory() === true
}

/**
 * Make a folder and those above it, one by one: Node's own recursive way never ends where the system answers that the
 * path does not exist, as below `/proc`.
 *
 * @param path Absolute.
 * @returns The first that had to be made; `undefined` if all existed.
 * @throws The system's error if one cannot be made.
 */
export async function makeFolders(path: string): Promise<string | undefined> {
  const missing: string[] = []
  for (let folder = path; !(await isFolder(folder)); folder = dirname(folder)) missing.unshift(folder)
  for (const folder of missing) {
    try {
      await mkdir(folder)
    } catch (error) {
      // Another process may have made it in the meantime.
      if (!(await isFolder(folder))) throw error
    }
  }
  return missing[0]
}

/**
 * Replaces a file: temporary file in the same folder, fsync, rename, fsync of the folder. When it resolves,
 * the content survives a loss of power. When it throws, the old file stands and no temporary one is left.
 *
 * @throws ERR_LINEAPRINT_STORE if any step fails.
 */
export async function writeAtomic(path: string, content: string | Uint8Array): Promise<void> {
  // The global loads when it is used: `run` needs this file before it starts Python, and loading `node:crypto` takes 4 ms.
  const random = Buffer.from(crypto.getRandomValues(new Uint8Array(6))).toString('hex')
  const temporary = join(dirname(path), `.${basename(path)}.${random}.tmp`)
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

/**
 * Stat a path that the caller named; links are followed.
 *
 * @param given The path as it was named, for errors. @default path
 * @throws ERR_LINEAPRINT_NOT_FOUND, or UNREADABLE with the code of the system.
 */
export async function statInput(path: string, given: string = path): Promise<Stats> {
  return stat(path).catch((cause: unknown) => {
    throw inputError(given, 'stat', cause)
  })
}

/** An error of a path that the caller named, with the code of the system. */
export function inputError(path: string, action: string, cause: unknown): LineaprintError {
  return isMissing(cause)
    ? new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'there is no such file or folder', { path, cause })
    : new LineaprintError('ERR_LINEAPRINT_UNREADABLE', `cannot ${action} it: ${systemReason(cause)}`, {
        path,
        cause,
      })
}

/** An error of the store with the words of the system behind it. */
export function storeError(path: string, message: string, cause: unknown): LineaprintError {
  const reason = SYSTEM_REASONS[errorCode(cause) ?? ''] ?? errorText(cause)
  return new LineaprintError('ERR_LINEAPRINT_STORE', `${message}: ${reason}`, { path, cause })
}

/** The code of an error of the system, for example `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Whether an error of the system says that there is nothing under a path. */
export function isMissing(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** The code of an error of the system; its message where it has none. */
export function systemReason(error: unknown): string {
  return errorCode(error) ?? errorText(error)
}

const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a file exists where a folder is needed',
  EEXIST: 'a file exists where a folder is needed',
  ENOENT: 'there is no such file or folder',
  EISDIR: 'a folder exists where a file is needed',
  EMFILE: 'too many open files',
  EIO: 'the device reports an error',
}
