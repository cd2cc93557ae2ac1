/** File system helpers: existence checks, folders, atomic replacement of files, and system errors. */
import { fdatasync, fsync, writeSync } from 'node:fs'
import { access, lstat, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { LineaprintError } from '../core/errors.ts'
import { randomHex } from '../core/random.ts'
import { errorText } from './error-text.ts'
import type { Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'

/**
 * Return whether a path exists.
 *
 * @param links `follow`: a link to a missing target does not exist. `keep`: the link itself exists.
 * @throws The system's error if the check fails, for example for a folder without search permission.
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
 * Return whether a path exists and can be reached; `false` for any reason that it cannot. For a list of
 * candidates, of which those that cannot be reached are skipped.
 */
export async function isReachable(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** Return whether a path is a folder or a link to one; `false` for any reason that it cannot be reached. */
export async function isFolder(path: string): Promise<boolean> {
  if (path === dirname(path)) return true
  const info = await stat(path).catch(() => undefined)
  return info?.isDirectory() === true
}

/**
 * Make a folder and its missing parents one by one. The recursive mode of Node's `mkdir` never ends if the
 * system answers that the path does not exist, as below `/proc`.
 *
 * @param path Absolute.
 * @param mode Mode of the folders that are made, without what the umask forbids.
 * @returns The first folder that was made; `undefined` if all existed.
 * @throws The system's error if one cannot be made.
 */
export async function makeFolders(path: string, mode = 0o777): Promise<string | undefined> {
  const missing: string[] = []
  for (let folder = path; !(await isFolder(folder)); folder = dirname(folder)) missing.unshift(folder)
  for (const folder of missing) {
    try {
      await mkdir(folder, { mode })
    } catch (error) {
      // Another process may have made it in the meantime.
      if (!(await isFolder(folder))) throw error
    }
  }
  return missing[0]
}

/**
 * Replace a file: temporary file in the same folder, fsync, rename, fsync of the folder. When the promise
 * resolves, the content survives a loss of power. When it rejects, the old file is unchanged and no temporary
 * file is left.
 *
 * @param content Text, bytes, or the parts of a text that is too long to hold in memory.
 * @param mode Mode of the file, without what the umask forbids; see `modesIn` for files of a run.
 * @throws ERR_LINEAPRINT_STORE if any step fails.
 */
export async function writeAtomic(
  path: string,
  content: string | Uint8Array | Iterable<string>,
  mode = 0o666,
): Promise<void> {
  const write = async (file: FileHandle): Promise<void> => {
    let position = 0
    for (const block of blocksOf(content)) {
      await writeAll(file, block, position)
      position += block.length
    }
  }
  await replaceFile(path, mode, write).catch((cause: unknown) => {
    throw LineaprintError.is(cause) ? cause : storeError(path, 'it cannot be written', cause)
  })
}

/**
 * Replace a file like {@link writeAtomic} by what a function writes to it.
 *
 * @param write Writes the content to the open temporary file.
 * @returns What the function returns.
 * @throws ERR_LINEAPRINT_STORE for an error of the system, and any other error of the function.
 */
export async function replaceFile<T>(
  path: string,
  mode: number,
  write: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomHex(6)}.tmp`)
  try {
    const file = await open(temporary, 'wx', mode)
    let written: T
    try {
      written = await write(file)
      await syncHandle(file)
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    await syncFolder(dirname(path))
    return written
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw SYSTEM_CODE.test(errorCode(cause) ?? '') ? storeError(path, 'it cannot be written', cause) : cause
  }
}

/** Characters of the parts of a text that are written at a time. */
const BLOCK_LENGTH = 1 << 20

function blocksOf(content: string | Uint8Array | Iterable<string>): Iterable<Uint8Array> {
  if (typeof content === 'string') return [Buffer.from(content)]
  return content instanceof Uint8Array ? [content] : joinedBlocks(content)
}

/** Join the parts of a text into blocks. */
function* joinedBlocks(parts: Iterable<string>): Generator<Uint8Array, undefined> {
  let [block, length]: [string[], number] = [[], 0]
  for (const part of parts) {
    block.push(part)
    length += part.length
    if (length < BLOCK_LENGTH) continue
    yield Buffer.from(block.join(''))
    ;[block, length] = [[], 0]
  }
  yield Buffer.from(block.join(''))
}

/** Write all bytes at a position of a file, in as many calls as the system needs. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, null, position + done)
    done += bytesWritten
  }
}

/** Write all bytes at the end of what was written to a descriptor, in as many calls as the system needs. */
export function writeAllSync(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done, bytes.length - done)
}

/**
 * Make what was written to a file durable.
 *
 * Yarn Plug'n'Play replaces the files of Node by its own, which lack these calls and have the same descriptor.
 *
 * @param what `data`: its content and length alone. @default 'all'
 */
export async function syncHandle(file: FileHandle, what: 'all' | 'data' = 'all'): Promise<void> {
  if (process.versions['pnp'] !== undefined) await promisify(what === 'data' ? fdatasync : fsync)(file.fd)
  else await (what === 'data' ? file.datasync() : file.sync())
}

/** Make the entries of a folder durable. Windows has no such call and needs none. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await syncHandle(folder)
  } catch (error) {
    // Some network file systems do not support fsync of a folder; they return one of these codes.
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

/** Return the error for a path that the caller named, with the code of the system. */
export function inputError(path: string, action: string, cause: unknown): LineaprintError {
  return isMissing(cause)
    ? new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'there is no such file or folder', { path, cause })
    : new LineaprintError('ERR_LINEAPRINT_UNREADABLE', `cannot ${action} it: ${systemReason(cause)}`, {
        path,
        cause,
      })
}

/** Return a store error with the reason that the system gives. */
export function storeError(path: string, message: string, cause: unknown): LineaprintError {
  const reason = SYSTEM_REASONS[errorCode(cause) ?? ''] ?? errorText(cause)
  return new LineaprintError('ERR_LINEAPRINT_STORE', `${message}: ${reason}`, { path, cause })
}

/** Return the code of a system error, for example `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/**
 * Check whether an error says why something could not be read: an error of the system, or a finding of lineaprint.
 * Any other is a bug.
 */
export function isReadError(error: unknown): boolean {
  if (LineaprintError.is(error)) return LineaprintError.isFinding(error)
  return SYSTEM_CODE.test(errorCode(error) ?? '')
}

/** The codes of system errors, and of a path that is no regular file. Those of Node begin with `ERR_`. */
const SYSTEM_CODE = /^(?:E(?!RR_)|NOT_REGULAR$)/

/** Return whether a system error means that nothing exists at a path. */
export function isMissing(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** Return the code of a system error; its message if it has no code. */
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
