/** The health of tensors: counts and sums of their numbers. */
import type { NativeHealth } from '../native/load.ts'

/**
 * Counts and sums of the numbers of a tensor of floating-point numbers; blocks of GGML are dequantised. Of complex
 * numbers, each part is a number. Extremes, mean and norm are of the finite numbers.
 */
export interface TensorHealth {
  readonly numbers: number
  readonly nan: number
  /** Infinities of either sign. */
  readonly infinite: number
  /** Numbers that are 0 or -0. */
  readonly zeros: number
  /** `zeros` divided by `numbers`, from 0 to 1; 0 for a tensor without elements. */
  readonly zeroShare: number
  /** Absent, as maximum and mean, if no number is finite. */
  readonly minimum?: number
  readonly maximum?: number
  readonly mean?: number
  /** Euclidean norm. */
  readonly norm: number
}

/** Convert what the addon has counted. */
export function healthOf({ squares, minimum, maximum, mean, ...counts }: NativeHealth): TensorHealth {
  const { numbers, zeros } = counts
  return {
    ...counts,
    zeroShare: numbers === 0 ? 0 : zeros / numbers,
    ...(minimum !== undefined && { minimum }),
    ...(maximum !== undefined && { maximum }),
    ...(mean !== undefined && { mean }),
    norm: Math.sqrt(squares),
  }
}
