/** Writing of objects: a copy under a temporary name, verified, made durable, and renamed. */
import { existsSync } from 'node:fs'
import { constants, chmod, copyFile, open, rename, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { randomHex } from '../../core/random.ts'
import { hashFile } from '../../hash/file.ts'
import { hashStream } from '../../hash/stream.ts'
import { isFolder, makeFolders, storeError, syncFolder, syncHandle, writeAll } from '../../util/fs.ts'
import { openRegular } from '../../util/own-file.ts'
import {
  PART_SIZE,
  contentOfDigests,
  formatParts,
  hasPiece,
  listPath,
  makeObjectFolders,
  objectModes,
  objectsFolder,
  piecePath,
  piecesOf,
  writtenOf,
} from './layout.ts'
import type { FileHandle } from 'node:fs/promises'
import type { AlgorithmChoice, Digests } from '../../core/digest.ts'
import type { Store } from '../store.ts'
import type { ObjectContent } from './layout.ts'

/** A kept file. */
export interface KeptObject {
  readonly size: number
  readonly digests: Digests
}

/** Options of {@link keepObject}. */
export interface KeepOptions {
  readonly algorithm: AlgorithmChoice
  /** The content that the file must have. If the store has it already, the file is not read. @default any */
  readonly expected?: KeptObject | undefined
  readonly signal?: AbortSignal | undefined
}

/** Bytes that are read and written at a time. */
const BLOCK = 4 << 20

/** Ending of the names of temporary files. */
export const TEMPORARY: RegExp = /^\.[0-9a-f]{16}\.tmp$/

/**
 * Copy a file into the store. On file systems that can, the copy of a file of at most 64 MiB shares its blocks with the
 * file until one of them is written. Call it while a lease is held; see `lease.ts`.
 *
 * Cost: the copy is read once to verify it, and the parts of a longer file twice.
 *
 * @param source Absolute path; a link is followed. Anything but a regular file is refused, and never waited for.
 * @returns The size and digests of the copy.
 * @throws ERR_LINEAPRINT_CHANGED if it is not the expected content or changed while it was copied,
 * ERR_LINEAPRINT_STORE if it cannot be copied.
 */
export async function keepObject(store: Store, source: string, options: KeepOptions): Promise<KeptObject> {
  const { expected, signal } = options
  try {
    if (expected !== undefined) {
      const content = contentOfDigests(expected.digests, expected.size)
      if ((await piecesOf(store, content)) !== undefined) return expected
    }
    await makeFolders(store.root)
    await makeObjectFolders(store, objectsFolder(store))
    await using file = await openRegular(source)
    const { size } = await file.stat()
    const kept =
      size <= PART_SIZE
        ? await keepWhole(store, file, source, options)
        : await keepParts(store, file, source, size, options)
    return kept
  } catch (cause) {
    signal?.throwIfAborted()
    if (LineaprintError.is(cause)) throw cause
    throw storeError(source, 'it cannot be copied into the store', cause)
  }
}

/** Return the free bytes of the file system of a store. */
export async function freeBytes({ root }: Store): Promise<number> {
  let folder = root
  // The store itself is made with the first run.
  while (folder !== dirname(folder) && !(await isFolder(folder))) folder = dirname(folder)
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Keep a file of one piece. */
async function keepWhole(
  store: Store,
  file: FileHandle,
  source: string,
  { algorithm, expected, signal }: KeepOptions,
): Promise<KeptObject> {
  return withTemporary(store, async (temporary) => {
    await copyFile(cloneSource(file, source), temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    // The copy has the mode of the file, and may be read-only already.
    await chmod(temporary, 0o600)
    const { size, digests } = await hashFile(temporary, { algorithm, signal })
    if (size > PART_SIZE) throw changed(source)
    checkExpected(source, { size, digests }, expected)
    await commit(store, temporary, contentOfDigests(digests, size))
    return { size, digests }
  })
}

/**
 * Return a path by which the open file can be copied, whatever stands at its own path by then: a FIFO there would never
 * end.
 */
function cloneSource(file: FileHandle, source: string): string {
  return hasDescriptors() ? `/proc/self/fd/${file.fd}` : source
}

/** Return whether the open files of a process have paths. Deno throws where it may not look. */
function hasDescriptors(): boolean {
  try {
    return process.platform === 'linux' && existsSync('/proc/self/fd')
  } catch {
    return false
  }
}

/** Keep a longer file as parts. The digest of the whole is computed of the bytes that are written to the parts. */
async function keepParts(
  store: Store,
  file: FileHandle,
  source: string,
  size: number,
  { algorithm, expected, signal }: KeepOptions,
): Promise<KeptObject> {
  const parts: ObjectContent[] = []
  async function* blocks(): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < size; start += PART_SIZE) {
      signal?.throwIfAborted()
      const temporary = temporaryIn(store)
      try {
        yield* copyPart(file, source, start, Math.min(PART_SIZE, size - start), temporary)
        const part = await hashFile(temporary, { algorithm, signal })
        const content = contentOfDigests(part.digests, part.size)
        await commit(store, temporary, content)
        parts.push(content)
      } finally {
        await rm(temporary, { force: true })
      }
    }
  }
  const { digests } = await hashStream(blocks(), { algorithm, signal })
  // The file may have grown.
  if ((await file.stat()).size !== size) throw changed(source)
  checkExpected(source, { size, digests }, expected)
  const content = contentOfDigests(digests, size)
  await withTemporary(store, async (temporary) => {
    await using list = await open(temporary, 'wx', 0o600)
    await writeAll(list, Buffer.from(formatParts(content, parts)), 0)
    await publish(store, temporary, listPath(store, content), list)
  })
  return { size, digests }
}

/** Copy a range of a file into a new one, block by block; each block is returned once it is written. */
async function* copyPart(
  file: FileHandle,
  source: string,
  start: number,
  length: number,
  temporary: string,
): AsyncGenerator<Uint8Array> {
  await using part = await open(temporary, 'wx', 0o600)
  const block = Buffer.alloc(Math.min(BLOCK, length))
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(block, 0, Math.min(block.length, length - done), start + done)
    if (bytesRead === 0) throw changed(source)
    const bytes = block.subarray(0, bytesRead)
    await writeAll(part, bytes, done)
    // The consumer has hashed the block before it asks for the next one.
    yield bytes
    done += bytesRead
  }
}

