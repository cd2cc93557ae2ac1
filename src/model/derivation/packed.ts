/** Verdicts about packed matrices of GPTQ and AWQ. */
import { sizeOf } from './attempts.ts'
import { short } from './numbers.ts'
import type { NativeDerivationOutcome } from '../../native/load.ts'
import type { Hypothesis } from './hypotheses.ts'

/** The outcome of a comparison with packed codes. */
export type PackedOutcome = Extract<NativeDerivationOutcome, { readonly kind: 'packed' }>

/** The largest mean of all errors in steps: half a step would be zero points that are off. */
const MOST_MEAN = 0.25

/**
 * Elements that are not the nearest code, as a share of all: from here on, the quantiser is one that moves the others to make
 * up for each error. Fewer are faults of elements that were rounded.
 */
const COMPENSATED = 0.01

/** Check whether elements were rounded to the nearest code. */
export function isRounded({ farther }: PackedOutcome): boolean {
  return farther === 0
}

function isCompensated({ farther }: PackedOutcome, matrix: Hypothesis): boolean {
  return farther >= COMPENSATED * elementsOf(matrix)
}

const elementsOf = ({ sources }: Hypothesis): number => (sources[0] ? sizeOf(sources[0]) : 0)

/** Check whether codes stand for the matrix. */
export function isNear(outcome: PackedOutcome, matrix: Hypothesis): boolean {
  // Factors that were fitted are not exact, so that elements can be farther than half a step.
  const rounded = isRounded(outcome) || isCompensated(outcome, matrix) || isScaled(outcome)
  return outcome.outside === 0 && Math.abs(outcome.mean) <= MOST_MEAN && rounded
}

/** Check whether the matrix is near only with factors of its inputs and outputs. */
function isScaled({ leastFactor }: PackedOutcome): boolean {
  return !Number.isNaN(leastFactor)
}

/** Say how a matrix is packed. */
export function describePacking(outcome: PackedOutcome): string {
  const { bits, groups, ordered, leastFactor, greatestFactor } = outcome
  const noun = groups === 1 ? 'one group of inputs' : `${groups} groups of inputs`
  const order = ordered ? ' in an order of their own (act-order)' : ''
  const factors = isScaled(outcome)
    ? `; each output and each input times the factor that fits best (inputs ${short(leastFactor)} to ${short(greatestFactor)})`
    : ''
  return `${bits} bits, ${noun}${order}${factors}`
}

/** State the bound that codes are within. */
export function packedBound(outcome: PackedOutcome): string {
  const { clipped, worst, steps } = outcome
  const largest = `the largest error of a row is ${short(worst * 100)} % of its length, and ${short(steps)} steps (root mean square)`
  if (!isRounded(outcome) || isScaled(outcome))
    return `the error of each row at most 90 % of its length, and two steps; ${largest}`
  const beyond = clipped === 0 ? '' : `, but ${clipped} beyond the last code`
  return `every element within half a step and its rounding${beyond}; ${largest}`
}

/** Say what differs from what codes stand for. */
export function describePackedFailure(outcome: PackedOutcome, matrix: Hypothesis): string[] {
  const { outside, firstRow, farther, first, mean } = outcome
  const rows = matrix.sources[0]?.shape[0] ?? 0
  const findings: string[] = []
  if (outside > 0)
    findings.push(
      `${outside} of ${rows} rows are farther from what the codes stand for than two steps or 90 % of their length, the first begins at element ${firstRow}`,
    )
  if (Math.abs(mean) > MOST_MEAN)
    findings.push(`the elements are ${short(mean)} steps from what the codes stand for in the mean`)
  if (outside === 0 && !isScaled(outcome) && !isRounded(outcome) && !isCompensated(outcome, matrix))
    findings.push(
      `${farther} of ${elementsOf(matrix)} elements are farther than half a step from what their codes stand for, the first is ${first}; all others are within it`,
    )
  return findings
}
