/** Comparison of two sequences of values: where they diverge, and which values only one of them has. */

/** The first position at which two runs have different values. */
export interface Divergence<T = number> {
  /** The step; `null` if the values have no steps. */
  readonly step: number | null
  /** Number of earlier positions at which both runs have a value. */
  readonly index: number
  readonly before: T
  readonly after: T
}

/** The result of a comparison by steps. */
export interface StepsDiff<T> {
  /** The first divergence; `null` if all values at common steps are equal. */
  readonly divergence: Divergence<T> | null
  /** Number of values at steps that the other run does not have. */
  readonly onlyBefore: number
  readonly onlyAfter: number
  /** Number of pairs that cannot be compared: digests of two hash functions. */
  readonly incomparable: number
}

/** One logged value. */
export interface SteppedValue<T> {
  readonly step: number | undefined
  readonly value: T
}

/** Compare two values; `undefined` if they cannot be compared. */
type Equal<T> = (a: T, b: T) => boolean | undefined

/**
 * A join of two sequences by step, or by order if they have no steps. It holds only values whose counterpart
 * has not arrived yet.
 */
export class Merge<T> {
  readonly #queues: readonly [Queue<SteppedValue<T>>, Queue<SteppedValue<T>>] = [new Queue(), new Queue()]
  readonly #only: [number, number] = [0, 0]
  readonly #equal: Equal<T>
  #common = 0
  #incomparable = 0
  #divergence: Divergence<T> | null = null

  constructor(equal: Equal<T>) {
    this.#equal = equal
  }

  /** Add the next value of one side. */
  add(side: 0 | 1, next: SteppedValue<T>): void {
    this.#queues[side].push(next)
    const [first, second] = this.#queues
    for (let [a, b] = [first.head, second.head]; a && b; [a, b] = [first.head, second.head]) {
      // If only one of the two has a step, only the order can be compared.
      const order = a.step === undefined || b.step === undefined ? 0 : Math.sign(a.step - b.step)
      if (order <= 0) first.shift()
      if (order >= 0) second.shift()
      if (order === 0) this.#compare(a, b)
      else this.#only[order < 0 ? 0 : 1]++
    }
  }

  #compare(a: SteppedValue<T>, b: SteppedValue<T>): void {
    const equal = this.#equal(a.value, b.value)
    if (equal === undefined) this.#incomparable++
    else if (!equal && this.#divergence === null) {
      const step = a.step ?? b.step ?? null
      this.#divergence = { step, index: this.#common, before: a.value, after: b.value }
    }
    this.#common++
  }

  /** Return the result, including the unmatched values of each side. */
  end(): StepsDiff<T> {
    const [first, second] = this.#queues
    return {
      divergence: this.#divergence,
      onlyBefore: this.#only[0] + first.length,
      onlyAfter: this.#only[1] + second.length,
      incomparable: this.#incomparable,
    }
  }
}

/** A first-in, first-out queue that does not move its elements at every removal. */
class Queue<T> {
  #items: T[] = []
  #start = 0

  get head(): T | undefined {
    return this.#items[this.#start]
  }

  get length(): number {
    return this.#items.length - this.#start
  }

  push(value: T): void {
    this.#items.push(value)
  }

  shift(): void {
    this.#start++
    if (this.#start < 1024 || this.#start * 2 < this.#items.length) return
    this.#items = this.#items.slice(this.#start)
    this.#start = 0
  }
}
