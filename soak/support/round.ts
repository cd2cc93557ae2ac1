/** Options and results of a long round. */

/** Options of every round. */
export interface RoundOptions {
  /** Seed of everything random in the round, except the timing of threads and processes. */
  readonly seed: number
  /** Receives a line about the progress. */
  readonly progress: (line: string) => void
}

/** A control with the fault that the round must detect: a round that misses it proves nothing. */
export interface Control {
  /** The planted fault. */
  readonly what: string
  readonly tried: number
  /** Number of times that the round's own check detected it. */
  readonly caught: number
}

/** The result of a round. */
export interface Outcome {
  readonly name: string
  readonly promise: string
  /** Number of tests of the promise. */
  readonly rounds: number
  readonly failures: number
  /** The first failure of each kind, described. */
  readonly examples: readonly string[]
  readonly controls: readonly Control[]
  /** Measurements of the round. */
  readonly numbers: Readonly<Record<string, number | string>>
  /** The parts that could not run here, and why. */
  readonly skipped: readonly string[]
}

const EXAMPLES = 20

/** Return what a failure has in common with others of its kind: its text without numbers, places and quotes. */
function kindOf(failure: string): string {
  return failure.replaceAll(/\([^()]*\)|'[^']*'|\d+/g, '').slice(0, 200)
}

/** The counter of rounds and failures. */
export class Tally {
  rounds = 0
  failures = 0
  readonly examples: string[] = []
  readonly #kinds = new Set<string>()

  /** Count one round; `failure` describes how it broke the promise. */
  count(failure?: string): void {
    this.rounds++
    if (failure !== undefined) this.fail(failure)
  }

  /** Count a failure within a round that is counted elsewhere. */
  fail(failure: string): void {
    this.failures++
    const kind = kindOf(failure)
    if (this.#kinds.has(kind) || this.examples.length >= EXAMPLES) return
    this.#kinds.add(kind)
    this.examples.push(failure)
  }

  /** The counts in the form of an outcome. */
  get result(): Pick<Outcome, 'rounds' | 'failures' | 'examples'> {
    const { rounds, failures, examples } = this
    return { rounds, failures, examples }
  }
}

/**
 * Check whether the promise was broken, or the round could not have detected it. A skipped round broke
 * nothing.
 */
export function isBroken({ rounds, failures, controls, skipped }: Outcome): boolean {
  if (rounds === 0 && skipped.length > 0) return false
  return failures > 0 || rounds === 0 || controls.some(({ caught }) => caught === 0)
}

/**
 * Format the result in one line. Without failures in N independent rounds the rate is below 3/N in 95 of 100
 * cases (the rule of three).
 */
export function verdict({ rounds, failures, controls, skipped }: Outcome): string {
  if (rounds === 0 && skipped.length > 0) return 'not run here'
  if (controls.length === 0) return `${rounds} measurements`
  const bound = failures === 0 && rounds > 0 ? ` (95 % bound ${(3 / rounds).toExponential(1)})` : ''
  const caught = controls.map(({ what, tried, caught: seen }) => `; ${what}: ${seen}/${tried} caught`)
  return `${failures}/${rounds} failures${bound}${caught.join('')}`
}

/** Compute median, 99th percentile and maximum, rounded to hundredths. */
export function spread(values: readonly number[]): { p50: number; p99: number; max: number } {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number): number =>
    Math.round((sorted[Math.ceil(sorted.length * part) - 1] ?? NaN) * 100) / 100
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}
