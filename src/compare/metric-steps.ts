/** Two sequences of values side by side: where they part, and what only one of them has. */

/** The first place where two runs have different values. */
export interface Parting<T = number> {
  /** `null` if the values have no steps. */
  readonly step: number | null
  /** How many values both runs have in common before it. */
  readonly index: number
  readonly before: T
  readonly after: T
}

/** What a comparison by steps gives. */
export interface StepsDiff<T> {
  /** `null` if no value differs where both runs have one. */
  readonly parting: Parting<T> | null
  /** Values at steps that the other run has none at. */
  readonly onlyBefore: number
  readonly onlyAfter: number
  /** Pairs that are neither equal nor different: digests of two hash functions. */
  readonly incomparable: number
}

/** One value as it was logged. */
export interface SteppedValue<T> {
  readonly step: number | undefined
  readonly value: T
}

/** Whether two values are equal; `undefined` if that cannot be said. */
type Equal<T> = (a: T, b: T) => boolean | undefined

/**
 * Joins two sequences by their steps, or by their order where they have none. Only the values are kept that the other
 * sequence has not come to yet.
 */
export class Merge<T> {
  readonly #queues: readonly [Queue<SteppedValue<T>>, Queue<SteppedValue<T>>] = [new Queue(), new Queue()]
  readonly #only: [number, number] = [0, 0]
  readonly #equal: Equal<T>
  #common = 0
  #incomparable = 0
  #parting: Parting<T> | null = null

  constructor(equal: Equal<T>) {
    this.#equal = equal
  }

  /** Takes the next value of one side. */
  add(side: 0 | 1, next: SteppedValue<T>): void {
    this.#queues[side].push(next)
    const [first, second] = this.#queues
    for (let [a, b] = [first.head, second.head]; a && b; [a, b] = [first.head, second.head]) {
      // Where only one of the two has a step, nothing but the order is left to go by.
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
    else if (!equal && this.#parting === null) {
      const step = a.step ?? b.step ?? null
      this.#parting = { step, index: this.#common, before: a.value, after: b.value }
    }
    this.#common++
  }

  /** What was found, with what is left over on each side. */
  end(): StepsDiff<T> {
    const [first, second] = this.#queues
    return {
      parting: this.#parting,
      onlyBefore: this.#only[0] + first.length,
      onlyAfter: this.#only[1] + second.length,
      incomparable: this.#incomparable,
    }
  }
}

/** First in, first out, without moving what is left at every step. */
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
