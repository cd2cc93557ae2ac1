/** The option `sample`: what it may hold, and the plan that it comes to. */
import { LineaprintError } from '../errors.ts'
import { native } from '../native.ts'
import { checkChoice, checkKnown } from '../options.ts'
import { parseShare } from './share.ts'
import type { SamplePlan } from '../sampled.ts'
import type { HashOptions } from '../options.ts'

/**
 * What to read of something too large for a full pass. One of `count` and `share` is needed.
 *
 * The unit is a block of 16,384 bytes of a file, an element of a tensor or array, a file of a folder. The
 * first and the last unit are always read.
 */
export interface SampleOptions {
  /**
   * `strided`: at equal distances; `random`: one at a random place of each of equal parts; `blocks`: runs of up
   * to 64 neighbours, which costs a disk least. @default 'strided'
   */
  readonly strategy?: SamplePlan['strategy'] | undefined
  /** Units to read; 1 reads two, the first and the last. */
  readonly count?: number | undefined
  /** Share of the units to read, exactly as written: `0.001`, `'1/1000'` or `'0.1%'`. */
  readonly share?: number | string | undefined
  /** For `random` alone, from 0 to 2^64 - 1: the same seed reads the same units. @default 0 */
  readonly seed?: number | bigint | undefined
  /** Up to so many units everything is read, and the digest is the ordinary one. @default 0 */
  readonly above?: number | undefined
}

/** Options of what can be sampled. */
export interface SampledHashOptions extends HashOptions {
  /** Read only a part; the digest is then never equal or comparable to a full one. @default everything is read */
  readonly sample?: SampleOptions | undefined
}

const KEYS = ['strategy', 'count', 'share', 'seed', 'above'] as const

/**
 * Checks the option; `undefined` where no sample is asked for.
 *
 * @param others Options that a sample cannot stand beside, since they are about all bytes.
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
    throw argument('sample.seed', 'no seed, since nothing is random', `a seed with ${strategy}`)
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
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} is not as it should be`, {
    field,
    expected,
    received,
  })
}

/** The options that give a plan again, for another look by the same one. */
export function sampleOptions({ strategy, seed, amount, above }: SamplePlan): SampleOptions {
  return {
    strategy,
    above,
    ...(strategy === 'random' && { seed }),
    ...(typeof amount === 'number' ? { count: amount } : { share: amount.join('/') }),
  }
}

/** A plan in the words of the addon. */
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
