/** Objects that come from elsewhere: a piece or a list of parts is there once its digest was checked, or not at all. */
import { open, rm } from 'node:fs/promises'
import { LineaprintError } from '../../core/errors.ts'
import { hashStream } from '../../hash/stream.ts'
import { makeFolders, storeError, writeAll } from '../../util/fs.ts'
import { publish, withTemporary } from './commit.ts'
import {
  PART_SIZE,
  hasPiece,
  listPath,
  makeObjectFolders,
  objectsFolder,
  parseParts,
  piecePath,
  writtenOf,
} from './layout.ts'
import { digestOf } from './read.ts'
import type { ByteStream } from '../../hash/stream.ts'
import type { Store } from '../store.ts'
import type { ObjectContent } from './layout.ts'

/** Digest and bytes of what arrives. */
type Named = Pick<ObjectContent, 'algorithm' | 'hex'>

/**
 * Write bytes that arrive to a new file, and hash them meanwhile.
 *
 * @param path Absolute path of a file that does not exist. It is removed again if anything fails.
 * @param limit Bytes at most.
 * @returns The number of bytes, and their digest in written form. They are not yet durable.
 * @throws ERR_LINEAPRINT_RANGE if there are more bytes, ERR_LINEAPRINT_STORE if they cannot be written.
 */
export async function writeArriving(
  path: string,
  bytes: ByteStream,
  { algorithm, limit }: Pick<ObjectContent, 'algorithm'> & { readonly limit: number },
): Promise<{ readonly size: number; readonly digest: string }> {
  try {
    await using file = await open(path, 'wx', 0o600)
    const written = async function* (): AsyncGenerator<Uint8Array> {
      let position = 0
      for await (const piece of bytes) {
        const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece
        if (position + chunk.length > limit)
          throw new LineaprintError('ERR_LINEAPRINT_RANGE', 'there are too many bytes', {
            field: 'body',
            expected: `at most ${limit} bytes`,
          })
        await writeAll(file, chunk, position)
        position += chunk.length
        yield chunk
      }
    }
    const { size, digest } = await hashStream(written(), { algorithm })
    return { size, digest: digest.toString() }
  } catch (cause) {
    await rm(path, { force: true })
    throw cause instanceof Error && 'syscall' in cause
      ? storeError(path, 'it cannot be written', cause)
      : cause
  }
}

/** Return the error for bytes that have another digest than their name. */
export function wrongDigest(expected: string, received: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_RECORD', 'the bytes that arrived have another digest', {
    field: 'body',
    expected,
    received,
    hint: 'send them again; if it fails again, the file changed or its disk is damaged',
  })
}

/** Take a piece into the store. @throws ERR_LINEAPRINT_RECORD for another digest; nothing is kept then. */
export async function receivePiece(store: Store, named: Named, bytes: ByteStream): Promise<void> {
  await makeFolders(store.root, 0o700)
  await makeObjectFolders(store, objectsFolder(store))
  await withTemporary(store, async (temporary) => {
    const { digest } = await writeArriving(temporary, bytes, {
      algorithm: named.algorithm,
      limit: PART_SIZE,
    })
    if (digest !== writtenOf(named)) throw wrongDigest(writtenOf(named), digest)
    await using file = await open(temporary, 'r+')
    await publish(store, temporary, piecePath(store, named), file)
  })
}

/**
 * Take a list of parts into the store, which has the parts. All of them are read: their digest is that of the whole.
 *
 * @throws ERR_LINEAPRINT_RECORD for another digest, a damaged list, or a missing part; nothing is kept then.
 */
export async function receiveList(
  store: Store,
  named: Named,
  text: string,
  signal?: AbortSignal,
): Promise<void> {
  const size = Number(/^\S+ (\d{1,16})\n/.exec(text)?.[1] ?? NaN)
  const content = { ...named, size }
  const parts = Number.isSafeInteger(size) ? parseParts(text, content) : undefined
  if (parts === undefined)
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'this is not a list of parts', { field: 'body' })
  for (const part of parts)
    if (!(await hasPiece(store, part)))
      throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'a part of the object is not there', {
        field: 'body',
        expected: writtenOf(part),
        received: 'nothing',
        hint: 'send the parts before their list',
      })
  const digest = await digestOf(store, content, parts, { signal })
  if (digest !== writtenOf(named)) throw wrongDigest(writtenOf(named), digest)
  await withTemporary(store, async (temporary) => {
    await using file = await open(temporary, 'wx', 0o600)
    await writeAll(file, Buffer.from(text), 0)
    await publish(store, temporary, listPath(store, named), file)
  })
}
