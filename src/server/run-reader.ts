/** Runs and their metrics, kept in memory between requests: a page asks for the same run again and again. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { isRunId } from '../core/run-id.ts'
import { LiveRun } from '../store/live-run.ts'
import { readMetrics, readMetricsBefore, seriesOf } from '../store/metrics/series.ts'
import { readRun } from '../store/read.ts'
import { JOURNAL_FILE, RECORD_FILE, runFolder } from '../store/store.ts'
import { pathExists } from '../util/fs.ts'
import type { RunId } from '../core/run-id.ts'
import type { MetricsOfRuns, RunMetrics } from '../store/metrics/series.ts'
import type { StoredRun } from '../store/read.ts'
import type { Store } from '../store/store.ts'

/** Runs that are kept. */
const RUN_LIMIT = 200

/** Bytes of the values that are kept: of ten million values, and more. */
const BYTE_LIMIT = 512 << 20

/** Bytes of a value with its step and time. */
const ROW = 24

/** A run that is kept. */
type KeptRun =
  | { readonly kind: 'ended'; readonly stamp: string; readonly run: StoredRun; metrics?: MetricsOfRuns }
  | {
      readonly kind: 'live'
      readonly live: LiveRun
      metrics?: MetricsOfRuns & { readonly version: number }
      before?: Before
    }

/** The metrics of the runs that a run continues. */
interface Before {
  readonly runs: readonly RunMetrics[]
  readonly warnings: readonly string[]
}

/** A reader of the runs of one store. */
export class RunReader {
  readonly #store: Store
  /** The one that was used last is the last. */
  readonly #kept = new Map<RunId, KeptRun>()
  /** Work on one run at a time: a journal is read by one reader. */
  readonly #queues = new Map<RunId, Promise<unknown>>()

  constructor(store: Store) {
    this.#store = store
  }

  /**
   * Return a run as it is now.
   *
   * @throws ERR_LINEAPRINT_RUN if there is none of that id, and the errors of `readRun`.
   */
  async run(id: string): Promise<StoredRun> {
    return this.#alone(id, async (own) => {
      const kept = await this.#current(own)
      return kept.kind === 'live' ? kept.live.run() : kept.run
    })
  }

  /** Return a run and a number that changes when the run does. */
  async version(id: string): Promise<{ readonly run: StoredRun; readonly version: number }> {
    return this.#alone(id, async (own) => {
      const kept = await this.#current(own)
      return kept.kind === 'live'
        ? { run: kept.live.run(), version: kept.live.version }
        : { run: kept.run, version: Number.MAX_SAFE_INTEGER }
    })
  }

  /** Return a run, and its metrics so far. */
  async metrics(id: string, signal: AbortSignal): Promise<{ readonly run: StoredRun } & MetricsOfRuns> {
    return this.#alone(id, async (own) => {
      const kept = await this.#current(own)
      if (kept.kind === 'ended') {
        kept.metrics ??= await readMetrics([kept.run], { signal })
        this.#forget()
        return { run: kept.run, ...kept.metrics }
      }
      const { live } = kept
      if (kept.metrics?.version !== live.version) {
        kept.before ??= await this.#before(live.run(), signal)
        const { runs, warnings } = kept.before
        const series = seriesOf([...runs, { run: own, byName: live.metrics() }])
        kept.metrics = { series, warnings, version: live.version }
      }
      const { series, warnings } = kept.metrics
      return { run: live.run(), series, warnings }
    })
  }

  /** Read what a run continues. It is read once. */
  async #before(run: StoredRun, signal: AbortSignal): Promise<Before> {
    const warnings: string[] = []
    return { runs: await readMetricsBefore(run, { warnings, signal }), warnings }
  }

  /** Return the folder of a run. @throws ERR_LINEAPRINT_RUN if there is none of that id. */
  async folder(id: string): Promise<string> {
    return runFolder(this.#store, await this.#known(id))
  }

  async #known(id: string): Promise<RunId> {
    if (isRunId(id) && (await pathExists(runFolder(this.#store, id), 'keep'))) return id
    throw new LineaprintError('ERR_LINEAPRINT_RUN', 'no run has this id', {
      field: 'id',
      expected: 'the id of a run of this store',
      received: JSON.stringify(id.slice(0, 80)),
      hint: 'it may have been removed; the list of runs shows those that are there',
    })
  }

  async #alone<T>(id: string, work: (id: RunId) => Promise<T>): Promise<T> {
    const own = await this.#known(id)
    const before = this.#queues.get(own) ?? Promise.resolve()
    const result = before.then(async () => work(own))
    const done = result.catch(() => undefined)
    this.#queues.set(own, done)
    try {
      return await result
    } finally {
      if (this.#queues.get(own) === done) this.#queues.delete(own)
    }
  }

  async #current(id: RunId): Promise<KeptRun> {
    const kept = this.#kept.get(id)
    this.#kept.delete(id)
    const current = (kept && (await this.#refreshed(kept))) ?? (await this.#opened(id))
    this.#kept.set(id, current)
    this.#forget()
    return current
  }

  /** Return a kept run if it is still as it was read, with what is new. */
  async #refreshed(kept: KeptRun): Promise<KeptRun | undefined> {
    if (kept.kind === 'live') return (await kept.live.refresh()) ? kept : undefined
    return (await stampOf(kept.run.folder)) === kept.stamp ? kept : undefined
  }

  async #opened(id: RunId): Promise<KeptRun> {
    const folder = runFolder(this.#store, id)
    const live = await LiveRun.open(folder)
    if (live !== undefined) return { kind: 'live', live }
    // Before the run is read: a change in between is noticed the next time.
    const stamp = await stampOf(folder)
    return { kind: 'ended', stamp, run: await readRun(folder) }
  }

  #forget(): void {
    let bytes = [...this.#kept.values()].reduce((sum, kept) => sum + sizeOf(kept), 0)
    for (const [id, kept] of this.#kept) {
      if (this.#kept.size <= 1 || (this.#kept.size <= RUN_LIMIT && bytes <= BYTE_LIMIT)) return
      bytes -= sizeOf(kept)
      this.#kept.delete(id)
    }
  }
}

function sizeOf({ metrics }: KeptRun): number {
  return (metrics?.series ?? []).reduce((sum, { values }) => sum + values.length * ROW, 0)
}

/** Return what changes when a record or journal does. */
async function stampOf(folder: string): Promise<string> {
  const parts = [RECORD_FILE, JOURNAL_FILE].map(async (name) => {
    const info = await stat(join(folder, name), { bigint: true }).catch(() => undefined)
    return info === undefined ? 'none' : `${info.ino} ${info.size} ${info.mtimeNs}`
  })
  return (await Promise.all(parts)).join('; ')
}
