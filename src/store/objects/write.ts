/** Writing of objects: a copy under a temporary name, verified, made durable, and renamed. */
import { open, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { isFolder, makeFolders, storeError, writeAll } from '../../util/fs.ts'
import { openRegular } from '../../util/own-file.ts'
import { commit, publish, withTemporary } from './commit.ts'
import { copyWhole, writeParts } from './copy.ts'
import {
  PART_SIZE,
  contentOfDigests,
  formatParts,
  listPath,
  makeObjectFolders,
  objectsFolder,
  piecesOf,
  writtenOf,
} from './layout.ts'
import type { FileHandle } from 'node:fs/promises'
import type { AlgorithmChoice, Digests } from '../../core/digest.ts'
import type { Store } from '../store.ts'

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

/**
 * Copy a file into the store. On file systems that can, the copy and the parts of a longer file share their blocks with
 * the file until one of them is written. Call it while a lease is held; see `lease.ts`.
 *
 * Cost: one read, on all threads. The hashes are of the bytes that are written, or of the shared blocks.
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
        ? await keepWhole(store, file, source, size, options)
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
  size: number,
  { algorithm, expected, signal }: KeepOptions,
): Promise<KeptObject> {
  return withTemporary(store, async (temporary) => {
    const digests = await copyWhole({ file, source, size }, temporary, { algorithm, signal })
    checkExpected(source, { size, digests }, expected)
    await commit(store, temporary, contentOfDigests(digests, size))
    return { size, digests }
  })
}

/** Keep a longer file as parts. */
async function keepParts(
  store: Store,
  file: FileHandle,
  source: string,
  size: number,
  { algorithm, expected, signal }: KeepOptions,
): Promise<KeptObject> {
  const { parts, digests } = await writeParts(store, { file, source, size }, { algorithm, signal })
  checkExpected(source, { size, digests }, expected)
  const content = contentOfDigests(digests, size)
  await withTemporary(store, async (temporary) => {
    await using list = await open(temporary, 'wx', 0o600)
    await writeAll(list, Buffer.from(formatParts(content, parts)), 0)
    await publish(store, temporary, listPath(store, content), list)
  })
  return { size, digests }
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
