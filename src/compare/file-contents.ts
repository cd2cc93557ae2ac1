/** The content of tables, arrays and models below a folder, read and compared by digests. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hashTable } from '../dataset/table.ts'
import { isTableFile } from '../dataset/table-names.ts'
import { LineaprintError } from '../core/errors.ts'
import { hashFile } from '../hash/file.ts'
import { canHoldTensors } from '../model/families.ts'
import { locateModel } from '../model/locate.ts'
import { readWeights } from '../model/weights.ts'
import { errorCode } from '../util/fs.ts'
import { compareTensors } from '../record/tensor-list.ts'
import { describeArray, readHead } from './npy.ts'
import { asRecorded } from './table-files.ts'
import { tableDifference } from './tables.ts'
import { differingTensors, equalTensors } from './tensor-files.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { ContentList, FileContent } from '../record/content-list.ts'
import type { FileVerdict } from './file-verdict.ts'

/** Limits of the files whose content is read, which is a second read. */
const FILES = 200
const BYTES = 2 ** 30

/** Options of reading. */
export interface ContentOptions {
  /** Hash function of the digests of tables. Those of arrays and tensors use BLAKE3. */
  readonly algorithm: AlgorithmChoice
  readonly signal: AbortSignal | undefined
}

/** A file below the folder. */
interface File {
  readonly path: string
  readonly pathBytes?: string
  readonly size: number
}

/** Check whether files of this name can have other bytes and the same content. */
export function hasContent(path: string): boolean {
  return isTableFile(path) || /\.npy$/i.test(path) || canHoldTensors(path)
}

/**
 * Read the contents of the files of a folder.
 *
 * @param isRead Selects the files.
 */
export async function contentsOf(
  folder: string,
  files: Iterable<File>,
  options: ContentOptions,
  isRead: (path: string) => boolean,
): Promise<ContentList> {
  const contents = new Map<string, FileContent>()
  let bytes = 0
  for (const { path, pathBytes, size } of files) {
    if (pathBytes !== undefined || !hasContent(path) || !isRead(path)) continue
    if (contents.size >= FILES) break
    if (bytes + size > BYTES) continue
    bytes += size
    const content = await contentOf(join(folder, path), options, size)
    if (content !== undefined) contents.set(path, content)
  }
  return contents
}

/**
 * Read the content of a file.
 *
 * @param size Its size when it was digested.
 * @returns `undefined` if it is not what its name says, or has changed.
 */
export async function contentOf(
  file: string,
  { algorithm, signal }: ContentOptions,
  size: number,
): Promise<FileContent | undefined> {
  try {
    // A pipe in place of the file would block the read.
    const info = await stat(file)
    if (!info.isFile() || info.size !== size) return undefined
    if (isTableFile(file))
      return { kind: 'table', table: asRecorded(await hashTable(file, { algorithm, signal })) }
    if (/\.npy$/i.test(file)) {
      const head = await readHead(file)
      if (typeof head === 'string') return undefined
      const { digest } = await hashFile(file, { start: head.start, signal })
      return { kind: 'array', array: describeArray(head), digest: digest.toString() }
    }
    const { tensors, holdOnlyTensors } = await readWeights(await locateModel(file), { signal })
    return {
      kind: 'tensors',
      ...(!holdOnlyTensors && { holdsMore: true }),
      tensors: tensors.map(({ name, dtype, shape, digest }) => ({
        name,
        dtype,
        shape,
        digest: String(digest),
      })),
    }
  } catch (error) {
    signal?.throwIfAborted()
    if (LineaprintError.is(error) || errorCode(error) !== undefined) return undefined
    throw error
  }
}

/**
 * Compare two contents by their digests.
 *
 * @returns `undefined` if one of them is not known, or if they are of two kinds.
 */
export function compareContents(
  before: FileContent | undefined,
  after: FileContent | undefined,
): FileVerdict | undefined {
  if (before?.kind === 'table' && after?.kind === 'table') {
    const isSame = before.table.digest === after.table.digest
    if (isSame)
      return { verdict: 'same-table', detail: 'the bytes differ, the table is the same', differences: [] }
    return { verdict: 'different', ...tableDifference(before.table, after.table) }
  }
  if (before?.kind === 'array' && after?.kind === 'array') {
    if (before.array !== after.array) {
      const differences = [{ field: 'array', before: before.array, after: after.array }]
      return { verdict: 'different', detail: `it was ${before.array} and is ${after.array}`, differences }
    }
    const isSame = before.digest === after.digest
    return isSame
      ? { verdict: 'same-tensors', detail: 'the bytes differ, the array is the same', differences: [] }
      : { verdict: 'different', detail: `the elements differ: ${after.array}`, differences: [] }
  }
  if (before?.kind === 'tensors' && after?.kind === 'tensors') {
    const differences = compareTensors(before.tensors, after.tensors)
    return differences.length === 0
      ? equalTensors(before.holdsMore !== true && after.holdsMore !== true)
      : differingTensors(differences, before.tensors.length)
  }
  return undefined
}
