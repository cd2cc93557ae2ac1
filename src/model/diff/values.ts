/** Comparison of tensors element by element, which the addon does on all cores. */
import { runJob } from '../../native/job.ts'
import { native } from '../../native/load.ts'
import type { NativeCompared, NativeKnownFile } from '../../native/load.ts'
import type { JobOptions } from '../../core/options.ts'

/** The distance between the values of two tensors. */
export type ValueComparison =
  | {
      readonly status: 'compared'
      readonly elements: number
      /** Number of elements that differ. NaN differs from every number and equals NaN; 0 and -0 are equal. */
      readonly changed: number
      /** `changed` divided by `elements`, from 0 to 1. */
      readonly share: number
      /**
       * Greatest difference of two numbers; `null` if elements changed, but none from one number to another.
       */
      readonly maxAbsolute: number | null
      /**
       * Greatest difference of two finite numbers, divided by the larger magnitude of the two: from 0 to 2. `null`
       * like `maxAbsolute`.
       */
      readonly maxRelative: number | null
      /** Euclidean norm of the difference, of the elements that are finite on both sides. */
      readonly l2: number
      /** Euclidean norms of both sides, of the same elements. */
      readonly norm: { readonly before: number; readonly after: number }
      /** Cosine of the angle between both sides, of the same elements; `null` if a norm is 0. */
      readonly cosine: number | null
      readonly nan: { readonly before: number; readonly after: number }
      /** Infinities of either sign. */
      readonly infinite: { readonly before: number; readonly after: number }
    }
  | { readonly status: 'not-compared'; readonly reason: string }

/** The result for tensors of two shapes. */
export const SHAPES_DIFFER: ValueComparison = { status: 'not-compared', reason: 'the shapes differ' }

/** Tensors of a model. */
export interface TensorsOfFiles {
  /** Absolute paths of the weights files of the model. */
  readonly files: readonly string[]
  /** Names of the tensors. */
  readonly names: readonly string[]
}

/**
 * Compare the values of tensors of two models, each with that of the other model at the same position. Their dtypes may
 * differ: blocks of GGML are dequantised, 64-bit integers are compared to their last digit.
 *
 * Cost: one read of the tensors on all cores, in tiles of 256 KiB.
 *
 * @throws ERR_LINEAPRINT_CHANGED if a file changed while it was read or a tensor is no longer there, and the reason of
 * the signal.
 */
export async function compareValues(
  before: TensorsOfFiles,
  after: TensorsOfFiles,
  options: JobOptions,
): Promise<ValueComparison[]> {
  return (await compareBytesAndValues(before, after, options)).map(({ values }) => values)
}

/** The result for two tensors whose bytes were compared too. */
export interface BytesAndValues {
  /** True if both have the same bytes, whatever their dtypes and shapes. */
  readonly same: boolean
  readonly values: ValueComparison
}

/** Compare the bytes of tensors of two models too; the rest is as in {@link compareValues}. */
export async function compareBytesAndValues(
  before: TensorsOfFiles,
  after: TensorsOfFiles,
  options: JobOptions,
): Promise<BytesAndValues[]> {
  const sides = [before, after].map(({ files, names }) => ({ files: [...files], names: [...names] }))
  const [first = { files: [], names: [] }, second = first] = sides
  const { tensors, same } = await runJob(options, (job, threads) =>
    native.compareValues(job, first, second, false, threads),
  )
  return tensors.map((compared, at) => ({ same: same[at] === true, values: comparisonOf(compared) }))
}

/** Digests of two models, and the comparisons of tensors of equal names that were made in the same read. */
export interface ReadTogether {
  readonly known: readonly NativeKnownFile[]
  /** By name; tensors that are the same have none. */
  readonly values: ReadonlyMap<string, ValueComparison>
}

/**
 * Hash the tensors that two models have by the same name and shape, and compare the values of those that differ.
 *
 * Cost: one read of both. Tensors that are short, or that do not lie in one piece of a file, are left out.
 */
export async function hashAndCompare(
  before: readonly string[],
  after: readonly string[],
  options: JobOptions,
): Promise<ReadTogether> {
  const { known, names, tensors } = await runJob(options, (job, threads) =>
    native.hashAndCompare(job, [...before], [...after], false, threads),
  )
  const values = names.flatMap((name, at) => {
    const compared = tensors[at]
    return compared === undefined ? [] : [[name, comparisonOf(compared)] as const]
  })
  return { known, values: new Map(values) }
}

function comparisonOf({ difference, reason = '' }: NativeCompared): ValueComparison {
  if (difference === undefined) return { status: 'not-compared', reason }
  const { elements, changed, distant, squaresBefore, squaresAfter, products } = difference
  const hasDistance = changed === 0 || distant > 0
  const norm = { before: Math.sqrt(squaresBefore), after: Math.sqrt(squaresAfter) }
  const magnitude = norm.before * norm.after
  return {
    status: 'compared',
    elements,
    changed,
    share: elements === 0 ? 0 : changed / elements,
    maxAbsolute: hasDistance ? difference.largestAbsolute : null,
    maxRelative: hasDistance ? difference.largestRelative : null,
    l2: Math.sqrt(difference.squares),
    norm,
    // Rounding may lead beyond the cosine of any angle.
    cosine: magnitude > 0 ? Math.max(-1, Math.min(1, products / magnitude)) : null,
    nan: { before: difference.nanBefore, after: difference.nanAfter },
    infinite: { before: difference.infiniteBefore, after: difference.infiniteAfter },
  }
}
