/** Metrics of two runs side by side, and the step at which their values part. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../../store/atomic.ts'
import { decodeFloat } from '../../store/floats.ts'
import { readJournal } from '../../store/journal-read.ts'
import { JOURNAL_FILE } from '../../store/store.ts'
import { own } from './captures.ts'
import type { MetricEvent } from '../../store/events.ts'
import type { MetricRecord } from '../../store/record.ts'
import type { StoredRun } from '../../store/runs.ts'

/** A metric of one run in short. */
export interface MetricSide {
  readonly count: number
  readonly nanCount: number
  readonly last: number
  readonly min: number | null
  readonly max: number | null
}

/** The first place where two runs have different values. */
export interface Parting {
  /** `null` if the values have no steps. */
  readonly step: number | null
  /** How many values both runs have in common before it. */
  readonly index: number
  readonly before: number
  readonly after: number
}

/** One metric of two runs. */
export interface MetricDiff {
  readonly name: string
  readonly same: boolean
  /** `null` if the run has no such metric. */
  readonly before: MetricSide | null
  readonly after: MetricSide | null
  /** `null` if no value differs where both runs have one. */
  readonly parting: Parting | null
  /** Values at steps that the other run has none at. */
  readonly onlyBefore: number
  readonly onlyAfter: number
}

/** What {@link diffMetrics} gives. */
export interface MetricsDiff {
  readonly metrics: readonly MetricDiff[]
  /** Why steps could not be compared; absent if they were. */
  readonly reason?: string
  /** Sentences about damage in the journals. */
  readonly warnings: readonly string[]
}

/**
 * Compares all metrics. Both journals are read at once, and of each metric only the values are kept that the other
 * run has not come to yet: memory does not grow with the length of the runs.
 */
export async function diffMetrics(
  before: StoredRun,
  after: StoredRun,
  signal?: AbortSignal,
): Promise<MetricsDiff> {
  const [was, is] = [before.record.metrics, after.record.metrics]
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].toSorted()
  const merges = new Map<string, Merge>()
  const warnings: string[] = []
  let reason: string | undefined
  if (names.length > 0) {
    const outcomes = await Promise.all(
      [before, after].map((run, side) =>
        visitMetrics(run, signal, (event) => {
          let merge = merges.get(event.name)
          if (merge === undefined) merges.set(event.name, (merge = new Merge()))
          merge.add(side === 0 ? 0 : 1, event)
        }),
      ),
    )
    for (const [index, outcome] of outcomes.entries()) {
      const side = index === 0 ? 'first' : 'second'
      if (outcome === undefined) reason = `the journal of the ${side} run is gone`
      else warnings.push(...outcome.map((problem) => `the journal of the ${side} run: ${problem}`))
    }
  }
  const metrics = names.map((name) => {
    const [first, second] = [sideOf(own(was, name)), sideOf(own(is, name))]
    const steps = reason === undefined ? merges.get(name)?.end() : undefined
    const { parting, onlyBefore, onlyAfter } = steps ?? { parting: null, onlyBefore: 0, onlyAfter: 0 }
    const same =
      parting === null &&
      onlyBefore === 0 &&
      onlyAfter === 0 &&
      JSON.stringify(own(was, name)) === JSON.stringify(own(is, name))
    return { name, same, before: first, after: second, parting, onlyBefore, onlyAfter }
  })
  return { metrics, ...(reason !== undefined && { reason }), warnings }
}

function sideOf(metric: MetricRecord | undefined): MetricSide | null {
  if (metric === undefined) return null
  const { count, nanCount, last, min, max } = metric
  return { count, nanCount, last: decodeFloat(last), min: bound(min), max: bound(max) }
}

function bound(value: MetricRecord['min']): number | null {
  return value === null ? null : decodeFloat(value)
}

/**
 * Reads the metrics in the journal of a run.
 *
 * @returns Sentences about damage; `undefined` if there is no journal.
 */
export async function visitMetrics(
  { folder }: StoredRun,
  signal: AbortSignal | undefined,
  visit: (event: MetricEvent) => void,
): Promise<readonly string[] | undefined> {
  const path = join(folder, JOURNAL_FILE)
  try {
    await stat(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const report = await readJournal(path, (event) => {
      signal?.throwIfAborted()
      if (event.type === 'metric') visit(event)
    })
    return report.problems
  } catch (error) {
    // What is thrown while it is read comes out as a failure to read.
    signal?.throwIfAborted()
    throw error
  }
}

interface Value {
  readonly step: number | undefined
  readonly value: number
}

/** Two sequences of values, joined by their steps, or by their order where they have none. */
class Merge {
  readonly #queues: readonly [Queue, Queue] = [new Queue(), new Queue()]
  readonly #only: [number, number] = [0, 0]
  #common = 0
  #parting: Parting | null = null

  add(side: 0 | 1, { value, step }: MetricEvent): void {
    this.#queues[side].push({ step, value: decodeFloat(value) })
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

  #compare(a: Value, b: Value): void {
    const equal = a.value === b.value || (Number.isNaN(a.value) && Number.isNaN(b.value))
    if (!equal && this.#parting === null) {
      const step = a.step ?? b.step ?? null
      this.#parting = { step, index: this.#common, before: a.value, after: b.value }
    }
    this.#common++
  }

  end(): { parting: Parting | null; onlyBefore: number; onlyAfter: number } {
    const [first, second] = this.#queues
    return {
      parting: this.#parting,
      onlyBefore: this.#only[0] + first.length,
      onlyAfter: this.#only[1] + second.length,
    }
  }
}

/** First in, first out, without moving what is left at every step. */
class Queue {
  #items: Value[] = []
  #start = 0

  get head(): Value | undefined {
    return this.#items[this.#start]
  }

  get length(): number {
    return this.#items.length - this.#start
  }

  push(value: Value): void {
    this.#items.push(value)
  }

  shift(): void {
    this.#start++
    if (this.#start < 1024 || this.#start * 2 < this.#items.length) return
    this.#items = this.#items.slice(this.#start)
    this.#start = 0
  }
}
