/** The public face of a run: what programs call to record one. */
import { LineaprintError } from '../core/errors.ts'
import { KINDS } from './inputs.ts'
import { Recorder } from './recorder.ts'
import type { SeedReport } from '../capture/seeds/capture.ts'
import type { Given, SeedsOptions } from '../config/groups.ts'
import type { Configuration, ExperimentOptions } from '../config/options.ts'
import type { Captured } from '../core/component.ts'
import type { Digest } from '../core/digest.ts'
import type { DatasetReport, DatasetSource } from '../dataset/read.ts'
import type { ModelReport } from '../model/read.ts'
import type { TokenizerReport } from '../model/tokenizer.ts'
import type { Verification, VerifyOptions } from '../verify/verify.ts'
import type { DigestOptions, DigestSource } from './digests.ts'
import type { MetricOptions } from './metrics.ts'
import type { EndStatus } from './run-writer.ts'
import type { TrackerSettings } from './settings.ts'
import type { ExperimentSummary } from './summary.ts'

export type { TrackerSettings } from './settings.ts'

/**
 * Tracks one run. Make one, start it, track what goes in and comes out, finish it. Trackers of one process do not know
 * of each other.
 *
 * A process that ends without `finishExperiment` leaves a run that reads as `lost`, with everything that
 * `flush` acknowledged.
 */
export class ExperimentTracker {
  readonly #recorder: Recorder

  /**
   * @param options Of the experiment; they win over file and variables.
   * @throws ERR_LINEAPRINT_CONFIGURATION for options that are not usable.
   */
  constructor(options: ExperimentOptions = {}, settings: TrackerSettings = {}) {
    this.#recorder = new Recorder(options, settings)
  }

  /** Id of the run. @throws ERR_LINEAPRINT_STATE before the start. */
  get id(): string {
    return this.#recorder.id
  }

  /** Absolute path of the run's folder. @throws ERR_LINEAPRINT_STATE before the start. */
  get runDirectory(): string {
    return this.#recorder.runDirectory
  }

  /** Whether the run goes on: started and not yet finished. */
  get isRunning(): boolean {
    return this.#recorder.isRunning
  }

  /** The options as all sources together make them. @throws ERR_LINEAPRINT_STATE before the start. */
  get configuration(): Configuration {
    return this.#recorder.configuration
  }

  /**
   * Resolve the configuration, make the run's folder and capture environment, git and seeds. A capture that fails is
   * recorded as failed and does not stop the run.
   *
   * @returns Id of the run.
   * @throws ERR_LINEAPRINT_CONFIGURATION, ERR_LINEAPRINT_STORE, ERR_LINEAPRINT_RUN for an id that is taken.
   */
  async startExperiment(): Promise<string> {
    return this.#recorder.start()
  }

  /**
   * Digest a dataset and record it under a name.
   *
   * @param source A path, a typed array, or `{ data, shape }`.
   * @param name Stands for this content in this run; the same name for other content is an error.
   * @returns What was read; `undefined` where `enableDatasetTracking` is off.
   * @throws What `readDataset` throws, after it was recorded as failed.
   */
  async trackDataset(source: DatasetSource, name: string): Promise<DatasetReport | undefined> {
    return this.#recorder.track(KINDS.dataset, source, name)
  }

  /**
   * Digest a model and record it under a name; the digest of every tensor is kept in the run's folder.
   *
   * @returns What was read; `undefined` where `enableModelTracking` is off.
   * @throws What `readModel` throws, after it was recorded as failed.
   */
  async trackModel(path: string, name: string): Promise<ModelReport | undefined> {
    return this.#recorder.track(KINDS.model, path, name)
  }

  /**
   * Digest the tokenizer in a folder and record it under a name.
   *
   * @returns What was read; `undefined` where `enableModelTracking` is off.
   * @throws What `readTokenizer` throws, after it was recorded as failed.
   */
  async trackTokenizer(path: string, name: string): Promise<TokenizerReport | undefined> {
    return this.#recorder.track(KINDS.tokenizer, path, name)
  }

