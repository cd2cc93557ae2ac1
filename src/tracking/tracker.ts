/** The public facade of a run: the methods that programs call to record one. */
import { checkKnown } from '../core/options.ts'
import { KINDS, TENSORS, datasetKind, modelKind } from './inputs.ts'
import { Leniency } from './leniency.ts'
import { recordBatches } from './batches.ts'
import { Recorder } from './recorder.ts'
import type { SeedReport } from '../capture/seeds/capture.ts'
import type { Given, SeedsOptions } from '../config/groups.ts'
import type { Configuration, ExperimentOptions } from '../config/options.ts'
import type { Captured } from '../core/component.ts'
import type { Digest } from '../core/digest.ts'
import type { WithJsonForm } from '../core/json-value.ts'
import type { DatasetReport, DatasetSource } from '../dataset/read.ts'
import type { TensorsReport } from '../model/in-memory.ts'
import type { ModelTensors } from '../model/model-tensors.ts'
import type { ModelReport } from '../model/report.ts'
import type { TrackedDatasetOptions, TrackedModelOptions } from './inputs.ts'
import type { TokenizerReport } from '../model/tokenizer.ts'
import type { Verification, VerifyOptions } from '../verify/verify.ts'
import type { BatchLoader, BatchOptions, Epochs } from './batches.ts'
import type { DeriveOptions } from './derivations.ts'
import type { DigestOptions, DigestSource } from './digests.ts'
import type { MetricOptions } from './metrics.ts'
import type { EndStatus } from './run-writer.ts'
import type { TrackerSettings } from './settings.ts'
import type { ExperimentSummary } from './summary.ts'

export type { TrackerSettings } from './settings.ts'

/** Options of `trackOutput`. */
export interface OutputTrackingOptions {
  /** True if the store keeps a copy. @default as `keep.outputs` of the configuration says */
  readonly keep?: boolean | undefined
}

/**
 * The tracker of one run. Create it, start it, track inputs and outputs, and finish it. Several trackers in
 * one process are independent.
 *
 * A process that ends without `finishExperiment` leaves a run with the status `lost`, with everything that
 * `flush` acknowledged.
 */
export class ExperimentTracker {
  readonly #recorder: Recorder
  readonly #leniency: Leniency
  readonly #epochs: Epochs = new Map()

  /**
   * Create a tracker. Nothing is written before the start.
   *
   * @param options Options of the experiment; they override the configuration file and environment variables.
   * @throws ERR_LINEAPRINT_CONFIGURATION for invalid options.
   */
  constructor(options: ExperimentOptions = {}, settings: TrackerSettings = {}) {
    this.#recorder = new Recorder(options, settings)
    this.#leniency = new Leniency(this.#recorder, settings)
  }

  /** ID of the run. @throws ERR_LINEAPRINT_STATE before the start. */
  get id(): string {
    return this.#recorder.id
  }

  /** Absolute path of the run's folder. @throws ERR_LINEAPRINT_STATE before the start. */
  get runDirectory(): string {
    return this.#recorder.runDirectory
  }

  /** True if the run has started and has not finished. */
  get isRunning(): boolean {
    return this.#recorder.isRunning
  }

  /** The options, resolved from all sources. @throws ERR_LINEAPRINT_STATE before the start. */
  get configuration(): Configuration {
    return this.#recorder.configuration
  }

  /**
   * Resolve the configuration, create the run's folder, and capture environment, git and seeds. A capture
   * that fails is recorded as failed and does not stop the run.
   *
   * @returns ID of the run.
   * @throws ERR_LINEAPRINT_CONFIGURATION, ERR_LINEAPRINT_STORE, ERR_LINEAPRINT_RUN if the ID is taken.
   */
  async startExperiment(): Promise<string> {
    return this.#recorder.start()
  }

