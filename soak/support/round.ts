/** What a long round is given and what it gives back. */

/** Given to every round. */
export interface RoundOptions {
  /** From which everything random in the round follows, but for the timing of threads and processes. */
  readonly seed: number
  /** Takes a line about how far it is. */
  readonly say: (line: string) => void
}

/** Something with the fault that the round looks for, run beside it: a round that misses it shows nothing. */
export interface Control {
  /** What was planted. */
  readonly what: string
  readonly tried: number
  /** How often the round's own check saw it. */
  readonly caught: number
}

/** What became of a round. */
export interface Outcome {
  readonly name: string
  readonly promise: string
  /** How often the promise was put to the test. */
  readonly rounds: number
  readonly failures: number
  /** The first few failures in words. */
  readonly examples: readonly string[]
  readonly controls: readonly Control[]
  /** What was measured on the way. */
  readonly numbers: Readonly<Record<string, number | string>>
  /** What could not be run here, and why. */
  readonly skipped: readonly string[]
}

const EXAMPLES = 5

/** Counts rounds and failures. */
export class Tally {
  rounds = 0
  failures = 0
  readonly examples: string[] = []

  /** One more round; `failure` says in words how it broke the promise. */
  count(failure?: string): void {
    this.rounds++
    if (failure !== undefined) this.fail(failure)
  }

  /** A failure within a round that is counted elsewhere. */
  fail(failure: string): void {
    this.failures++
    if (this.examples.length < EXAMPLES) this.examples.push(failure)
  }

  /** What an outcome says of it. */
  get result(): Pick<Outcome, 'rounds' | 'failures' | 'examples'> {
    const { rounds, failures, examples } = this
    return { rounds, failures, examples }
  }
}

/** Whether the promise was broken, or the round could not have seen it. One that cannot be run here broke nothing. */
export function isBroken({ rounds, failures, controls, skipped }: Outcome): boolean {
  if (rounds === 0 && skipped.length > 0) return false
  return failures > 0 || rounds === 0 || controls.some(({ caught }) => caught === 0)
}

/**
 * The result in one line. With no failure in N independent rounds the rate is below 3/N in 95 of 100 cases (the
 * rule of three).
 */
export function verdict({ rounds, failures, controls, skipped }: Outcome): string {
  if (rounds === 0 && skipped.length > 0) return 'not run here'
  if (controls.length === 0) return `${rounds} measurements`
  const bound = failures === 0 && rounds > 0 ? ` (95 % bound ${(3 / rounds).toExponential(1)})` : ''
  const caught = controls.map(({ what, tried, caught: seen }) => `; ${what}: ${seen}/${tried} caught`)
  return `${failures}/${rounds} failures${bound}${caught.join('')}`
}

/** Median, 99th percentile and largest of some numbers, rounded to hundredths. */
export function spread(values: readonly number[]): { p50: number; p99: number; max: number } {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number): number =>
    Math.round((sorted[Math.ceil(sorted.length * part) - 1] ?? NaN) * 100) / 100
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}
