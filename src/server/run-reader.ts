/** Runs and their metrics, kept in memory between requests: a page asks for the same run again and again. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { isRunId } from '../core/run-id.ts'
import { LiveRun } from '../store/live-run.ts'
import { readOverview } from '../store/metrics/overview-reader.ts'
import { OVERVIEW_FILE } from '../store/metrics/overview.ts'
import { readMetrics, readMetricsBefore, seriesOf } from '../store/metrics/series.ts'
import { readRun } from '../store/read.ts'
import { RunLines } from './lines.ts'
import { JOURNAL_FILE, RECORD_FILE, runFolder } from '../store/store.ts'
import { pathExists } from '../util/fs.ts'
import type { RunId } from '../core/run-id.ts'
import type { LineRequest, ReducedSeries } from './lines.ts'
import type { MetricSeries, MetricsOfRuns, RunMetrics } from '../store/metrics/series.ts'
import type { StoredRun } from '../store/read.ts'
import type { Store } from '../store/store.ts'

/** Runs that are kept. */
const RUN_LIMIT = 200

/** Bytes of the values and lines that are kept: of ten million values, and more. */
const BYTE_LIMIT = 512 << 20

/** Bytes of the overviews of runs whose values are not kept: of a hundred runs with ten long metrics, and more. */
const OVERVIEW_LIMIT = 256 << 20

/** Bytes of a value with its step and time. */
const ROW = 24

/** A run that has ended. */
interface EndedRun {
  readonly kind: 'ended'
  readonly stamp: string
  readonly run: StoredRun
  readonly lines: RunLines
  metrics?: MetricsOfRuns | undefined
  /** Of the metrics, which can be forgotten. */
  warnings?: readonly string[]
  /** A sentence about an overview that cannot be used. */
  problem?: string
}

/** A run that is kept. */
type KeptRun =
  | EndedRun
  | {
      readonly kind: 'live'
      readonly live: LiveRun
      readonly lines: RunLines
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

  /**
   * Return metrics of a run so far as lines.
   *
   * @param isWanted Selects series by their names.
   */
  async lines(
    id: string,
    request: LineRequest,
    isWanted: (name: string) => boolean,
    signal: AbortSignal,
  ): Promise<{ readonly series: readonly ReducedSeries[]; readonly warnings: readonly string[] }> {
    return this.#alone(id, async (own) => {
      const kept = await this.#current(own)
      if (kept.kind === 'ended' && kept.metrics === undefined) {
        await this.#readOverview(kept, request, signal)
        const known = kept.lines.fromOverviews(request)
        this.#forget()
        if (known !== undefined)
          return { series: known.filter(({ head }) => isWanted(head.name)), warnings: kept.warnings ?? [] }
      }
      const { series: all, warnings } = await this.#metrics(kept, own, signal)
      const wanted = all.filter(({ name }) => isWanted(name))
      const reduced = (each: MetricSeries): ReducedSeries => kept.lines.reduce(each, all, request)
      const series = wanted.map((each) =>
        kept.kind === 'ended'
          ? kept.lines.picture(each.name, request, () => reduced(each))
          : // Its series grow.
            reduced(each),
      )
      this.#forget()
      return { series, warnings }
    })
  }

  /** Return a run with its metrics so far. */
  async metrics(id: string, signal: AbortSignal): Promise<MetricsOfRuns & { readonly run: StoredRun }> {
    return this.#alone(id, async (own) => {
      const kept = await this.#current(own)
      const { series, warnings } = await this.#metrics(kept, own, signal)
      this.#forget()
      return { run: kept.kind === 'live' ? kept.live.run() : kept.run, series, warnings }
    })
  }

  /** Read the overview in the folder of a run, if a picture can come from it. */
  async #readOverview(kept: EndedRun, { axis, from, to }: LineRequest, signal: AbortSignal): Promise<void> {
    if (axis !== 'step' || from !== undefined || to !== undefined || kept.lines.hasOverview(axis)) return
    try {
      const overview = await readOverview(kept.run, signal)
      if (overview !== undefined) kept.lines.takeOverview(kept.run.id, overview)
    } catch (error) {
      if (!LineaprintError.isFinding(error)) throw error
      kept.problem = `${kept.run.id}: ${OVERVIEW_FILE} is not used: ${error.message}`
    }
  }

  async #metrics(kept: KeptRun, own: RunId, signal: AbortSignal): Promise<MetricsOfRuns> {
    if (kept.kind === 'ended') {
      if (kept.metrics === undefined) {
        const { series, warnings } = await readMetrics([kept.run], { signal })
        kept.metrics = {
          series,
          warnings: kept.problem === undefined ? warnings : [kept.problem, ...warnings],
        }
      }
      kept.warnings = kept.metrics.warnings
      return kept.metrics
    }
    const { live } = kept
    if (kept.metrics?.version !== live.version) {
      kept.before ??= await this.#before(live.run(), signal)
      const { runs, warnings } = kept.before
      const series = seriesOf([...runs, { run: own, byName: live.metrics() }])
      kept.metrics = { series, warnings, version: live.version }
    }
    return kept.metrics
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
    } catch (error) {
      // A run that was removed while it was read is not damaged, but gone.
      await this.#known(id)
      throw error
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
    if (live !== undefined) return { kind: 'live', live, lines: linesOf(live.run()) }
    // Before the run is read: a change in between is noticed the next time.
    const stamp = await stampOf(folder)
    const run = await readRun(folder)
    return { kind: 'ended', stamp, run, lines: linesOf(run) }
  }

  /** Forget what was not asked for the longest: values first, then overviews, then runs. */
  #forget(): void {
    const all = [...this.#kept]
    const last = all.at(-1)?.[0]
    let bytes = all.reduce((sum, [, kept]) => sum + sizeOf(kept), 0)
    for (const [id, kept] of all) {
      if (bytes <= BYTE_LIMIT) break
      if (id === last || kept.metrics === undefined) continue
      bytes -= sizeOf(kept)
      // A running run is read again as a whole; it is in the memory of its reader anyway.
      if (kept.kind === 'live') this.#kept.delete(id)
      else {
        kept.lines.forget(kept.metrics.series)
        kept.metrics = undefined
      }
    }
    let overviews = all.reduce((sum, [, { lines }]) => sum + lines.overviewBytes, 0)
    for (const [, { lines }] of all) {
      if (overviews <= OVERVIEW_LIMIT) break
      overviews -= lines.overviewBytes
      lines.forgetOverviews()
    }
    for (const id of this.#kept.keys()) {
      if (this.#kept.size <= RUN_LIMIT) return
      this.#kept.delete(id)
    }
  }
}

function linesOf({ record }: StoredRun): RunLines {
  return new RunLines(Date.parse(record.startedAt))
}

function sizeOf({ metrics, lines }: KeptRun): number {
  if (metrics === undefined) return 0
  return metrics.series.reduce((sum, { values }) => sum + values.length * ROW, lines.lineBytes)
}

/** Return what changes when a record or journal does. */
async function stampOf(folder: string): Promise<string> {
  const parts = [RECORD_FILE, JOURNAL_FILE].map(async (name) => {
    const info = await stat(join(folder, name), { bigint: true }).catch(() => undefined)
    return info === undefined ? 'none' : `${info.ino} ${info.size} ${info.mtimeNs}`
  })
  return (await Promise.all(parts)).join('; ')
}
