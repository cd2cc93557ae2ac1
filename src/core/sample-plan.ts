/**
 * The plan of a sample as it stands in a digest: `sampled(file,strided,share=1/1000,unit=bytes/16384)`.
 *
 * Everything that decides which units are read is in it, so digests of two plans have two types and cannot be
 * compared. One plan has one written form.
 */

/** What a sample can be of. */
export type Sampled = 'file' | 'tensor' | 'tree' | 'weights'

/** How the units that are read are chosen. */
export interface SamplePlan {
  readonly strategy: 'strided' | 'random' | 'blocks'
  /** From 0 to 2^64 - 1; 0 unless the strategy is `random`. */
  readonly seed: bigint
  /** Units to read, at least 2; or a share in its lowest terms. */
  readonly amount: number | readonly [numerator: number, denominator: number]
  /** Up to how many units everything is read. */
  readonly above: number
}

/** What the units are called, by what is sampled. */
export const UNITS: Readonly<Record<Sampled, 'bytes/16384' | 'element' | 'file'>> = {
  file: 'bytes/16384',
  tensor: 'element',
  tree: 'file',
  weights: 'element',
}

/** The written form of a plan for a sample of `of`, without its brackets. */
export function writePlan(of: Sampled, { strategy, seed, amount, above }: SamplePlan): string {
  return [
    of,
    strategy,
    ...(strategy === 'random' ? [`seed=${seed}`] : []),
    typeof amount === 'number' ? `count=${amount}` : `share=${amount.join('/')}`,
    // Of the others only what is not read whole has a digest like this; of a model, which tensors those are.
    ...(of === 'weights' && above > 0 ? [`above=${above}`] : []),
    `unit=${UNITS[of]}`,
  ].join(',')
}

const NUMBER = '(0|[1-9][0-9]{0,19})'
const FORM = new RegExp(
  `^(file|tensor|tree|weights),(strided|blocks|random,seed=${NUMBER}),` +
    `(?:count=${NUMBER}|share=${NUMBER}/${NUMBER})(?:,above=${NUMBER})?,unit=([a-z0-9/]+)$`,
)

/** Whether this is the written form of a plan. */
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

/** The plan behind its written form; `undefined` if it is none. */
export function parsePlan(text: string): SamplePlan | undefined {
  if (!isPlan(text)) return undefined
  const [, , head = '', seed = '0', count, numerator, denominator, above = '0'] = FORM.exec(text) ?? []
  const strategy = head.startsWith('random') ? 'random' : head === 'blocks' ? 'blocks' : 'strided'
  const amount = count === undefined ? ([Number(numerator), Number(denominator)] as const) : Number(count)
  return { strategy, seed: BigInt(seed), amount, above: Number(above) }
}

const LARGEST = BigInt(Number.MAX_SAFE_INTEGER)

/** A share of all is no sample, and a share that can be reduced is written in another way. */
function isShare(numerator: bigint, denominator: bigint): boolean {
  return (
    numerator > 0n &&
    numerator < denominator &&
    denominator <= LARGEST &&
    greatestCommonDivisor(numerator, denominator) === 1n
  )
}

/** The largest whole number that divides both. */
export function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestCommonDivisor(b, a % b)
}
