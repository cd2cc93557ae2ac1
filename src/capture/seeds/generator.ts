/** A random generator whose complete state can be saved, restored and recorded. */
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'
import { LineaprintError } from '../../core/errors.ts'
import { checkSeed } from './seed.ts'
import { MAX_STREAM, isStream, parseState } from './state.ts'
import type { JumpableRandomGenerator } from 'pure-rand/types/JumpableRandomGenerator'
import type { GeneratorState } from './state.ts'

/** A sequence that can be reordered in place. */
export interface Shuffleable<T> {
  readonly length: number
  [index: number]: T
}

const TWO_26 = 2 ** 26
const TWO_53 = 2 ** 53

/**
 * xoroshiro128+ by Blackman and Vigna (2018: 24, 16, 37), as pure-rand implements it: one draw returns the
 * lower 32 bits of a step.
 *
 * The state of seed s is the first two outputs of SplitMix64 started at s, as its authors recommend;
 * pure-rand's own seeding would return the complement of the seed as the first draw. Stream k is the state
 * after k jumps of 2^64 steps, so streams do not overlap. Not for secrets.
 */
export class Generator {
  #seed = 0
  #stream = 0
  #source!: JumpableRandomGenerator

  /**
   * @param seed A whole number from 0 to 2^53 - 1.
   * @param stream One for each worker, from 0 to 65,535; each one costs about a microsecond here.
   */
  constructor(seed: number | bigint, stream = 0) {
    this.reseed(seed, stream)
  }

  /** Create a generator that continues from a saved state. Throws the errors of {@link Generator.resume}. */
  static restore(state: unknown): Generator {
    return new Generator(0).resume(state)
  }

  /** The initial seed. */
  get seed(): number {
    return this.#seed
  }

  /** The initial stream. */
  get stream(): number {
    return this.#stream
  }

  /** Start again with the arguments of the constructor. Nothing changes if one of them is invalid. */
  reseed(seed: number | bigint, stream = 0): this {
    const checked = checkSeed(seed)
    if (!isStream(stream)) {
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the stream number is not valid', {
        field: 'stream',
        expected: `a whole number from 0 to ${MAX_STREAM}`,
        received: String(stream),
      })
    }
    const source = fromWords(splitMix(BigInt(checked)))
    for (let jump = 0; jump < stream; jump++) source.jump()
    this.#seed = checked
    this.#stream = stream
    this.#source = source
    return this
  }

  /**
   * Continue from a saved state. Nothing changes if the state is invalid.
   *
   * @param state The result of `state()`, also from JSON.
   * @throws ERR_LINEAPRINT_RECORD if it is not an object or a field is missing, ERR_LINEAPRINT_UNSUPPORTED if
   * its version or algorithm is not known, ERR_LINEAPRINT_FORMAT if a field has an impossible value.
   */
  resume(state: unknown): this {
    const { seed, stream, state: words } = parseState(state)
    this.#source = fromWords([BigInt(`0x${words.slice(0, 16)}`), BigInt(`0x${words.slice(16)}`)])
    this.#seed = seed
    this.#stream = stream
    return this
  }

  /** Return a number from 0 (included) to 1 (excluded), a multiple of 2^-53. Costs two draws. */
  next(): number {
    return this.#bits53() / TWO_53
  }

  /**
   * Return a whole number, uniformly distributed.
   *
   * @param min The smallest value, a safe integer.
   * @param max The largest value, included; at most 2^53 - 1 above `min`.
   */
  integer(min: number, max: number): number {
    const span = max - min
    const valid = Number.isSafeInteger(min) && Number.isSafeInteger(max) && span >= 0 && span < TWO_53
    if (!valid) {
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the range is not valid', {
        field: 'max',
        expected: 'min <= max, both safe integers and less than 2^53 apart',
        received: `${min} to ${max}`,
      })
    }
    const count = span + 1
    // 2^53 is in general not a multiple of the count. Values beyond the last full multiple would favour the
    // first numbers, so they are drawn again.
    const limit = TWO_53 - (TWO_53 % count)
    let bits = this.#bits53()
    while (bits >= limit) bits = this.#bits53()
    return min + (bits % count)
  }

  /**
   * Return a normally distributed number, by Marsaglia's polar method. The second number of the method is
   * discarded, so that the state is only that of the generator. The logarithm is that of V8 and may differ in
   * the last bit between versions.
   *
   * @param mean The mean.
   * @param deviation The standard deviation.
   */
  normal(mean = 0, deviation = 1): number {
    for (;;) {
      const x = 2 * this.next() - 1
      const y = 2 * this.next() - 1
      const square = x * x + y * y
      if (square > 0 && square < 1) return mean + deviation * x * Math.sqrt((-2 * Math.log(square)) / square)
    }
  }

  /** Shuffle an array in place (Fisher and Yates), and return it. */
  shuffle<T, A extends Shuffleable<T>>(array: A & Shuffleable<T>): A {
    for (let last = array.length - 1; last > 0; last--) {
      const other = this.integer(0, last)
      const item = array[last] as T
      array[last] = array[other] as T
      array[other] = item
    }
    return array
  }

  /** Return the complete state as a JSON value. */
  state(): GeneratorState {
    const words = this.#source.getState().map((word) => (word >>> 0).toString(16).padStart(8, '0'))
    return {
      version: 1,
      algorithm: 'xoroshiro128plus',
      seed: this.#seed,
      stream: this.#stream,
      state: words.join(''),
    }
  }

  /**
   * Return 27 and 26 bits of two draws. The upper bits are used, because the lowest bits of this generator
   * are weak.
   */
  #bits53(): number {
    const high = this.#source.next() >>> 5
    const low = this.#source.next() >>> 6
    return high * TWO_26 + low
  }
}

/** Create a generator from two words of 64 bits. pure-rand expects the upper half before the lower half. */
function fromWords(words: readonly [bigint, bigint]): JumpableRandomGenerator {
  const halves = words.flatMap((word) => [Number(word >> 32n) | 0, Number(word & 0xffff_ffffn) | 0])
  return xoroshiro128plusFromState(halves)
}

/**
 * Return the first two outputs of SplitMix64 (Steele, Lea, Flood) started at `seed`. They are never both
 * zero.
 */
function splitMix(seed: bigint): [bigint, bigint] {
  const output = (step: bigint): bigint => {
    let z = BigInt.asUintN(64, seed + step * 0x9e37_79b9_7f4a_7c15n)
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n)
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn)
    return z ^ (z >> 31n)
  }
  return [output(1n), output(2n)]
}
