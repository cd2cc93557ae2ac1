/** Reading of objects. Nothing of one is used before its digest was checked. */
import { constants, chmod, copyFile, link, lstat, open, rename, rm, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { randomHex } from '../../core/random.ts'
import { hashFile } from '../../hash/file.ts'
import { hashStream } from '../../hash/stream.ts'
import { errorText } from '../../util/error-text.ts'
import { errorCode, isReadError, storeError, syncHandle, writeAll } from '../../util/fs.ts'
import { openUnlinked } from '../../util/own-file.ts'
import {
  contentOf,
  damagedObject,
  listPath,
  missingObject,
  piecePath,
  piecesOf,
  writtenOf,
} from './layout.ts'
import type { JobOptions } from '../../core/options.ts'
import type { KeptFile } from '../../record/overwritten.ts'
import type { Store } from '../store.ts'
import type { ObjectContent } from './layout.ts'

/** Options of reads that take long. */
type ReadOptions = Pick<JobOptions, 'signal' | 'onProgress'>

/** The state of an object. */
export type ObjectState = 'same' | 'damaged' | 'missing'

/** Bytes that are read at a time. */
const BLOCK = 4 << 20

/**
 * Read an object, and compare it with its digest.
 *
 * @throws The error of a system call, for an object that is there and cannot be read.
 */
export async function checkObject(
  store: Store,
  content: ObjectContent,
  options: ReadOptions = {},
): Promise<ObjectState> {
  const pieces = await piecesOf(store, content)
  if (pieces === undefined) return 'missing'
  const received = await digestOf(store, content, pieces, options)
  return received === writtenOf(content) ? 'same' : 'damaged'
}

/** A file of a copy, and the state of its object. */
export interface CheckedFile {
  readonly path: string
  /** Digest in written form. */
  readonly expected: string
  readonly state: ObjectState
  /** Why the object could not be read; only of a damaged one. */
  readonly reason?: string
}

/** Check the objects of the files of a copy, as a record names them. Never rejects but for the signal. */
export async function checkCopy(
  store: Store,
  files: readonly KeptFile[],
  options: ReadOptions = {},
): Promise<CheckedFile[]> {
  const checked: CheckedFile[] = []
  for (const { path, size, digests } of files) {
    const content = contentOf(digests, size)
    const expected = digests.blake3 ?? digests.sha256 ?? 'no digest'
    if (content === undefined) checked.push({ path, expected, state: 'missing' })
    else
      try {
        checked.push({ path, expected, state: await checkObject(store, content, options) })
      } catch (error) {
        options.signal?.throwIfAborted()
        if (!isReadError(error)) throw error
        checked.push({ path, expected, state: 'damaged', reason: errorText(error, 'first') })
      }
  }
  return checked
}

/**
 * Check an object, and return a function that reads its bytes.
 *
 * @throws ERR_LINEAPRINT_NOT_FOUND if the store does not have it, ERR_LINEAPRINT_CHANGED if it is damaged.
 */
export async function openObject(
  store: Store,
  content: ObjectContent,
  signal: AbortSignal,
): Promise<(stop: AbortSignal) => AsyncGenerator<Uint8Array>> {
  const pieces = await piecesOf(store, content)
  if (pieces === undefined) throw missingObject(store, content)
  const received = await digestOf(store, content, pieces, { signal })
  if (received !== writtenOf(content)) {
    const path = pieces.length === 1 ? piecePath(store, content) : listPath(store, content)
    throw damagedObject(path, content, received)
  }
  return async function* (stop) {
    for await (const block of blocksOf(store, pieces)) {
      stop.throwIfAborted()
      // The next block is read into the same memory.
      yield Uint8Array.from(block)
    }
  }
}

/** Compute the written digest of the bytes of pieces. */
export async function digestOf(
  store: Store,
  content: ObjectContent,
  pieces: readonly ObjectContent[],
  options: ReadOptions,
): Promise<string> {
  const { algorithm } = content
  const [only] = pieces
  if (pieces.length === 1 && only !== undefined)
    return (await hashFile(piecePath(store, only), { algorithm, ...options })).digest.toString()
  return (await hashStream(blocksOf(store, pieces), { algorithm, ...options })).digest.toString()
}

async function* blocksOf(store: Store, pieces: readonly ObjectContent[]): AsyncGenerator<Uint8Array> {
  const block = Buffer.alloc(BLOCK)
  for (const piece of pieces) {
    await using file = await openUnlinked(piecePath(store, piece))
    for (let done = 0; done < piece.size;) {
      const { bytesRead } = await file.read(block, 0, Math.min(BLOCK, piece.size - done), done)
      // The digest tells that something is missing.
      if (bytesRead === 0) return
      yield block.subarray(0, bytesRead)
      done += bytesRead
    }
  }
}

/** Options of {@link writeObject}. */
export interface WriteOptions extends ReadOptions {
  /** Mode of the file, without what the umask forbids. */
  readonly mode: number
  /** True if a regular file at the path is replaced. @default false */
  readonly replace?: boolean | undefined
}

/**
 * Write an object to a path. The file appears there with all of its verified bytes, or not at all.
 *
 * @param target Absolute path. Its folder exists.
 * @throws ERR_LINEAPRINT_NOT_FOUND if the store does not have the object, ERR_LINEAPRINT_CHANGED if it is damaged,
 * ERR_LINEAPRINT_STORE if the file exists or cannot be written.
 */
export async function writeObject(
  store: Store,
  content: ObjectContent,
  target: string,
  { mode, replace = false, ...options }: WriteOptions,
): Promise<void> {
  const pieces = await piecesOf(store, content)
  if (pieces === undefined) throw missingObject(store, content)
  const temporary = join(dirname(target), `.${basename(target).slice(0, 100)}.${randomHex(6)}.tmp`)
  try {
    if (!replace && (await exists(target))) throw existing(target)
    await copyPieces(store, pieces, temporary, options.signal)
    const { digest, size } = await hashFile(temporary, { algorithm: content.algorithm, ...options })
    if (size !== content.size || digest.toString() !== writtenOf(content)) {
      const path = pieces.length === 1 ? piecePath(store, content) : listPath(store, content)
      throw damagedObject(path, content, digest.toString())
    }
    await chmod(temporary, mode & ~umask())
    await using file = await open(temporary, 'r')
    await syncHandle(file)
    if (replace) await rename(temporary, target)
    else await moveNew(temporary, target)
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined)
    options.signal?.throwIfAborted()
    throw LineaprintError.is(cause) ? cause : storeError(target, 'it cannot be written', cause)
  }
}

