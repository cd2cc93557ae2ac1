/**
 * The plan of a sample in the form used in digests: `sampled(file,strided,share=1/1000,unit=bytes/16384)`.
 *
 * It contains everything that decides which units are read, so digests made with two plans have two types and
 * cannot be compared. A plan has exactly one written form.
 */

/** The kinds of things that can be sampled. */
export type Sampled = 'file' | 'tensor' | 'tree' | 'weights'

/** The rule that selects the units to read. */
export interface SamplePlan {
  readonly strategy: 'strided' | 'random' | 'blocks'
  /** From 0 to 2^64 - 1; 0 unless the strategy is `random`. */
  readonly seed: bigint
  /** Units to read, at least 2; or a share in lowest terms. */
  readonly amount: number | readonly [numerator: number, denominator: number]
  /** The number of units up to which everything is read. */
  readonly above: number
}

/** Names of the units, by the kind of thing sampled. */
export const UNITS: Readonly<Record<Sampled, 'bytes/16384' | 'element' | 'file'>> = {
  file: 'bytes/16384',
  tensor: 'element',
  tree: 'file',
  weights: 'element',
}

/** Return the written form of a plan for a sample of `of`, without the brackets. */
export function writePlan(of: Sampled, { strategy, seed, amount, above }: SamplePlan): string {
  return [
    of,
    strategy,
    ...(strategy === 'random' ? [`seed=${seed}`] : []),
    typeof amount === 'number' ? `count=${amount}` : `share=${amount.join('/')}`,
    // Only `weights` needs the threshold in its digest: it decides which tensors are sampled. Anything else
    // below the threshold is read whole and has an ordinary digest.
    ...(of === 'weights' && above > 0 ? [`above=${above}`] : []),
    `unit=${UNITS[of]}`,
  ].join(',')
}

const NUMBER = '(0|[1-9][0-9]{0,19})'
const FORM = new RegExp(
  `^(file|tensor|tree|weights),(strided|blocks|random,seed=${NUMBER}),` +
    `(?:count=${NUMBER}|share=${NUMBER}/${NUMBER})(?:,above=${NUMBER})?,unit=([a-z0-9/]+)$`,
)

/** Check whether a text is the written form of a plan. */
export function isPlan(text: string): boolean {
  const [, of, , ...rest] = FORM.exec(text) ?? []
  if (of === undefined) return false
  const [seed, count, numerator, denominator, above] = rest
    .slice(0, 5)
    .map((digits) => (digits === undefined ? undefined : BigInt(digits)))
  return (
    (seed === undefined || seed < 1n << 64n) &&
    (count === undefined || (count >= 2n && count <= LARGEST)) &&
    (numerator === undefined || denominator === undefined || isShare(numerator, denominator)) &&
    (above === undefined || (of === 'weights' && above > 0n && above <= LARGEST)) &&
    rest[5] === UNITS[of as Sampled]
  )
}

/** Parse the written form of a plan; return `undefined` if it is not one. */
export function parsePlan(text: string): SamplePlan | undefined {
  if (!isPlan(text)) return undefined
  const [, , head = '', seed = '0', count, numerator, denominator, above = '0'] = FORM.exec(text) ?? []
  const strategy = head.startsWith('random') ? 'random' : head === 'blocks' ? 'blocks' : 'strided'
  const amount = count === undefined ? ([Number(numerator), Number(denominator)] as const) : Number(count)
  return { strategy, seed: BigInt(seed), amount, above: Number(above) }
}

const LARGEST = BigInt(Number.MAX_SAFE_INTEGER)

/** Check a share: 1/1 is not a sample, and a reducible share would be a second written form. */
function isShare(numerator: bigint, denominator: bigint): boolean {
  return (
    numerator > 0n &&
    numerator < denominator &&
    denominator <= LARGEST &&
    greatestCommonDivisor(numerator, denominator) === 1n
  )
}

/** Return the greatest common divisor. */
export function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestCommonDivisor(b, a % b)
}
