/**
 * The layout of the folder `objects` of a store, in which each file that a run keeps lies once, under the digest of its
 * content. `docs/format.md` defines it.
 *
 * Objects belong to the store: they are copies, because a link to a file of the user would change with it, and nobody may
 * write to them.
 */
import { lstat, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Digest, primary } from '../../core/digest.ts'
import { LineaprintError } from '../../core/errors.ts'
import { errorCode, isMissing, syncFolder } from '../../util/fs.ts'
import { GROUP_MODES, modesIn } from '../../util/modes.ts'
import { readUnlinked } from '../../util/own-file.ts'
import type { Algorithm, Digests, WrittenDigests } from '../../core/digest.ts'
import type { Store } from '../store.ts'

/** Name of the folder in the store. */
export const OBJECTS_FOLDER = 'objects'

/** Bytes of a part of a longer file. */
export const PART_SIZE: number = 64 << 20

/** Ending of the name of a list of parts. */
export const PARTS_ENDING = '.parts'

/** First word of a list of parts. */
const PARTS_SCHEMA = 'lineaprint/parts/v1'

/** Bytes of the longest list of parts: a million of them, 64 TiB. */
const PARTS_LIMIT = 65 * 1_000_000 + 64

/** The algorithms whose digests name objects, which are names of folders. */
export const OBJECT_ALGORITHMS: readonly Algorithm[] = ['blake3', 'sha256']

/** The content of an object: its plain digest and length. */
export interface ObjectContent {
  readonly algorithm: Algorithm
  /** 64 hexadecimal digits. */
  readonly hex: string
  readonly size: number
}

/**
 * Return the content that plain digests stand for.
 *
 * @param written Digests in written form, from a record that may be forged.
 * @returns `undefined` if none is a plain digest, or the length is none.
 */
export function contentOf(written: WrittenDigests, size: number): ObjectContent | undefined {
  const text = written.blake3 ?? written.sha256
  if (text === undefined || !/^(?:blake3|sha256):[0-9a-f]{64}$/.test(text)) return undefined
  if (!Number.isSafeInteger(size) || size < 0) return undefined
  return contentOfDigest(Digest.parse(text), size)
}

/** Return the content with these plain digests. The one that comes first names it. */
export function contentOfDigests(digests: Digests, size: number): ObjectContent {
  return contentOfDigest(primary(digests), size)
}

function contentOfDigest(digest: Digest, size: number): ObjectContent {
  return { algorithm: digest.algorithm, hex: digest.hex, size }
}

/** Return the written digest of a content. */
export function writtenOf({ algorithm, hex }: Pick<ObjectContent, 'algorithm' | 'hex'>): string {
  return `${algorithm}:${hex}`
}

/** Return the path of the folder with all objects. */
export function objectsFolder({ root }: Pick<Store, 'root'>): string {
  return join(root, OBJECTS_FOLDER)
}

/** Return the path of a content of at most {@link PART_SIZE} bytes. */
export function piecePath(
  store: Store,
  { algorithm, hex }: Pick<ObjectContent, 'algorithm' | 'hex'>,
): string {
  return join(objectsFolder(store), algorithm, hex.slice(0, 2), hex.slice(2))
}

/** Return the path of the list of the parts of a longer content. */
export function listPath(store: Store, content: Pick<ObjectContent, 'algorithm' | 'hex'>): string {
  return `${piecePath(store, content)}${PARTS_ENDING}`
}

/** Return the modes of objects: those of the store, without the right to write. */
export function objectModes({ root }: Store): { readonly file: number; readonly folder: number } {
  const { folder } = modesIn(root)
  return { file: folder === GROUP_MODES.folder ? 0o440 : 0o400, folder }
}

/** Make the folders of an object. A link in their place is refused. */
export async function makeObjectFolders(store: Store, path: string): Promise<void> {
  const { folder: mode } = objectModes(store)
  const folders: string[] = []
  for (let folder = path; folder !== store.root; folder = dirname(folder)) folders.unshift(folder)
  for (const folder of folders) {
    await mkdir(folder, { mode }).then(
      () => syncFolder(dirname(folder)),
      (error: unknown) => {
        if (errorCode(error) !== 'EEXIST') throw error
      },
    )
    if (!(await lstat(folder)).isDirectory())
      throw Object.assign(new Error('something that is not a folder stands where objects belong'), {
        code: 'ENOTDIR',
      })
  }
}

/** Return the content of a list of parts. */
export function formatParts({ size }: ObjectContent, parts: readonly ObjectContent[]): string {
  return `${PARTS_SCHEMA} ${size}\n${parts.map(({ hex }) => `${hex}\n`).join('')}`
}

/**
 * Return the parts of a list.
 *
 * @returns `undefined` if it is damaged, or of another length.
 */
export function parseParts(text: string, { algorithm, size }: ObjectContent): ObjectContent[] | undefined {
  const [head = '', ...lines] = text.split('\n')
  if (head !== `${PARTS_SCHEMA} ${size}` || lines.pop() !== '') return undefined
  if (lines.length !== Math.ceil(size / PART_SIZE) || lines.length < 2) return undefined
  const parts = lines.map((hex, index) => ({
    algorithm,
    hex,
    size: Math.min(PART_SIZE, size - index * PART_SIZE),
  }))
  return parts.every(({ hex }) => /^[0-9a-f]{64}$/.test(hex)) ? parts : undefined
}

/** Read a list of parts as text. @throws The system's error, `EFBIG` if it is too long. */
export async function readList(path: string): Promise<string> {
  return (await readUnlinked(path, PARTS_LIMIT)).toString('latin1')
}

/**
 * Return the pieces of which the store makes a content: the file itself, or its parts.
 *
 * @returns `undefined` if the store does not have all of them with their lengths. Their bytes are not read.
 */
export async function piecesOf(
  store: Store,
  content: ObjectContent,
): Promise<readonly ObjectContent[] | undefined> {
  const pieces = content.size <= PART_SIZE ? [content] : await partsOf(store, content)
  for (const piece of pieces ?? []) if (!(await hasPiece(store, piece))) return undefined
  return pieces
}

async function partsOf(store: Store, content: ObjectContent): Promise<ObjectContent[] | undefined> {
  try {
    return parseParts(await readList(listPath(store, content)), content)
  } catch (error) {
    if (isMissing(error) || IRREGULAR.has(errorCode(error) ?? '')) return undefined
    throw error
  }
}

/** Codes of files that are no lists: links, folders and devices, and files that are too long. */
const IRREGULAR: ReadonlySet<string> = new Set(['ELOOP', 'EISDIR', 'NOT_REGULAR', 'EFBIG', 'ENXIO'])

/** Check whether the store has a piece: a regular file of its length. */
export async function hasPiece(store: Store, piece: ObjectContent): Promise<boolean> {
  try {
    const info = await lstat(piecePath(store, piece))
    return info.isFile() && info.size === piece.size
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** Return the error for a content that the store does not have. */
export function missingObject(store: Store, content: ObjectContent): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'the store does not have this content', {
    path: objectsFolder(store),
    expected: writtenOf(content),
    received: 'nothing, or something of another length',
    hint: 'copy the folder "objects" of the store in which the run was made',
  })
}

/** Return the error for an object whose bytes are not those of its digest. */
export function damagedObject(path: string, content: ObjectContent, received: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_CHANGED', 'the kept copy is damaged', {
    path,
    expected: writtenOf(content),
    received,
    hint: 'remove the damaged file, and keep the content again',
  })
}
