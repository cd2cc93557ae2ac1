/** The picture of a series whose values come in parts, in any order of their positions. */
import { picked, stableOrder } from '../../util/stable-order.ts'

/** Points of a line, in the order of their positions. */
export interface Points {
  readonly x: Float64Array
  readonly y: Float64Array
}

/** Points that stand for a column: the first, least, greatest and last finite value, and the last other one. */
const [FIRST, MIN, MAX, LAST, GAP, KINDS] = [0, 1, 2, 3, 4, 5]

/**
 * Keeps of each column of a picture the first, the least, the greatest and the last finite value and the last other one. Equal
 * positions are in the order in which they come; of equal values the first counts.
 */
export class ColumnPicture {
  /** Values that are NaN or infinite. */
  notFinite = 0
  readonly #columns: number
  readonly #least: number
  readonly #width: number
  /** Positions where the columns begin, and after the last one infinity. */
  readonly #bounds: Float64Array
  readonly #x: Float64Array
  readonly #y: Float64Array
  /** Numbers of the values as they came; -1 for none. */
  readonly #number: Float64Array
  #added = 0
  #column = 0

  /**
   * @param from Least position.
   * @param to Greatest position.
   */
  constructor(from: number, to: number, columns: number) {
    this.#columns = columns
    this.#least = from
    this.#width = (to - from) / columns
    // Where all positions are equal, everything is in the first column.
    this.#bounds = Float64Array.from({ length: columns + 1 }, (_, column) =>
      column === 0
        ? -Infinity
        : column === columns || !(this.#width > 0)
          ? Infinity
          : from + column * this.#width,
    )
    this.#x = new Float64Array(columns * KINDS)
    this.#y = new Float64Array(columns * KINDS)
    this.#number = new Float64Array(columns * KINDS).fill(-1)
  }

  /** Take in values. @param x Their positions, from the least to the greatest one. */
  add(x: Float64Array, y: Float64Array): void {
    const [xs, ys, numbers] = [this.#x, this.#y, this.#number]
    for (let index = 0; index < x.length; index++) {
      const [position, value] = [x[index] ?? NaN, y[index] ?? NaN]
      const at = this.#columnOf(position) * KINDS
      const number = this.#added + index
      // False for NaN and the infinities alone.
      if (value - value !== 0) {
        this.notFinite++
        if (numbers[at + GAP] === -1 || position >= (xs[at + GAP] ?? 0))
          this.#set(at + GAP, position, value, number)
        continue
      }
      if (numbers[at] === -1) {
        for (let kind = FIRST; kind <= LAST; kind++) this.#set(at + kind, position, value, number)
        continue
      }
      if (position < (xs[at + FIRST] ?? 0)) this.#set(at + FIRST, position, value, number)
      if (position >= (xs[at + LAST] ?? 0)) this.#set(at + LAST, position, value, number)
      const [least, greatest] = [ys[at + MIN] ?? 0, ys[at + MAX] ?? 0]
      if (value < least || (value === least && position < (xs[at + MIN] ?? 0)))
        this.#set(at + MIN, position, value, number)
      if (value > greatest || (value === greatest && position < (xs[at + MAX] ?? 0)))
        this.#set(at + MAX, position, value, number)
    }
    this.#added += x.length
  }

  /** Return what stands for the values so far. */
  points(): Points {
    const kept: number[] = []
    const before = (a: number, b: number): number =>
      (this.#x[a] ?? 0) - (this.#x[b] ?? 0) || (this.#number[a] ?? 0) - (this.#number[b] ?? 0)
    for (let at = 0; at < this.#x.length; at += KINDS) {
      const own: number[] = []
      for (let kind = at; kind < at + KINDS; kind++) {
        const number = this.#number[kind]
        if (number !== -1 && !own.some((other) => this.#number[other] === number)) own.push(kind)
      }
      kept.push(...own.toSorted(before))
    }
    return { x: picked(this.#x, kept), y: picked(this.#y, kept) }
  }

  /** Return the column of a position. Most are in that of the one before. */
  #columnOf(position: number): number {
    const bounds = this.#bounds
    let column = this.#column
    if (position >= (bounds[column] ?? 0) && position < (bounds[column + 1] ?? 0)) return column
    const guess = Math.floor((position - this.#least) / this.#width)
    column = guess > 0 ? Math.min(guess, this.#columns - 1) : 0
    // The guess is rounded otherwise than the bounds.
    while (position >= (bounds[column + 1] ?? Infinity)) column++
    while (position < (bounds[column] ?? -Infinity)) column--
    this.#column = column
    return column
  }

  #set(at: number, position: number, value: number, number: number): void {
    this.#x[at] = position
    this.#y[at] = value
    this.#number[at] = number
  }
}

/** Return points in the order of their positions, equal ones as they come. */
export function inOrder(x: Float64Array, y: Float64Array): Points {
  const order = stableOrder(x)
  return { x: picked(x, order), y: picked(y, order) }
}
