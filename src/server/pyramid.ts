/**
 * The least and greatest values of blocks of a series, and of blocks of blocks: the extremes of any part are found without a
 * look at each value of it. It grows as values arrive.
 */

/** Values of a block of the lowest level. */
const BASE = 64

/** Blocks that are one block of the next level. */
const FACTOR = 8

/** Numbers of a block: the indexes of its first, last, least and greatest finite values and of its last gap, and its gaps. */
const FIELDS = 6

/** The indexes of the values that stand for a part. */
export interface Extremes {
  /** Of the first, least, greatest and last finite value and of the last other one, in their order. */
  readonly kept: readonly number[]
  /** Values that are NaN or infinite. */
  readonly gaps: number
}

/** Blocks of one level. */
interface Level {
  readonly size: number
  blocks: Int32Array
  count: number
}

/** The extremes of the blocks of one series. */
export class Pyramid {
  readonly #levels: Level[] = []

  /** Take in the values that have come. @param y All values; those that were there are as they were. */
  extend(y: Float64Array): void {
    let [below, size] = [this.#level(0, BASE), BASE]
    const whole = Math.floor(y.length / BASE)
    for (; below.count < whole; below.count++) {
      const part = new Part(y)
      part.scan(below.count * BASE, (below.count + 1) * BASE)
      write(below, part)
    }
    for (let level = 1; below.count >= FACTOR; level++) {
      size *= FACTOR
      const own = this.#level(level, size)
      for (; (own.count + 1) * FACTOR <= below.count; own.count++) {
        const part = new Part(y)
        for (let block = own.count * FACTOR; block < (own.count + 1) * FACTOR; block++)
          part.take(below.blocks, block * FIELDS)
        write(own, part)
      }
      below = own
    }
  }

  /** Return the extremes of a part. @param y The values with which it was extended. */
  extremes(y: Float64Array, start: number, end: number): Extremes {
    const part = new Part(y)
    for (let at = start; at < end;) {
      const level = this.#largest(at, end)
      if (level === undefined) {
        const stop = Math.min(end, (Math.floor(at / BASE) + 1) * BASE)
        part.scan(at, stop)
        at = stop
      } else {
        part.take(level.blocks, (at / level.size) * FIELDS)
        at += level.size
      }
    }
    return part.extremes()
  }

  /** Bytes that it takes. */
  get bytes(): number {
    return this.#levels.reduce((sum, { blocks }) => sum + blocks.byteLength, 0)
  }

  /** Return the largest level with a whole block that begins at a position and ends before another. */
  #largest(at: number, end: number): Level | undefined {
    let largest: Level | undefined
    for (const level of this.#levels) {
      const { size, count } = level
      if (at % size !== 0 || at + size > end || at / size >= count) break
      largest = level
    }
    return largest
  }

  #level(index: number, size: number): Level {
    return (this.#levels[index] ??= { size, blocks: new Int32Array(FIELDS * 8), count: 0 })
  }
}

/** Return the extremes of a part by a look at each of its values. */
export function scanExtremes(y: Float64Array, start: number, end: number): Extremes {
  const part = new Part(y)
  part.scan(start, end)
  return part.extremes()
}

function write(level: Level, part: Part): void {
  const at = level.count * FIELDS
  if (at + FIELDS > level.blocks.length) {
    const larger = new Int32Array(level.blocks.length * 2)
    larger.set(level.blocks)
    level.blocks = larger
  }
  part.write(level.blocks, at)
}

/** A part of a series, as far as it was looked at. */
class Part {
  readonly #y: Float64Array
  #first = -1
  #last = -1
  #min = -1
  #max = -1
  #gap = -1
  #gaps = 0
  #least = Infinity
  #greatest = -Infinity

  constructor(y: Float64Array) {
    this.#y = y
  }

  scan(start: number, end: number): void {
    const y = this.#y
    // Plain variables and assignments: every value of every series comes by here.
    let first = this.#first
    let last = this.#last
    let min = this.#min
    let max = this.#max
    let gap = this.#gap
    let gaps = this.#gaps
    let least = this.#least
    let greatest = this.#greatest
    for (let at = start; at < end; at++) {
      const value = y[at] ?? NaN
      // False for NaN and the infinities alone.
      if (value - value !== 0) {
        gaps++
        gap = at
        continue
      }
      if (first < 0) first = at
      last = at
      if (value < least) {
        least = value
        min = at
      }
      if (value > greatest) {
        greatest = value
        max = at
      }
    }
    this.#first = first
    this.#last = last
    this.#min = min
    this.#max = max
    this.#gap = gap
    this.#gaps = gaps
    this.#least = least
    this.#greatest = greatest
  }

  /** Take in what is known of a block. */
  take(blocks: Int32Array, at: number): void {
    const first = blocks[at] ?? -1
    if (first >= 0) {
      if (this.#first < 0) this.#first = first
      this.#last = blocks[at + 1] ?? -1
      const min = blocks[at + 2] ?? -1
      const max = blocks[at + 3] ?? -1
      const least = this.#y[min] ?? NaN
      const greatest = this.#y[max] ?? NaN
      if (least < this.#least) {
        this.#least = least
        this.#min = min
      }
      if (greatest > this.#greatest) {
        this.#greatest = greatest
        this.#max = max
      }
    }
    const gap = blocks[at + 4] ?? -1
    if (gap >= 0) this.#gap = gap
    this.#gaps += blocks[at + 5] ?? 0
  }

  write(blocks: Int32Array, at: number): void {
    blocks[at] = this.#first
    blocks[at + 1] = this.#last
    blocks[at + 2] = this.#min
    blocks[at + 3] = this.#max
    blocks[at + 4] = this.#gap
    blocks[at + 5] = this.#gaps
  }

  extremes(): Extremes {
    const kept: number[] = []
    for (const index of [this.#first, this.#min, this.#max, this.#last, this.#gap])
      if (index >= 0 && !kept.includes(index)) kept.push(index)
    return { kept: kept.toSorted((a, b) => a - b), gaps: this.#gaps }
  }
}
