/**
 * Files and folders that lineaprint keeps at names that anybody can predict.
 *
 * Something else can stand at such a name: a link to a file of worth, a FIFO that nobody reads, a file that another
 * user can write to. It is never read, written or waited for.
 */
import { constants, lstatSync, statSync } from 'node:fs'
import { lstat, open, stat, unlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorCode, isMissing } from './fs.ts'
import type { Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'

/** The state of a name: `others` belongs to another user, `foreign` is not a file of lineaprint's form. */
export type NameState = 'own' | 'missing' | 'others' | 'foreign'

/** Flags of an open that follows no link and waits for no other process. Windows has neither. */
export const SAFE: number = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** Permission of the group and of all users to write. */
const OTHERS_WRITE = 0o022

/** Permission of all users to write. */
const ALL_WRITE = 0o002

/**
 * Return what stands at the name of a file. Links are not followed.
 *
 * @param groups `shared`: a file that a group may write to is accepted, as for {@link folderProblem}. @default private
 */
export function stateOfName(path: string, groups: 'shared' | 'private' = 'private'): NameState {
  try {
    return stateOf(lstatSync(path), groups === 'shared' ? ALL_WRITE : OTHERS_WRITE)
  } catch (error) {
    if (isMissing(error)) return 'missing'
    throw error
  }
}

/** An own file is regular, belongs to this user, has one name, and nobody else can write to it. */
function stateOf(info: Stats, writers: number = OTHERS_WRITE): Exclude<NameState, 'missing'> {
  const user = process.geteuid?.()
  if (user !== undefined && info.uid !== user) return 'others'
  if (!info.isFile() || info.nlink !== 1) return 'foreign'
  return user !== undefined && (info.mode & writers) !== 0 ? 'foreign' : 'own'
}

/**
 * Open an own file. What else stands at its name is removed, by the name, before a new file is made.
 *
 * @param access `read`, or `append`, which makes a missing file that only this user can read.
 * @returns `undefined` if there is no such file to read, or if the name cannot be cleared.
 * @throws The system's error if the file cannot be opened.
 */
export async function openOwnFile(path: string, access: 'read' | 'append'): Promise<FileHandle | undefined> {
  // Opening a device can have an effect, so the name is examined first.
  const before = await lstat(path).then(stateOf, (error: unknown) => {
    if (isMissing(error)) return undefined
    throw error
  })
  if (before === undefined && access === 'read') return undefined
  if (before !== undefined && before !== 'own') {
    await unlink(path).catch(() => undefined)
    if (access === 'read') return undefined
  }
  const flags = access === 'read' ? constants.O_RDONLY : APPEND
  const file = await open(path, flags | SAFE, 0o600)
  if (stateOf(await file.stat()) === 'own') return file
  // It was put there in the meantime.
  await file.close()
  return undefined
}

const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT

/**
 * Return the reason why a folder is not safe for such files: other users could put anything there. A link is followed
 * if this user or root made it. A group that may write is a choice of the owner.
 *
 * @param groups `shared`: a folder that a group shares is accepted. `private`: it is not.
 * @throws The system's error if the folder cannot be examined.
 */
export function folderProblem(path: string, groups: 'shared' | 'private'): string | undefined {
  const user = process.geteuid?.()
  if (user === undefined) return undefined
  const link = lstatSync(path)
  if (link.isSymbolicLink() && link.uid !== user && link.uid !== 0) return 'it is a link of another user'
  const info = statSync(path)
  if (!info.isDirectory()) return 'it is not a folder'
  const isShared = (info.mode & 0o020) !== 0
  if ((info.mode & 0o002) !== 0) return 'all users can write to the folder'
  if (groups === 'private' && isShared) return 'other users can write to the folder'
  if (info.uid !== user && !isShared) return 'the folder belongs to another user'
  return info.uid !== user && groups === 'private' ? 'the folder belongs to another user' : undefined
}

/**
 * Read a regular file of anybody whole, as {@link openRegular} opens it.
 *
 * @param limit The most bytes that it may have.
 * @throws Also an error with the code `EFBIG` if it is longer.
 */
export async function readRegular(path: string, limit: number): Promise<Buffer> {
  await using file = await openRegular(path)
  const { size } = await file.stat()
  if (size > limit) throw Object.assign(new Error(`it is longer than ${limit} bytes`), { code: 'EFBIG' })
  return await file.readFile()
}

/**
 * Open a regular file for reading. A link is refused, and a FIFO is not waited for.
 *
 * @throws The system's error, `ELOOP` for a link, or `NOT_REGULAR`.
 */
export async function openUnlinked(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | SAFE)
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw Object.assign(new Error('it is not a regular file'), { code: 'NOT_REGULAR' })
}

/**
 * Read a regular file whole, as {@link openUnlinked} opens it.
 *
 * @param limit The most bytes that it may have.
 * @throws Also an error with the code `EFBIG` if it is longer.
 */
export async function readUnlinked(path: string, limit: number): Promise<Buffer> {
  await using file = await openUnlinked(path)
  const { size } = await file.stat()
  if (size > limit) throw Object.assign(new Error(`it is longer than ${limit} bytes`), { code: 'EFBIG' })
  return await file.readFile()
}

/** Milliseconds for which the reader of a FIFO waits for somebody who writes to it. */
const WRITER_MS = 500

/** The most bytes of a file or FIFO that the caller named. */
const GIVEN_LIMIT = 2 ** 31 - 1

/**
 * Read a file that the caller named: a regular one, or a FIFO to which somebody writes, as a shell makes for `<(…)`.
 *
 * @throws The system's error, `NOT_REGULAR` for anything else and for a FIFO without a writer, or `EFBIG`.
 */
export async function readGiven(path: string): Promise<Buffer> {
  const info = await stat(path)
  if (info.isDirectory()) throw Object.assign(new Error('it is a folder'), { code: 'EISDIR' })
  if (!info.isFIFO()) return await readRegular(path, GIVEN_LIMIT)
  await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  const chunks: Buffer[] = []
  let length = 0
  const end = performance.now() + WRITER_MS
  for (;;) {
    const chunk = Buffer.alloc(1 << 16)
    // Without a writer there are 0 bytes; with one that has not written yet, the call would block.
    const count = await file.read(chunk, 0, chunk.length, null).then(
      ({ bytesRead }) => bytesRead,
      (error: unknown) => {
        if (errorCode(error) === 'EAGAIN') return undefined
        throw error
      },
    )
    if (count === 0 && length > 0) return Buffer.concat(chunks)
    if (count === 0 && performance.now() > end)
      throw Object.assign(new Error('nobody writes to this FIFO'), { code: 'NOT_REGULAR' })
    if (count === undefined || count === 0) await sleep(5)
    else {
      chunks.push(chunk.subarray(0, count))
      length += count
    }
    if (length > GIVEN_LIMIT) throw Object.assign(new Error('it is too long'), { code: 'EFBIG' })
  }
}

/**
 * Open a regular file of anybody for reading; a link is followed. Never waits: a FIFO without a writer is refused.
 *
 * @throws The system's error, or an error with the code `NOT_REGULAR` if it is not a regular file.
 */
export async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw Object.assign(new Error('it is not a regular file'), { code: 'NOT_REGULAR' })
}
