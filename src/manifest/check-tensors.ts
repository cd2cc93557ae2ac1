/** Check of tensors in memory against a manifest that lists tensors. */
import { DTYPES } from '../core/dtypes.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkKeys } from '../core/options.ts'
import { digestBytes } from '../hash/bytes.ts'
import { localModel } from '../model/model-tensors.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { withoutByteOrderMark } from '../util/text-encoding.ts'
import { parseManifest } from './parse.ts'
import { isManifest, sourceOf } from './source.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { JobOptions } from '../core/options.ts'
import type { ModelTensors } from '../model/model-tensors.ts'
import type { TensorBytes } from '../model/tensor-data.ts'
import type { Manifest, ManifestTensor } from './document.ts'

/** The verdict about one tensor. */
export type TensorStatus = 'same' | 'changed' | 'missing' | 'extra' | 'not-checked'

/** A tensor and its verdict. */
export interface CheckedTensor {
  readonly name: string
  /** `missing`: the manifest lists it, and it was not given. `extra`: the other way round. */
  readonly status: TensorStatus
  /** Dtype and shape in the manifest if they differ, else the digest there. Only if it changed. */
  readonly expected?: string
  /** The same of the tensor that was given. Only if it changed. */
  readonly received?: string
  /** Why it could not be checked. */
  readonly reason?: string
}

/** The result of a check of tensors. */
export interface TensorsCheck {
  /** True if every tensor of the manifest was given and is the same, and no other was given. */
  readonly same: boolean
  /** Sorted by the UTF-8 bytes of their names. */
  readonly tensors: readonly CheckedTensor[]
  readonly counts: Readonly<Record<TensorStatus, number>>
}

/**
 * Check tensors in memory against a manifest that lists tensors (`lineaprint manifest --tensors`).
 *
 * Do not change the data before the promise settles. Cost: the hash of all tensors, without a copy.
 *
 * @param manifest A manifest, the path of one, or its bytes.
 * @param tensors All tensors of the model, by their names.
 * @throws ERR_LINEAPRINT_FORMAT if the manifest is malformed, contradicts itself or lists no tensors, NOT_FOUND if there
 * is none, ARGUMENT for data that does not fit its shape and dtype.
 */
export async function checkTensors(
  manifest: string | Uint8Array | Manifest,
  tensors: ModelTensors,
  options: JobOptions = {},
): Promise<TensorsCheck> {
  checkKeys(options)
  const { expected, algorithm } = await expectedTensors(manifest)
  const local = await localModel(tensors)
  const given = new Map(local.tensors.map((tensor) => [tensor.name, tensor]))
  const listed = new Set(expected.map(({ name }) => name))
  const checked: CheckedTensor[] = [...given.keys()]
    .filter((name) => !listed.has(name))
    .map((name) => ({ name, status: 'extra' }))
  let bytesDone = 0
  const bytesTotal = [...given.values()].reduce((total, { size }) => total + size, 0)
  for (const tensor of expected) {
    options.signal?.throwIfAborted()
    const present = given.get(tensor.name)
    const before = bytesDone
    // The progress of one tensor is that of a part of all.
    const onProgress =
      options.onProgress &&
      ((progress: { readonly bytesDone: number }): unknown =>
        options.onProgress?.({
          bytesDone: before + progress.bytesDone,
          bytesTotal,
          filesDone: 0,
          filesTotal: 0,
        }))
    checked.push(
      await verdictOf(tensor, present, { ...options, algorithm, ...(onProgress && { onProgress }) }),
    )
    bytesDone += present?.size ?? 0
  }
  const counts = { same: 0, changed: 0, missing: 0, extra: 0, 'not-checked': 0 }
  for (const { status } of checked) counts[status]++
  return {
    same: counts.same === checked.length,
    tensors: checked.toSorted((a, b) => compareUtf8(a.name, b.name)),
    counts,
  }
}

async function expectedTensors(
  manifest: string | Uint8Array | Manifest,
): Promise<{ readonly expected: readonly ManifestTensor[]; readonly algorithm: AlgorithmChoice }> {
  const { source: given, path } = await sourceOf(manifest)
  const source = withoutByteOrderMark(given, path)
  const parsed = isManifest(source) ? parseManifest(source, path) : undefined
  if (parsed?.tensors === undefined) {
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'it lists no tensors', {
      path,
      expected: 'a manifest with tensors',
      received: parsed === undefined ? 'something else than a manifest' : 'a manifest of files alone',
      hint: 'create it with lineaprint manifest --tensors',
    })
  }
  // With both algorithms, a manifest lists the BLAKE3 digests of tensors.
  return { expected: parsed.tensors, algorithm: parsed.algorithm === 'sha256' ? 'sha256' : 'blake3' }
}

async function verdictOf(
  { name, dtype, shape, digest }: ManifestTensor,
  given: TensorBytes | undefined,
  options: JobOptions & { readonly algorithm: AlgorithmChoice },
): Promise<CheckedTensor> {
  if (!Object.hasOwn(DTYPES, dtype) && given !== undefined)
    return { name, status: 'not-checked', reason: `elements of ${dtype} have no form in memory` }
  if (given === undefined) return { name, status: 'missing' }
  const [expected, received] = [typeText(dtype, shape), typeText(given.dtype, given.shape)]
  if (expected !== received) return { name, status: 'changed', expected, received }
  const computed = (await digestBytes<AlgorithmChoice>(given.bytes, options))[digest.algorithm]
  if (computed?.equals(digest) === true) return { name, status: 'same' }
  return { name, status: 'changed', expected: digest.toString(), received: String(computed) }
}

function typeText(dtype: string, shape: readonly number[]): string {
  return `${dtype} [${shape.join(', ')}]`
}