  /**
   * Digest a dataset and record it under a name.
   *
   * @param source A path, or a value in memory: an array, records, a table, a stream, an iterable, or a Map or object of arrays,
   * tables or iterables (`docs/datasets.md`, "In memory"). Do not change it before the promise settles.
   * @param name Stands for this content in this run; reusing it for other content is an error.
   * @param options `schema`: the types of the columns of records, CSV or JSON lines. `table`: name of the table in a SQLite
   * database. `licenses`, `sources` and `preprocessing`: what you state of it, as lists of texts; the record says that it was
   * stated, and nothing of it is checked.
   * @returns The report of the dataset; `undefined` if `enableDatasetTracking` is off, and without `strict` after an
   * error, as in all methods below that record something.
   * @throws The errors of `readDataset`, after the failure was recorded.
   */
  async trackDataset(
    source: DatasetSource,
    name: string,
    options: TrackedDatasetOptions = {},
  ): Promise<DatasetReport | undefined> {
    const report = await this.#leniency.wait('trackDataset', () =>
      this.#recorder.track(datasetKind(options), source, name),
    )
    if (report === undefined) return undefined
    const { folder: _, ...dataset } = report
    return dataset
  }

  /**
   * Digest a model and record it under a name. The digest of every tensor is stored in the run's folder.
   *
   * @param model A path, or a model in memory: `{ name: { data, shape, dtype } }`, tensors of TensorFlow.js or ONNX Runtime
   * by their names, or a model of TensorFlow.js. The weights digest is that of a safetensors file of the same tensors.
   * Wait for the promise before you change their data.
   * @param options `weights`: name of the weights file or shard index to read, in a folder with several; in a pipeline of
   * diffusers, a variant. `base`: path of the base of an adapter of PEFT, or `false` to look for none.
   * @returns The report of the model; `undefined` if `enableModelTracking` is off.
   * @throws The errors of `readModel`, after the failure was recorded.
   */
  trackModel(path: string, name: string, options?: TrackedModelOptions): Promise<ModelReport | undefined>
  trackModel(tensors: ModelTensors, name: string): Promise<TensorsReport | undefined>
  async trackModel(
    model: string | ModelTensors,
    name: string,
    options: TrackedModelOptions = {},
  ): Promise<TensorsReport | undefined> {
    const report = await this.#leniency.wait<(TensorsReport & { structure?: unknown }) | undefined>(
      'trackModel',
      () =>
        typeof model === 'object'
          ? this.#recorder.track(TENSORS, model, name)
          : this.#recorder.track(modelKind(options), model, name),
    )
    if (report === undefined) return undefined
    const { structure: _, ...read } = report
    return read
  }

  /**
   * Digest the tokenizer in a folder and record it under a name.
   *
   * @returns The report of the tokenizer; `undefined` if `enableModelTracking` is off.
   * @throws The errors of `readTokenizer`, after the failure was recorded.
   */
  async trackTokenizer(path: string, name: string): Promise<TokenizerReport | undefined> {
    return this.#leniency.wait('trackTokenizer', () => this.#recorder.track(KINDS.tokenizer, path, name))
  }

  /**
   * Digest a file or folder that the run wrote and record it under a name.
   *
   * @param options With `keep`, the store keeps a copy; `lineaprint get` writes it.
   * @returns The report of the output; `undefined` without `strict` after an error.
   * @throws The errors of `readDataset`, after the failure was recorded.
   */
  async trackOutput(
    path: string,
    name: string,
    options: OutputTrackingOptions = {},
  ): Promise<DatasetReport | undefined> {
    const report = await this.#leniency.wait('trackOutput', () => {
      checkKnown(options, ['keep'])
      return this.#recorder.track(KINDS.output, path, name, undefined, options.keep)
    })
    if (report === undefined) return undefined
    const { tensors: _, folder: __, stableFields: ___, contents: ____, ...dataset } = report
    return dataset
  }

  /**
   * Declare a step: what was made from what, and how. `lineaprint lineage` shows it as a declared edge. The names are
   * those of datasets, models, tokenizers and outputs of this run, tracked before or after this call.
   *
   * @param name What the step made.
   * @param options `from`: names of what it was made from. `step`: what was done. `params`: parameters with a JSON form.
   * `code`: paths of files, or functions; the record has the digest of each file and of the source of each function.
   * @throws ERR_LINEAPRINT_ARGUMENT for options that cannot be recorded, and the errors of `hashFile` for the code.
   */
  async derive(name: string, options: DeriveOptions): Promise<void> {
    await this.#leniency.wait('derive', () => this.#recorder.derive(name, options))
  }

  /**
   * Announce an output before the work begins. The record then says whether it already existed and whether
   * the run wrote it. Without this call, only an output older than the run is recognised as such.
   *
   * @param path The path that will be passed to `trackOutput`.
   */
  async expectOutput(path: string, name: string): Promise<void> {
    await this.#leniency.wait('expectOutput', () => this.#recorder.expectOutput(path, name))
  }

  /**
   * Seed the generators of this process and record their state, unless `enableSeedTracking` is off.
   *
   * @param seed An integer from 0 to 2^53 - 1.
   * @param options Options of `setSeeds`; they override `seeds` of the configuration.
   * @returns The generators that were seeded, and those that were not.
   */
  async setSeeds(seed: number | bigint, options?: Given<SeedsOptions>): Promise<SeedReport> {
    return this.#recorder.setSeeds(seed, options)
  }

  /** Capture the environment again. The result replaces the capture of the start. */
  async captureEnvironment(): Promise<Captured> {
    return this.#recorder.captureEnvironment()
  }

  /** Capture the state of the git work tree again. The result replaces the capture of the start. */
  async captureGit(): Promise<Captured> {
    return this.#recorder.captureGit()
  }

  /**
   * Log one value of a metric. Takes a few microseconds; the disk is written in the background. NaN and the
   * infinities are kept.
   *
   * @throws ERR_LINEAPRINT_STORE if an earlier event could not be written.
   */
  logMetric(name: string, value: number, options: MetricOptions = {}): void {
    this.#leniency.call('logMetric', () => this.#recorder.logMetric(name, value, options))
  }

  /**
   * Log one value for each of several metrics, all with the same step and time. If one is invalid, none is
   * logged.
   */
  logMetrics(values: Readonly<Record<string, number>>, options: MetricOptions = {}): void {
    this.#leniency.call('logMetrics', () => this.#recorder.logMetrics(values, options))
  }

  /**
   * Log parameters of the run, by which `list` finds it. A parameter that exists already gets the new value. Values are
   * anything with a JSON form. If one is invalid, none is logged.
   */
  logParameters(values: Readonly<Record<string, unknown>>): void {
    this.#leniency.call('logParameters', () => this.#recorder.logParameters(values))
  }

  /**
   * Log the digest of a state at a step: weights, gradients, a batch. `diffRuns` then names the first step at
   * which two runs diverge. The journal holds digests in the order of the calls; the data itself is not kept.
   *
   * Up to 8 MiB are hashed before the call returns. Wait for the promise before you change a longer array.
   *
   * @param value A typed array or `{ data, shape }`, as for `hashArray`; an `ArrayBuffer` or `DataView`; or a
   * digest that was computed elsewhere.
   * @returns The logged digest.
   * @throws ERR_LINEAPRINT_ARGUMENT for another value, ERR_LINEAPRINT_CHANGED for a buffer whose length
   * changed.
   */
  async logDigest(
    name: string,
    value: DigestSource,
    options: DigestOptions = {},
  ): Promise<Digest | undefined> {
    return this.#leniency.wait('logDigest', () => this.#recorder.logDigest(name, value, options))
  }

  /**
   * Return the loader, and record the order of the samples that each pass over it gives: the loop gets the same batches, in
   * the same order, and the same errors. `lineaprint diff` then says of two runs "the same data in another order, from
   * batch 12 on". Each pass is an epoch of `name`.
   *
   * Cost: one SHA-256 of each batch on this thread. A batch that cannot be digested is a warning of the run, and the loop
   * continues.
   *
   * @param loader An iterable or async iterable of batches: typed arrays, `{ data, shape }`, lists, maps and objects of these.
   * @throws With `strict`: ERR_LINEAPRINT_ARGUMENT for a loader that is not iterable, and for a wrong option.
   */
  trackBatches<T, L extends BatchLoader<T> = BatchLoader<T>>(
    loader: L & BatchLoader<T>,
    name: string = 'batches',
    options: BatchOptions<T> = {},
  ): L {
    return (
      this.#leniency.call('trackBatches', () =>
        recordBatches<T, L>(this.#recorder, this.#epochs, loader, name, options),
      ) ?? loader
    )
  }

  /**
   * Add one or several entries to the metadata. An existing key gets the new value. Values are anything with
   * a JSON form: no function, symbol or bigint at any depth.
   */
  addMetadata<T>(key: string, value: T & WithJsonForm<T>): void
  addMetadata<T extends object>(values: T & WithJsonForm<T>): void
  addMetadata(...[first, value]: [string, unknown] | [Readonly<Record<string, unknown>>]): void {
    const values = typeof first === 'string' ? { [first]: value } : first
    this.#leniency.call('addMetadata', () => this.#recorder.addMetadata(values))
  }

  /** Add tags. A tag that exists already has no effect. */
  addTags(...tags: readonly (string | readonly string[])[]): void {
    this.#leniency.call('addTags', () => this.#recorder.addTags(tags.flat()))
  }

  /** Replace the notes. */
  setNotes(notes: string): void {
    this.#leniency.call('setNotes', () => this.#recorder.setNotes(notes))
  }

  /** Mark the run as failed. `finishExperiment` then records the status `failed`. */
  fail(error: unknown): void {
    this.#recorder.fail(error)
  }

  /** Return a summary of the run so far; after the end the one that `finishExperiment` returned. */
  getExperimentSummary(): ExperimentSummary {
    return this.#recorder.summary()
  }

  /**
   * Resolve when everything recorded so far is on disk, where it survives the end of this process and a loss
   * of power.
   *
   * @throws ERR_LINEAPRINT_STORE if it could not be written.
   */
  async flush(): Promise<void> {
    await this.#leniency.wait('flush', () => this.#recorder.flush())
  }

  /**
   * Compare what the run recorded with the current state, including the command of this process; see
   * `verifyRun`.
   */
  async verify(options: Omit<VerifyOptions, 'trackers' | 'signal'> = {}): Promise<Verification> {
    return this.#recorder.verify(options)
  }

  /**
   * Wait for operations in progress, write the record and seal it. The status is `failed` after `fail`.
   *
   * @param status Another status, for a command that was killed.
   * @throws ERR_LINEAPRINT_STORE if the record could not be written (the run then reads as `lost`), or if a
   * copy that the configuration requests could not be written.
   */
  async finishExperiment(status?: EndStatus): Promise<ExperimentSummary> {
    return this.#recorder.finish(status)
  }

  /**
   * Start the run, do the work and finish the run; as failed if the work throws. The error is rethrown.
   *
   * @param work Called with this tracker.
   * @returns The result of the work.
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
   * Finish a running run, for `await using`. An exception that ends the block does not reach this method:
   * call `fail` in a `catch`, or use `run`, to record it.
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