/** Make a verified copy durable under the name of its content, unless the store has it. */
async function commit(store: Store, temporary: string, content: ObjectContent): Promise<void> {
  if (await hasPiece(store, content)) return rm(temporary)
  await using file = await open(temporary, 'r+')
  await publish(store, temporary, piecePath(store, content), file)
}

/** Rename a file to its final path. It survives a loss of power then, and nobody may write to it. */
export async function publish(
  store: Store,
  temporary: string,
  target: string,
  file: FileHandle,
): Promise<void> {
  await makeObjectFolders(store, dirname(target))
  await file.chmod(objectModes(store).file)
  await syncHandle(file)
  await rename(temporary, target)
  await syncFolder(dirname(target))
}

/** Return the path of a new temporary file in the folder of objects. */
export function temporaryIn(store: Store): string {
  return join(objectsFolder(store), `.${randomHex(8)}.tmp`)
}

async function withTemporary<T>(store: Store, work: (path: string) => Promise<T>): Promise<T> {
  const temporary = temporaryIn(store)
  try {
    return await work(temporary)
  } finally {
    // After the rename there is nothing at this name.
    await rm(temporary, { force: true })
  }
}

function checkExpected(
  source: string,
  { size, digests }: KeptObject,
  expected: KeptObject | undefined,
): void {
  if (expected === undefined) return
  const [before, after] = [
    contentOfDigests(expected.digests, expected.size),
    contentOfDigests(digests, size),
  ].map((content) => writtenOf(content))
  if (before === after && size === expected.size) return
  throw new LineaprintError('ERR_LINEAPRINT_CHANGED', 'it changed after it was read', {
    path: source,
    expected: before,
    received: after,
  })
}

function changed(source: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_CHANGED', 'it changed while it was copied', { path: source })
}
