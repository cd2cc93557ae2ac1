/** Live output to an MLflow server. */
import { MlflowSession } from '../mlflow/session.ts'
import { seriesKey } from '../../record/series-keys.ts'
import { PointMaker, readPoints } from '../source.ts'
import { Repeated } from '../../util/repeated.ts'
import type { MlflowTarget } from '../mlflow/target.ts'
import type { MetricPoint, RunSource } from '../source.ts'
import type { EventBody } from '../../record/events.ts'
import type { SeriesFields, SeriesKey } from '../../record/series-keys.ts'
import type { RunRecord } from '../../record/record.ts'
import type { LiveOutput } from './live-output.ts'

/** Values that may be queued; further ones are sent from the journal at the end. */
const QUEUE_LIMIT = 50_000

/** Milliseconds between two sends. */
const INTERVAL = 1000

/** Maximum duration of one send; after that the server gets a pause. */
const SEND_TIMEOUT = 10_000

/** Milliseconds without requests to a server that failed. */
const REST = 30_000

/** An output that sends values every second, and the rest at the end. */
export class MlflowOutput implements LiveOutput {
  readonly name = 'MLflow'
  readonly format = 'mlflow'
  readonly timeoutMs: number
  readonly #record: () => RunRecord
  readonly #target: MlflowTarget
  readonly #keyOf: SeriesKey
  readonly #maker: PointMaker
  /** The names that were used for the series of each process. */
  readonly #used = new Map<string, SeriesFields & { readonly key: string }>()
  readonly #stop = new AbortController()
  #queue: MetricPoint[] = []
  /** True if the server may lack a value: then all are sent at the end. The server stores each only once. */
  #behind = false
  #session: MlflowSession | undefined
  #restUntil = 0
  readonly #sending: Repeated

  constructor(record: () => RunRecord, keyOf: SeriesKey, target: MlflowTarget) {
    this.#record = record
    this.#keyOf = keyOf
    this.#maker = new PointMaker((event) => this.#useKey(event))
    this.#target = target
    this.timeoutMs = target.timeoutMs
    this.#sending = new Repeated(() => this.#send(), INTERVAL)
  }

  take(event: EventBody, time: string): void {
    if (event.type !== 'metric') return
    const point = this.#maker.point(event, time)
    if (this.#behind) return
    if (this.#queue.length < QUEUE_LIMIT) this.#queue.push(point)
    else this.#fallBehind()
  }

  async finish(run: RunSource, signal: AbortSignal): Promise<readonly string[]> {
    await this.#sending.stop()
    signal.throwIfAborted()
    const all: MetricPoint[] = []
    const problems = await readPoints(run, (point) => all.push(point), signal)
    const renamed = this.#renamed(run.record)
    if (renamed.length > 0) this.#behind = true
    const session = (this.#session ??= await MlflowSession.open(run.record, this.#target, signal))
    await session.logPoints(this.#behind ? all : this.#queue, signal)
    const warnings = await session.sendContent(run, all, signal)
    await session.close(run, signal)
    return [...problems, ...renamed, ...warnings]
  }

  async refresh(run: RunSource, signal: AbortSignal): Promise<void> {
    await this.#session?.close(run, signal)
  }

  stop(): void {
    void this.#sending.stop()
    this.#stop.abort()
  }

  /**
   * Send queued values. Never rejects: failed values are sent again at the end, and a failure is reported
   * then.
   */
  async #send(): Promise<void> {
    if (performance.now() < this.#restUntil) return
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(SEND_TIMEOUT)])
    try {
      this.#session ??= await MlflowSession.open(this.#record(), this.#target, signal)
      const points = this.#queue
      this.#queue = []
      await this.#session.logPoints(points, signal)
    } catch {
      this.#fallBehind()
      this.#restUntil = performance.now() + REST
    }
  }

  #useKey(event: SeriesFields): string {
    const key = this.#keyOf(event)
    const { type, name, process = 0 } = event
    if (process > 0) this.#used.set(`${process} ${name}`, { type, name, process, key })
    return key
  }

  /** Describe values that were sent before it was known that a process which started earlier uses their name. */
  #renamed(record: RunRecord): string[] {
    const keyOf = seriesKey(record)
    return [...this.#used.values()].flatMap((used) => {
      const key = keyOf(used)
      if (key === used.key) return []
      return [
        `values of the metric ${JSON.stringify(key)} are also under ${JSON.stringify(used.key)} in MLflow, where they were sent first`,
      ]
    })
  }

  #fallBehind(): void {
    this.#behind = true
    this.#queue = []
  }
}
