/** The files in which the program of a run writes metrics: read while it runs, and at its end. */
import { isAbsolute, relative, resolve, sep } from 'node:path'
import { reasonOf } from '../../record/failure.ts'
import { MetricFile } from './metric-file.ts'
import type { MetricFileRecord } from '../../record/record.ts'
import type { MetricOptions, MetricOrigin } from '../metrics.ts'

/** Least milliseconds between two polls of the files. */
const POLL_MS = 1000

/** The part of the time that polls may take. */
const DUTY = 1 / 20

/** The recorder of the run, as far as files with metrics need it. */
export interface MetricFilesRecorder {
  /** Absolute path of the working folder of the run. */
  readonly directory: string
  readonly isRunning: boolean
  logMetric(name: string, value: number, options: MetricOptions, origin: MetricOrigin): void
  recordWarning(sentence: string): void
  expectMetricFile(path: string): void
  recordMetricFile(file: MetricFileRecord): void
}

/** The files of one run. */
export class MetricFiles {
  readonly #files: MetricFile[] = []
  readonly #recorder: MetricFilesRecorder
  #timer: NodeJS.Timeout | undefined
  #polling: Promise<void> = Promise.resolve()
  #hasEnded = false

  constructor(recorder: MetricFilesRecorder) {
    this.#recorder = recorder
  }

  /**
   * Add a file before the program that writes it starts. A file that was added already is not read twice.
   *
   * @param source Its path as it was given.
   * @param process Number of the process whose values it has; absent for the process that writes the run.
   * @throws ERR_LINEAPRINT_ARGUMENT for a file of an unknown format.
   */
  async add(source: string, process?: number): Promise<void> {
    const recorder = this.#recorder
    const path = resolve(recorder.directory, source)
    if (this.#files.some((file) => file.path === path)) return
    const file = new MetricFile(path, source, {
      log: (name, value, step) => recorder.logMetric(name, value, { step }, { process, source }),
      warn: (sentence) => recorder.recordWarning(sentence),
    })
    recorder.expectMetricFile(path)
    await file.begin()
    this.#files.push(file)
    if (this.#timer === undefined) this.#schedule(POLL_MS)
  }

  /** Return a path as a person would give it: relative to the working folder of the run, if it is below. */
  sourceOf(path: string): string {
    const below = relative(this.#recorder.directory, path)
    const isBelow = below !== '' && below !== '..' && !below.startsWith(`..${sep}`) && !isAbsolute(below)
    return isBelow ? below : path
  }

  /** Read what is left, and record what is known of each file. A second call does nothing. */
  async finish(): Promise<void> {
    if (this.#hasEnded) return
    this.#hasEnded = true
    clearTimeout(this.#timer)
    await this.#polling
    for (const file of this.#files) this.#recorder.recordMetricFile(await file.finish())
  }

  #schedule(wait: number): void {
    this.#timer = setTimeout(() => {
      this.#polling = this.#poll()
    }, wait)
    this.#timer.unref()
  }

  async #poll(): Promise<void> {
    const start = performance.now()
    try {
      for (const file of this.#files) await file.poll()
    } catch (error) {
      // The end reads the files once more, and fails if that fails.
      if (this.#recorder.isRunning)
        this.#recorder.recordWarning(`files with metrics are read at the end only: ${reasonOf(error)}`)
      return
    }
    if (!this.#hasEnded) this.#schedule(Math.max(POLL_MS, (performance.now() - start) / DUTY))
  }
}
