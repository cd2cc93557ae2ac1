/** The option `sample`: its parsing and the resulting plan. */
import { LineaprintError } from '../../core/errors.ts'
import type { native } from '../../native/load.ts'
import { checkChoice, checkKnown } from '../../core/options.ts'
import { parseShare } from './share.ts'
import type { SamplePlan } from '../../core/sample-plan.ts'
import type { AlgorithmChoice } from '../../core/digest.ts'
import type { HashOptions } from '../../core/options.ts'

/**
 * The part to read of data too large for a full pass. One of `count` and `share` is required.
 *
 * The unit is a block of 16,384 bytes of a file, an element of a tensor or array, or a file of a folder. The
 * first and the last unit are always read.
 */
export interface SampleOptions {
  /**
   * `strided`: at equal distances; `random`: one unit at a random position within each of equal parts;
   * `blocks`: runs of up to 64 neighbours, the cheapest on a disk. @default 'strided'
   */
  readonly strategy?: SamplePlan['strategy'] | undefined
  /** Units to read; 1 reads two, the first and the last. */
  readonly count?: number | undefined
  /** Share of the units to read, exactly as written: `0.001`, `'1/1000'` or `'0.1%'`. */
  readonly share?: number | string | undefined
  /** Seed for `random` only, from 0 to 2^64 - 1: the same seed reads the same units. @default 0 */
  readonly seed?: number | bigint | undefined
  /** Number of units up to which everything is read and the digest is the ordinary one. @default 0 */
  readonly above?: number | undefined
}

/** Options of functions that can sample. */
export interface SampledHashOptions<A extends AlgorithmChoice = AlgorithmChoice> extends HashOptions<A> {
  /**
   * Read only a part; the digest is then never equal or comparable to a full one. @default everything is read
   */
  readonly sample?: SampleOptions | undefined
}

const KEYS = ['strategy', 'count', 'share', 'seed', 'above'] as const

/**
 * Check the option and return its plan; `undefined` if no sample is requested.
 *
 * @param others Options that cannot be combined with a sample, since they concern all bytes.
 */
export function checkSample(
  sample: SampleOptions | undefined,
  others: Readonly<Record<string, unknown>> = {},
): SamplePlan | undefined {
  if (sample === undefined) return undefined
  for (const [name, value] of Object.entries(others)) {
    if (value !== undefined && value !== false) throw argument('sample', `sample or ${name}`, 'both')
  }
  if (typeof sample !== 'object' || sample === null) {
    throw argument('sample', 'an object with count or share', typeof sample)
  }
  checkKnown(sample, KEYS, 'sample.')
  const strategy = checkChoice('sample.strategy', sample.strategy ?? 'strided', [
    'strided',
    'random',
    'blocks',
  ])
  if (sample.seed !== undefined && strategy !== 'random') {
    throw argument('sample.seed', 'no seed, because the strategy is not random', `a seed with ${strategy}`)
  }
  return {
    strategy,
    seed: checkSeed(sample.seed ?? 0),
    amount: checkAmount(sample),
    above: checkWhole('sample.above', sample.above ?? 0, 0),
  }
}

function checkAmount({ count, share }: SampleOptions): SamplePlan['amount'] {
  if ((count === undefined) === (share === undefined)) {
    throw argument('sample', 'either count or share', count === undefined ? 'neither' : 'both')
  }
  // The first and the last unit are always read.
  if (count !== undefined) return Math.max(2, checkWhole('sample.count', count, 1))
  const parsed = parseShare(String(share))
  if (parsed !== undefined) return parsed
  throw argument(
    'sample.share',
    "a share above 0 and at most 1, for example 0.001, '1/1000' or '0.1%'",
    JSON.stringify(share),
  )
}

function checkSeed(seed: number | bigint): bigint {
  if (typeof seed === 'bigint' ? seed >= 0n && seed < 1n << 64n : Number.isSafeInteger(seed) && seed >= 0) {
    return BigInt(seed)
  }
  throw argument('sample.seed', 'a whole number from 0 to 2^64 - 1 (from 2^53 on as a bigint)', String(seed))
}

function checkWhole(field: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw argument(field, `a whole number of units, at least ${least}`, String(value))
}

function argument(field: string, expected: string, received: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} is not valid`, {
    field,
    expected,
    received,
  })
}

/** Convert a plan back into options, to repeat the sample. */
export function sampleOptions({ strategy, seed, amount, above }: SamplePlan): SampleOptions {
  return {
    strategy,
    above,
    ...(strategy === 'random' && { seed }),
    ...(typeof amount === 'number' ? { count: amount } : { share: amount.join('/') }),
  }
}

/** Convert a plan into the form that the addon takes. */
export function toNativePlan({
  strategy,
  seed,
  amount,
  above,
}: SamplePlan): Parameters<typeof native.sampleFiles>[2] {
  return {
    strategy: strategy === 'random' ? { kind: strategy, seed } : { kind: strategy },
    amount:
      typeof amount === 'number'
        ? { kind: 'count', count: amount }
        : { kind: 'share', numerator: amount[0], denominator: amount[1] },
    above,
  }
}