  /**
   * Digest a file or folder that the run made and record it under a name.
   *
   * @throws What `readDataset` throws, after it was recorded as failed.
   */
  async trackOutput(path: string, name: string): Promise<DatasetReport> {
    const report = await this.#recorder.track(KINDS.output, path, name)
    if (report === undefined)
      throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'outputs cannot be disabled')
    const { tensors: _, ...dataset } = report
    return dataset
  }

  /**
   * Announce, before the work, that something will be an output. The record then has whether it was there before, and
   * whether the run wrote it. Without this only an output that is older than the run is recognised.
   *
   * @param path As it will be given to `trackOutput`.
   */
  async expectOutput(path: string, name: string): Promise<void> {
    await this.#recorder.expectOutput(path, name)
  }

  /**
   * Seed the generators of this process and record their state, unless `enableSeedTracking` is off.
   *
   * @param seed A whole number from 0 to 2^53 - 1.
   * @param options Those of `setSeeds`; they win over `seeds` of the configuration.
   * @returns What the seed reaches and what it does not.
   */
  async setSeeds(seed: number | bigint, options?: Given<SeedsOptions>): Promise<SeedReport> {
    return this.#recorder.setSeeds(seed, options)
  }

  /** Capture the environment again, in the place of the capture of the start. */
  async captureEnvironment(): Promise<Captured> {
    return this.#recorder.captureEnvironment()
  }

  /** Capture the state of the git work tree again, in the place of the capture of the start. */
  async captureGit(): Promise<Captured> {
    return this.#recorder.captureGit()
  }

  /**
   * Log one value of a metric. Costs a few microseconds; the disk is written behind. NaN and the infinities are kept.
   *
   * @throws ERR_LINEAPRINT_STORE if an earlier event could not be written.
   */
  logMetric(name: string, value: number, options: MetricOptions = {}): void {
    this.#recorder.logMetric(name, value, options)
  }

  /** Log one value each of several metrics, all of the same step and time: all of them, or none where one is wrong. */
  logMetrics(values: Readonly<Record<string, number>>, options: MetricOptions = {}): void {
    this.#recorder.logMetrics(values, options)
  }

  /**
   * Log the digest of a state at a step: weights, gradients, a batch. `diffRuns` then names the first step at which
   * two runs diverge. Digests stand in the journal in the order of the calls; the data itself is not kept.
   *
   * Up to 8 MiB are hashed before the call returns. Wait for the promise before you change a longer array.
   *
   * @param value A typed array or `{ data, shape }`, as `hashArray` takes it; an `ArrayBuffer` or `DataView`; or a digest
   *   that was computed elsewhere.
   * @returns The digest that was logged.
   * @throws ERR_LINEAPRINT_ARGUMENT for something else, ERR_LINEAPRINT_CHANGED for a buffer that changed its length.
   */
  async logDigest(name: string, value: DigestSource, options: DigestOptions = {}): Promise<Digest> {
    return this.#recorder.logDigest(name, value, options)
  }

  /** Add an entry to the metadata, or several; one of a key that exists replaces it. Anything with a JSON form. */
  addMetadata(key: string, value: unknown): void
  addMetadata(values: Readonly<Record<string, unknown>>): void
  addMetadata(...[first, value]: [string, unknown] | [Readonly<Record<string, unknown>>]): void {
    this.#recorder.addMetadata(typeof first === 'string' ? { [first]: value } : first)
  }

  /** Add tags; one that exists stays as it is. */
  addTags(...tags: readonly (string | readonly string[])[]): void {
    this.#recorder.addTags(tags.flat())
  }

  /** Replace the notes. */
  setNotes(notes: string): void {
    this.#recorder.setNotes(notes)
  }

  /** Mark the run as failed; `finishExperiment` then records it so. */
  fail(error: unknown): void {
    this.#recorder.fail(error)
  }

  /** Return what is known up to now; after the end the same as `finishExperiment` returned. */
  getExperimentSummary(): ExperimentSummary {
    return this.#recorder.summary()
  }

  /**
   * Resolve when everything recorded so far is on disk and survives the death of this process and a loss of power.
   *
   * @throws ERR_LINEAPRINT_STORE if it could not be written.
   */
  async flush(): Promise<void> {
    await this.#recorder.flush()
  }

  /** Check what the run recorded against the present, the command of this process included; see `verifyRun`. */
  async verify(options: Omit<VerifyOptions, 'trackers' | 'signal'> = {}): Promise<Verification> {
    return this.#recorder.verify(options)
  }

  /**
   * Wait for what is under way, write the record and seal it. The status is `failed` after `fail`.
   *
   * @param status Another status than that, for a command that was killed.
   * @throws ERR_LINEAPRINT_STORE if the record could not be written, and the run then reads as `lost`; or if a
   *   copy that the configuration asks for could not.
   */
  async finishExperiment(status?: EndStatus): Promise<ExperimentSummary> {
    return this.#recorder.finish(status)
  }

  /**
   * Start the run, do the work and finish the run, as failed if the work throws. The error is thrown on.
   *
   * @param work Gets the tracker.
   * @returns What the work returns.
   */
  async run<T>(work: (tracker: this) => Promise<T> | T): Promise<T> {
    if (this.#recorder.isNew) await this.startExperiment()
    let result: T
    try {
      result = await work(this)
    } catch (error) {
      if (this.isRunning) await this.#finishFailed(error)
      throw error
    }
    if (this.isRunning) await this.finishExperiment()
    return result
  }

  /**
   * Finish a run that goes on, for `await using`. An exception that ends the block does not reach this method: call
   * `fail` in a `catch`, or use `run`, to have it recorded.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) await this.finishExperiment()
  }

  async #finishFailed(error: unknown): Promise<void> {
    try {
      this.fail(error)
      await this.finishExperiment()
    } catch (second) {
      throw new AggregateError([error, second], 'the work failed, and the run could not be recorded', {
        cause: second,
      })
    }
  }
}
