/** Differences between lists of tensors: manifests, tensor lists of runs, and models, by their digests alone. */
import { open } from 'node:fs/promises'
import { LineaprintError } from '../core/errors.ts'
import { checkKeys, checkPath } from '../core/options.ts'
import { parseManifest } from '../manifest/manifest.ts'
import { MANIFEST_SCHEMA } from '../manifest/document.ts'
import { diffTensors } from '../model/diff/tensors.ts'
import { readModel } from '../model/read.ts'
import { TENSORS_SCHEMA, parseTensors } from '../record/tensor-list.ts'
import { readGiven } from '../util/own-file.ts'
import type { JobOptions } from '../core/options.ts'
import type { TensorChange } from '../model/diff/diff.ts'

/** A tensor as a list names it. */
export interface ListedTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  /** Plain digest of its elements, as text. */
  readonly digest: string
}

/** A tensor that differs. `renamed`: equal bits, dtype and shape under another name. */
export interface ListedTensorChange extends Pick<TensorChange, 'status' | 'name' | 'from' | 'differs'> {
  readonly before?: ListedTensor
  readonly after?: ListedTensor
}

/** One side of a comparison. */
export interface ListedSide {
  readonly path: string
  readonly from: 'manifest' | 'tensor-list' | 'model'
  readonly tensorCount: number
}

/** The result of {@link diffListedTensors}. */
export interface ListedTensorsDiff {
  readonly kind: 'tensors'
  readonly same: boolean
  readonly before: ListedSide
  readonly after: ListedSide
  /** Sorted by name. */
  readonly tensors: readonly ListedTensorChange[]
  readonly counts: Readonly<Record<TensorChange['status'], number>>
  readonly warnings: readonly string[]
}

/** Options of {@link diffListedTensors}. */
export interface ListedTensorsOptions extends JobOptions {
  /** Name of the weights file or shard index, in a folder with several. */
  readonly weights?: string | undefined
}

/** Bytes at the start of a file in which its schema is prefixes. */
const HEAD = 256

/** Return what lists tensors in a file; `undefined` for any other file. */
export async function listKindOf(path: string): Promise<'manifest' | 'tensor-list' | undefined> {
  if (!path.endsWith('.json')) return undefined
  const file = await open(path)
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0)
    const schema = /^\s*\{\s*"schema"\s*:\s*"([^"]*)"/.exec(buffer.toString('utf8', 0, bytesRead))?.[1]
    return schema === MANIFEST_SCHEMA ? 'manifest' : schema === TENSORS_SCHEMA ? 'tensor-list' : undefined
  } finally {
    await file.close()
  }
}

/**
 * Compare two lists of tensors by digests, dtypes and shapes. Nothing else of a manifest is compared, and no value of a
 * tensor.
 *
 * @param a A manifest with tensors, the tensor list of a run, or a model; `b` likewise. A model is read with the algorithm
 * of the other side.
 * @throws ERR_LINEAPRINT_ARGUMENT for a manifest without tensors, and for digests that cannot be compared: of two
 * algorithms, or of samples; the errors of {@link readModel}, and FORMAT or RECORD for a list that is damaged.
 */
export async function diffListedTensors(
  a: string,
  b: string,
  options: ListedTensorsOptions = {},
): Promise<ListedTensorsDiff> {
  for (const path of [a, b]) checkPath(path)
  checkKeys(options, ['weights'])
  const [first, second] = [await readList(a), await readList(b)]
  const [before, after] = [
    first ?? (await readTensors(a, second, options)),
    second ?? (await readTensors(b, first, options)),
  ]
  const algorithms = [before, after].map((side) => algorithmOf(side))
  if (algorithms[0] !== algorithms[1] && !algorithms.includes(undefined)) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the digests of the two lists cannot be compared', {
      path: b,
      expected: algorithms[0],
      received: algorithms[1],
      hint: `write one of the lists again with --algorithm ${algorithms[0] ?? ''}`,
    })
  }
  const tensors = diffTensors(before.tensors, after.tensors)
  const counts = { added: 0, removed: 0, changed: 0, renamed: 0 }
  for (const { status } of tensors) counts[status]++
  return {
    kind: 'tensors',
    same: tensors.length === 0,
    before: before.side,
    after: after.side,
    tensors,
    counts,
    warnings: [...before.warnings, ...after.warnings],
  }
}

interface List {
  readonly side: ListedSide
  readonly tensors: readonly ListedTensor[]
  readonly warnings: readonly string[]
}

async function readList(path: string): Promise<List | undefined> {
  const from = await listKindOf(path)
  if (from === undefined) return undefined
  const bytes = await readGiven(path)
  const listed = from === 'manifest' ? parseManifest(bytes, path).tensors : parseTensors(bytes, path)
  if (listed === undefined) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the manifest lists no tensors', {
      path,
      hint: 'write it with lineaprint manifest --tensors, or compare files with --as file',
    })
  }
  const tensors = listed.map(({ name, dtype, shape, digest }) => ({
    name,
    dtype,
    shape,
    digest: digest.toString(),
  }))
  return { side: { path, from, tensorCount: tensors.length }, tensors, warnings: [] }
}

/** Read a model with the algorithm of the other side. */
async function readTensors(
  path: string,
  other: List | undefined,
  options: ListedTensorsOptions,
): Promise<List> {
  const algorithm = other && algorithmOf(other)
  const { tensors, warnings } = await readModel(path, {
    ...options,
    algorithm: algorithm === 'sha256' ? 'sha256' : 'blake3',
  })
  return {
    side: { path, from: 'model', tensorCount: tensors.length },
    tensors: tensors.map(({ name, dtype, shape, digest }) => ({
      name,
      dtype,
      shape,
      digest: digest.toString(),
    })),
    warnings,
  }
}

/** Return the algorithm of the digests of a list; `undefined` for one without tensors. */
function algorithmOf({ side, tensors }: List): 'blake3' | 'sha256' | undefined {
  const prefixes = new Set(tensors.map(({ digest }) => digest.slice(0, digest.indexOf(':'))))
  const [first] = prefixes
  if (first === undefined || (prefixes.size === 1 && (first === 'blake3' || first === 'sha256'))) return first
  throw new LineaprintError(
    'ERR_LINEAPRINT_ARGUMENT',
    'its digests are not all plain ones of one algorithm',
    {
      path: side.path,
      expected: 'blake3 or sha256',
      received: [...prefixes].slice(0, 3).join(', '),
    },
  )
}
