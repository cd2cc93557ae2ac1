/**
 * Metrics so far of runs that go on, for lists: an index has what a record says, and the record of such a run says nothing
 * of them. Each journal is read once, and then what is new.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { LineaprintError } from '../core/errors.ts'
import { factsOf } from '../database/facts.ts'
import { LiveRun } from '../store/live-run.ts'
import { runFolder } from '../store/store.ts'
import { mapConcurrently } from '../util/concurrency.ts'
import type { RunId } from '../core/run-id.ts'
import type { MetricFacts } from '../database/facts.ts'
import type { Store } from '../store/store.ts'

/** The summaries of metrics by their names. */
export type MetricsSoFar = ReadonlyMap<string, MetricFacts>

/** Runs of one list whose journals are read, and runs that are followed. */
const LIMIT = 200

/** Journals that are read at a time. */
const PARALLEL = 8

/** Milliseconds for which a list waits. */
const PATIENCE = 500

/** A run that is followed. */
interface Followed {
  live?: LiveRun | undefined
  version: number
  metrics: MetricsSoFar
  reading?: Promise<void> | undefined
}

/** The metrics of the runs of a store that go on. */
export class LiveMetrics {
  readonly #store: Store
  readonly #patience: number
  /** The one that was asked for last is the last. */
  readonly #followed = new Map<RunId, Followed>()

  /** @param patience Milliseconds for which a list waits. The rest is read on, and shows in the next one. */
  constructor(store: Store, patience: number = PATIENCE) {
    this.#store = store
    this.#patience = patience
  }

  /** Return the metrics of runs so far, as far as they can be read in a moment. */
  async of(ids: readonly RunId[]): Promise<ReadonlyMap<RunId, MetricsSoFar>> {
    const wanted = ids.slice(0, LIMIT)
    if (wanted.length === 0) return new Map()
    const late = new AbortController()
    const reading = mapConcurrently(wanted, PARALLEL, async (id) => this.#read(id))
    // A failure after the wait comes again in the next list.
    reading.catch(() => undefined)
    await Promise.race([
      reading,
      sleep(this.#patience, undefined, { signal: late.signal }).catch(() => undefined),
    ])
    late.abort()
    return new Map(
      wanted.flatMap((id) => {
        const metrics = this.#followed.get(id)?.metrics
        return metrics === undefined ? [] : [[id, metrics] as const]
      }),
    )
  }

  async #read(id: RunId): Promise<void> {
    const followed: Followed = this.#followed.get(id) ?? { version: -1, metrics: new Map() }
    this.#followed.delete(id)
    this.#followed.set(id, followed)
    const [oldest] = this.#followed.keys()
    if (this.#followed.size > LIMIT && oldest !== undefined) this.#followed.delete(oldest)
    // Reads of one journal must not overlap.
    followed.reading ??= this.#refresh(id, followed).finally(() => {
      followed.reading = undefined
    })
    await followed.reading
  }

  async #refresh(id: RunId, followed: Followed): Promise<void> {
    try {
      if (followed.live === undefined || !(await followed.live.refresh()))
        followed.live = await LiveRun.open(runFolder(this.#store, id), false)
    } catch (error) {
      // A run that ends or is removed in this moment, or that cannot be read: the list has no values of it.
      if (!LineaprintError.is(error)) throw error
      followed.live = undefined
    }
    const { live } = followed
    if (live === undefined) this.#followed.delete(id)
    else if (live.version !== followed.version) {
      followed.version = live.version
      followed.metrics = factsOf(live.run().record, { runName: null, tags: [] }).metrics
    }
  }
}
