/** Sampling of the machine at an interval during a run. The values are logged as metrics. */
import { reasonOf } from '../../record/failure.ts'
import { metricEvent } from '../metrics.ts'
import { gpuSource } from './gpu.ts'
import { machineSource } from './machine.ts'
import { SYSTEM_METRICS } from '../../record/system-metric-names.ts'
import { processSource } from './processes.ts'
import type { RunWriter } from '../run-writer.ts'
import type { SystemSource } from './system-source.ts'

/** The destination of the values. */
export interface SystemTarget {
  /** Log one value. If it throws, sampling stops. */
  log(name: string, value: number, time: Date): void
  warn(message: string): void
}

/** Options of {@link SystemSampler}. */
export interface SamplerOptions {
  readonly intervalSeconds: number
  /** ID of the process at the root of the sampled tree. */
  readonly root: number
  /** The sources to sample. @default machine, processes and GPUs */
  readonly sources?: readonly SystemSource[]
}

/** Create a sampler that logs into a run until it is stopped. */
export function sampleInto(writer: RunWriter, options: SamplerOptions): SystemSampler {
  const log = (name: string, value: number, timestamp: Date): void => {
    const { event, time } = metricEvent(name, value, { timestamp })
    writer.append(event, time)
  }
  return new SystemSampler({ log, warn: (message) => writer.append({ type: 'warning', message }) }, options)
}

/** Seconds until the second sample. The percentage of processor time needs two samples. */
const SECOND_SAMPLE_SECONDS = 1

/**
 * A sampler of system metrics. It samples immediately, after one second, then at the interval, and once more
 * when it is stopped. It does not keep the process alive. A source that fails causes one warning and is
 * dropped. Samples never overlap.
 */
export class SystemSampler {
  readonly #target: SystemTarget
  readonly #intervalMs: number
  readonly #stop = new AbortController()
  #sources: readonly SystemSource[]
  #timer: NodeJS.Timeout | undefined
  #sampling: Promise<void>
  #samples = 0

  constructor(target: SystemTarget, { intervalSeconds, root, sources }: SamplerOptions) {
    this.#target = target
    this.#intervalMs = intervalSeconds * 1000
    this.#sources = sources ?? [machineSource(), processSource(root), gpuSource()]
    this.#sampling = this.#sample()
  }

  /** Take a last sample of the fast sources, and stop. */
  async stop(): Promise<void> {
    if (this.#stop.signal.aborted) return
    clearTimeout(this.#timer)
    // Cancel the sample in progress: a tool that hangs must not delay the end of a run.
    this.#stop.abort()
    await this.#sampling
    clearTimeout(this.#timer)
    this.#sources = this.#sources.filter(({ slow }) => slow !== true)
    await this.#sampleSources(new AbortController().signal)
  }

  async #sample(): Promise<void> {
    const from = performance.now()
    await this.#sampleSources(this.#stop.signal)
    this.#samples++
    if (this.#stop.signal.aborted || this.#sources.length === 0) return
    const interval =
      this.#samples === 1 ? Math.min(SECOND_SAMPLE_SECONDS * 1000, this.#intervalMs) : this.#intervalMs
    this.#timer = setTimeout(
      () => {
        this.#sampling = this.#sample()
      },
      Math.max(0, interval - (performance.now() - from)),
    )
    this.#timer.unref()
  }

  /** Sample every source. Never throws. */
  async #sampleSources(signal: AbortSignal): Promise<void> {
    const time = new Date()
    for (const source of this.#sources) {
      let values: Readonly<Record<string, number>> | undefined
      try {
        values = await source.sample(signal)
      } catch (error) {
        if (signal.aborted) return
        this.#drop(source)
        this.#warn(`system metrics of ${source.name} stopped: ${reasonOf(error)}`)
        continue
      }
      if (values === undefined) this.#drop(source)
      try {
        for (const [name, value] of Object.entries(values ?? {}))
          this.#target.log(SYSTEM_METRICS + name, value, time)
      } catch {
        // The journal accepts no more events. The next caller that awaits it gets the error.
        this.#sources = []
        return
      }
    }
  }

  #drop(source: SystemSource): void {
    this.#sources = this.#sources.filter((other) => other !== source)
  }

  #warn(message: string): void {
    try {
      this.#target.warn(message)
    } catch {
      this.#sources = []
    }
  }
}