async function copyPieces(
  store: Store,
  pieces: readonly ObjectContent[],
  temporary: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const [only] = pieces
  if (pieces.length === 1 && only !== undefined) {
    await copyFile(piecePath(store, only), temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    return chmod(temporary, 0o600)
  }
  await using file = await open(temporary, 'wx', 0o600)
  let position = 0
  for await (const block of blocksOf(store, pieces)) {
    signal?.throwIfAborted()
    await writeAll(file, block, position)
    position += block.length
  }
}

/** Move a file to a path at which nothing stands. */
async function moveNew(temporary: string, target: string): Promise<void> {
  try {
    await link(temporary, target)
    await unlink(temporary)
  } catch (cause) {
    if (errorCode(cause) === 'EEXIST') throw existing(target, cause)
    if (!NO_LINKS.has(errorCode(cause) ?? '')) throw cause
    // A file system without hard links. What appears at the path since it was examined is replaced.
    await rename(temporary, target)
  }
}

/** Codes of file systems without hard links. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: unknown) => {
      if (errorCode(error) === 'ENOENT') return false
      throw error
    },
  )
}

function existing(path: string, cause?: unknown): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_STORE', 'a file exists there, and is not replaced', {
    path,
    cause,
  })
}

let mask: number | undefined

/** Return what the umask forbids. Asking for it sets it, so it is asked once. */
function umask(): number {
  mask ??= process.umask()
  return mask
}
