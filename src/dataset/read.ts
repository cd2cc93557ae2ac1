/** What a dataset is: a file, a folder, or an array in memory. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { LineaprintError } from '../errors.ts'
import { hashArray, isTypedArray } from '../hash/array.ts'
import { hashFile } from '../hash/file.ts'
import { hashTree } from '../hash/tree.ts'
import { checkPath } from '../options.ts'
import type { Digest, Digests } from '../digest.ts'
import type { ShapedArray, TypedArray } from '../hash/array.ts'
import type { SampledHashOptions } from '../sample/options.ts'
import type { SampleReport } from '../sample/report.ts'

/** What {@link readDataset} takes: a path, or a typed array with or without a shape. */
export type DatasetSource = string | TypedArray | ShapedArray

/** A dataset. */
export interface DatasetReport {
  readonly kind: 'file' | 'folder' | 'array'
  /** Absolute path; absent for an array. */
  readonly path?: string
  /** Plain digest of a file, `tree` of a folder, `tensor` of an array; `sampled` where only a part was read. */
  readonly digest: Digest
  readonly digests: Digests
  /** Bytes of the content. */
  readonly bytes: number
  /** Regular files; of a folder only. */
  readonly files?: number
  /** Folders that hold a file; of a folder only. */
  readonly folders?: number
  /** Element type; of an array only. */
  readonly dtype?: string
  /** Elements per axis; of an array only. */
  readonly shape?: readonly number[]
  /** How much was read; only where a sample was asked for. */
  readonly sample?: SampleReport
  readonly warnings: readonly string[]
}

/**
 * Digests a dataset, all of it unless `sample` asks for a part.
 *
 * @param source A path, or a typed array with or without a shape.
 * @throws ERR_LINEAPRINT_NOT_FOUND for a path that is not there, and what `hashFile` and `hashTree` throw.
 */
export async function readDataset(
  source: DatasetSource,
  options: SampledHashOptions = {},
): Promise<DatasetReport> {
  if (typeof source !== 'string') return fromArray(source, options)
  const path = resolve(checkPath(source))
  const info = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'ENOENT' || cause.code === 'ENOTDIR'
      ? new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'there is no such file or folder', {
          path: source,
          cause,
        })
      : new LineaprintError(
          'ERR_LINEAPRINT_UNREADABLE',
          `cannot look at it: ${cause.code ?? cause.message}`,
          { path: source, cause },
        )
  })
  if (!info.isDirectory()) {
    const { digest, digests, size, sample } = await hashFile(path, options)
    return { kind: 'file', path, digest, digests, bytes: size, ...(sample && { sample }), warnings: [] }
  }
  const { digest, digests, bytes, files, folders, sample, warnings } = await hashTree(path, options)
  const sentences = warnings.map(({ kind, path: at }) => `${at}: ${WARNINGS[kind]}`)
  const totals = { bytes, files, folders, ...(sample && { sample }) }
  return { kind: 'folder', path, digest, digests, ...totals, warnings: sentences }
}

/** What a warning about a folder means, in a sentence. */
export const WARNINGS: Readonly<Record<string, string>> = {
  'link-leaves-root': 'the link leads out of the folder',
  'name-not-unicode': 'the name is not UTF-8',
  'names-collide': 'another name is equal to it without case or after Unicode normalisation',
}

async function fromArray(
  source: TypedArray | ShapedArray,
  options: SampledHashOptions,
): Promise<DatasetReport> {
  if (
    !isTypedArray(source) &&
    !(typeof source === 'object' && source !== null && 'data' in source && 'shape' in source)
  ) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not a dataset', {
      expected: 'a path, a typed array, or { data, shape }',
      received: typeof source,
    })
  }
  const { digest, digests, bytes, dtype, shape, sample } = await hashArray(source, options)
  return { kind: 'array', digest, digests, bytes, dtype, shape, ...(sample && { sample }), warnings: [] }
}
