/** The tracker: what a program says while it runs, and the record that becomes of it. */
import { resolve } from 'node:path'
import { setSeeds } from '../capture/seeds/index.ts'
import { LineaprintError } from '../errors.ts'
import { readRun } from '../store/runs.ts'
import { toRecord } from '../store/state.ts'
import { amendSeeds, builtInCapture, captureAtStart, captureInto } from './captures.ts'
import { resolveConfiguration } from './configuration-sources.ts'
import { checkOptions } from './configuration.ts'
import { checkDigestLabel, digestEvent, digestOf } from './digests.ts'
import { failureOf } from './failure.ts'
import { flagInputs, flagUndeclared, lookAt } from './flags.ts'
import { KINDS, track } from './inputs.ts'
import { metricEvent } from './metrics.ts'
import { plainObject, plainText } from './plain.ts'
import { RunWriter } from './run-writer.ts'
import { summarize } from './summary.ts'
import { sampleInto } from './system/sampler.ts'
import { verifyRun } from './verify.ts'
import type { Progress } from '../abort.ts'
import type { Captured } from '../capture/component.ts'
import type { SeedReport } from '../capture/seeds/index.ts'
import type { DatasetReport, DatasetSource } from '../dataset/read.ts'
import type { ModelReport } from '../model/read.ts'
import type { TokenizerReport } from '../model/tokenizer.ts'
import type { Digest } from '../digest.ts'
import type { JsonObject } from '../json/value.ts'
import type { EventBody } from '../store/events.ts'
import type { Configuration, ExperimentOptions } from './configuration.ts'
import type { DigestOptions, DigestSource } from './digests.ts'
import type { Kind } from './inputs.ts'
import type { MetricOptions } from './metrics.ts'
import type { EndStatus } from './run-writer.ts'
import type { ExperimentSummary } from './summary.ts'
import type { SystemSampler } from './system/sampler.ts'
import type { Verification, VerifyOptions } from './verify.ts'

/** Where a tracker works; everything has a default. */
export interface TrackerSettings {
  /** Folder the run works in. @default the working directory */
  readonly directory?: string | undefined
  /** A configuration file instead of the one in that folder. */
  readonly configurationFile?: string | undefined
  /** Variables of the environment. @default process.env */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Options that are weaker than file and variables. */
  readonly defaults?: ExperimentOptions | undefined
  /** How far the digest under way is. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Stops captures and digests; the call under way then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** The command that this run wraps. */
  readonly command?: readonly string[] | undefined
  /** Resolves when that command runs, or never will; captures that can wait for it do. */
  readonly commandStarted?: Promise<void> | undefined
}

/** Where a tracker is in its life. */
type Phase = 'new' | 'starting' | 'running' | 'finishing' | 'ended'

/**
 * Tracks one run. Make one, start it, say what goes in and comes out, finish it. Trackers of one process do
 * not know of each other.
 *
 * A process that ends without `finishExperiment` leaves a run that reads as `lost`, with everything that
 * `flush` acknowledged.
 */
export class ExperimentTracker {
  readonly #options: ExperimentOptions
  readonly #settings: TrackerSettings
  readonly #directory: string
  readonly #pending = new Set<Promise<unknown>>()
  #phase: Phase = 'new'
  #writer: RunWriter | undefined
  #summary: ExperimentSummary | undefined
  #sampler: SystemSampler | undefined
  #failed = false

  /**
   * @param options Of the experiment; they win over file and variables.
   * @throws ERR_LINEAPRINT_CONFIGURATION for options that are not usable.
   */
  constructor(options: ExperimentOptions = {}, settings: TrackerSettings = {}) {
    this.#settings = settings
    this.#directory = resolve(settings.directory ?? '.')
    this.#options = checkOptions({
      label: 'the options of ExperimentTracker',
      options: { ...options },
      folder: this.#directory,
    })
  }

  /** Id of the run. @throws ERR_LINEAPRINT_STATE before the start. */
  get id(): string {
    return this.#started().state.start.id
  }

  /** Absolute path of the run's folder. @throws ERR_LINEAPRINT_STATE before the start. */
  get runDirectory(): string {
    return this.#started().folder
  }

  /** Whether the run goes on: started and not yet finished. */
  get isRunning(): boolean {
    return this.#phase === 'running'
  }

  /** The options as all sources together make them. @throws ERR_LINEAPRINT_STATE before the start. */
  get configuration(): Configuration {
    return this.#started().configuration
  }

  /**
   * Resolves the configuration, makes the run's folder and captures environment, git and seeds. A capture that
   * fails is recorded as failed and does not stop the run.
   *
   * @returns Id of the run.
   * @throws ERR_LINEAPRINT_CONFIGURATION, ERR_LINEAPRINT_STORE, ERR_LINEAPRINT_RUN for an id that is taken.
   */
  async startExperiment(): Promise<string> {
    if (this.#phase !== 'new') throw this.#misplaced('startExperiment', 'before anything else, and once')
    this.#phase = 'starting'
    try {
      const { configurationFile: file, environment = process.env, defaults, command, commandStarted, signal } = this.#settings
      const directory = this.#directory
      const sources = { directory, file, environment, defaults }
      const configuration = await resolveConfiguration(this.#options, sources)
      this.#writer = await RunWriter.start(configuration, { directory, command, environment })
      this.#phase = 'running'
      if (command === undefined) this.sampleSystem(process.pid)
      const { settled, done } = captureAtStart(this.#writer, signal, commandStarted)
      void this.#during(done)
      // A command does not wait for what is seen beside it as well; the end of its run does.
      await (command === undefined ? done : settled)
      return this.id
    } catch (error) {
      if (this.#writer === undefined) this.#phase = 'new'
      throw error
    }
  }

  /**
   * Digests a dataset and records it under a name.
   *
   * @param source A path, a typed array, or `{ data, shape }`.
   * @param name Stands for this content in this run; the same name for other content is an error.
   * @returns What was read; `undefined` where `enableDatasetTracking` is off.
   * @throws What `readDataset` throws, after it was recorded as failed.
   */
  async trackDataset(source: DatasetSource, name: string): Promise<DatasetReport | undefined> {
    return this.#during(track(this.#running('trackDataset'), KINDS.dataset, source, name, this.#settings))
  }

  /**
   * Digests a model and records it under a name; the digest of every tensor is kept in the run's folder.
   *
   * @returns What was read; `undefined` where `enableModelTracking` is off.
   * @throws What `readModel` throws, after it was recorded as failed.
   */
  async trackModel(path: string, name: string): Promise<ModelReport | undefined> {
    return this.#during(track(this.#running('trackModel'), KINDS.model, path, name, this.#settings))
  }

  /**
   * Digests the tokenizer in a folder and records it under a name.
   *
   * @returns What was read; `undefined` where `enableModelTracking` is off.
   * @throws What `readTokenizer` throws, after it was recorded as failed.
   */
  async trackTokenizer(path: string, name: string): Promise<TokenizerReport | undefined> {
    return this.#during(track(this.#running('trackTokenizer'), KINDS.tokenizer, path, name, this.#settings))
  }

  /**
   * Digests a file or folder that the run made and records it under a name.
   *
   * @throws What `readDataset` throws, after it was recorded as failed.
   */
  async trackOutput(path: string, name: string): Promise<DatasetReport> {
    const report = await this.#during(
      track(this.#running('trackOutput'), KINDS.output, path, name, this.#settings),
    )
    if (report === undefined) throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'outputs have no switch')
    return report
  }

  /**
   * Says before the work that something will be an output. The record then tells whether it was there before, and
   * whether the run wrote it. Without this only an output that is older than the run is seen.
   *
   * @param path As it will be given to `trackOutput`.
   */
  async expectOutput(path: string, name: string): Promise<void> {
    const writer = this.#running('expectOutput')
    const absolute = resolve(this.#directory, path)
    const before = await this.#during(lookAt(writer, `output ${JSON.stringify(name)}`, absolute))
    if (before !== undefined) writer.watch.addOutput(absolute, before)
  }

  /**
   * Seeds the generators of this process and records their state, unless `enableSeedTracking` is off.
   *
   * @param seed A whole number from 0 to 2^53 - 1, and the options of `setSeeds`.
   * @returns What the seed reaches and what it does not.
   */
  async setSeeds(...seed: Parameters<typeof setSeeds>): Promise<SeedReport> {
    const writer = this.#running('setSeeds')
    const [value, options] = seed
    const seeds = setSeeds(value, { ...writer.configuration.seeds, ...options })
    if (writer.configuration.enableSeedTracking) await this.#capture(writer, 'seeds')
    return seeds
  }

  /** Captures the environment again, in the place of the capture of the start. */
  async captureEnvironment(): Promise<Captured> {
    return this.#capture(this.#running('captureEnvironment'), 'environment')
  }

  /** Captures the state of the git work tree again, in the place of the capture of the start. */
  async captureGit(): Promise<Captured> {
    return this.#capture(this.#running('captureGit'), 'git')
  }

  /**
   * Logs one value of a metric. Costs a few microseconds; the disk is written behind. NaN and the infinities
   * are kept.
   *
   * @throws ERR_LINEAPRINT_STORE if an earlier event could not be written.
   */
  logMetric(name: string, value: number, options: MetricOptions = {}): void {
    const { event, time } = metricEvent(name, value, options)
    this.#running('logMetric').say(event, time)
  }

  /** Logs one value each of several metrics, all of the same step and time. */
  logMetrics(values: Readonly<Record<string, number>>, options: MetricOptions = {}): void {
    const writer = this.#running('logMetrics')
    // All are checked before the first is said: a group is logged whole or not at all.
    const events = Object.entries(values).map(([name, value]) => metricEvent(name, value, options))
    for (const { event, time } of events) writer.say(event, time)
  }

  /**
   * Logs the digest of a state at a step: weights, gradients, a batch. `diffRuns` then names the first step at which
   * two runs part. Digests stand in the journal in the order of the calls; the data itself is not kept.
   *
   * Up to 8 MiB are hashed before the call returns. Wait for the promise before you change a longer array.
   *
   * @param value A typed array or `{ data, shape }`, as `hashArray` takes it; an `ArrayBuffer` or `DataView`; or a digest
   *   that was computed elsewhere.
   * @returns The digest that was logged.
   * @throws ERR_LINEAPRINT_ARGUMENT for something else, ERR_LINEAPRINT_CHANGED for a buffer that changed its length.
   */
  async logDigest(name: string, value: DigestSource, options: DigestOptions = {}): Promise<Digest> {
    const writer = this.#running('logDigest')
    checkDigestLabel(name, options)
    const digest = digestOf(name, value, writer.configuration.algorithm, this.#settings.signal)
    // Its turn may come later than its failure.
    digest.catch(() => undefined)
    const logged = writer.exclusive(async () => {
      writer.say(digestEvent(name, await digest, options))
      return digest
    })
    return this.#during(logged)
  }

  /**
   * Adds an entry to the metadata, or several; one of a key that is there takes its place. Anything with a JSON
   * form.
   */
  addMetadata(key: string, value: unknown): void
  addMetadata(values: Readonly<Record<string, unknown>>): void
  addMetadata(...[first, value]: [string, unknown] | [Readonly<Record<string, unknown>>]): void {
    const values = typeof first === 'string' ? { [first]: value } : first
    this.#say('addMetadata', { type: 'metadata', values: plainObject(values, 'metadata') })
  }

  /** Adds tags; one that is there stays as it is. */
  addTags(...tags: readonly (string | readonly string[])[]): void {
    const all = tags.flat().map((tag) => plainText(tag, 'a tag'))
    this.#say('addTags', { type: 'tags', tags: all })
  }

  /** Replaces the notes. */
  setNotes(notes: string): void {
    this.#say('setNotes', { type: 'notes', notes: plainText(notes, 'notes', { empty: true }) })
  }

  /** Marks the run as failed; `finishExperiment` then records it so. */
  fail(error: unknown): void {
    this.#say('fail', { type: 'failure', failure: failureOf(error) })
    this.#failed = true
  }

  /** Tracks something that is read and described in a way of its own, for a program of the command that this run wraps. */
  async trackBy<S, R extends object>(kind: Kind<S, R>, source: S, name: string): Promise<R | undefined> {
    return this.#during(track(this.#running('trackBy'), kind, source, name, this.#settings))
  }

  /** Adds what programs of the command that this run wraps told of their seeds to the capture of the seeds. */
  noteSeeds(addition: JsonObject): void {
    amendSeeds(this.#running('noteSeeds'), addition)
  }

  /** Looks at the machine and at a process from now on, where `systemMetrics` asks for it. */
  sampleSystem(root: number): void {
    const writer = this.#running('sampleSystem')
    const { systemMetrics } = writer.configuration
    if (systemMetrics !== false) this.#sampler ??= sampleInto(writer, { ...systemMetrics, root })
  }

  /** Takes an event of the command that this run wraps. */
  note(event: Extract<EventBody, { type: 'command' | 'warning' }>): void {
    this.#say('note', event)
  }

  /** What is known up to now; after the end the same as `finishExperiment` returned. */
  getExperimentSummary(): ExperimentSummary {
    return this.#summary ?? summarize(toRecord(this.#started().state), this.#started().folder)
  }

  /**
   * Resolves when everything said so far is on disk and survives the death of this process and a loss of power.
   *
   * @throws ERR_LINEAPRINT_STORE if it could not be written.
   */
  async flush(): Promise<void> {
    if (this.#phase === 'ended') return
    await this.#running('flush').flush()
  }

  /** Checks what the run recorded against the present, the command of this process included; see `verifyRun`. */
  async verify(options: Omit<VerifyOptions, 'trackers' | 'signal'> = {}): Promise<Verification> {
    await this.flush()
    const { folder, configuration } = this.#started()
    const { signal, command = process.argv } = this.#settings
    return verifyRun(await readRun(folder), {
      command,
      ...options,
      trackers: configuration.trackers,
      signal,
    })
  }

  /**
   * Waits for what is under way, writes the record and seals it. The status is `failed` after `fail`.
   *
   * @param status Another status than that, for a command that was killed.
   * @throws ERR_LINEAPRINT_STORE if the record could not be written, and the run then reads as `lost`; or if a
   *   copy that the configuration asks for could not.
   */
  async finishExperiment(status?: EndStatus): Promise<ExperimentSummary> {
    const writer = this.#running('finishExperiment')
    this.#phase = 'finishing'
    // Their callers get their errors; what became of them is in the state.
    await Promise.allSettled(this.#pending)
    await this.#sampler?.stop()
    try {
      await flagInputs(writer)
      flagUndeclared(writer)
      const ending = status ?? (this.#failed ? 'failed' : 'finished')
      const record = await writer.end(ending, this.#settings.signal)
      this.#summary = summarize(record, writer.folder)
      await writer.export(record)
      return this.#summary
    } finally {
      this.#phase = 'ended'
    }
  }

  /**
   * Starts the run, does the work and finishes the run, as failed if the work throws. The error is thrown on.
   *
   * @param work Gets the tracker.
   * @returns What the work returns.
   */
  async run<T>(work: (tracker: this) => Promise<T> | T): Promise<T> {
    if (this.#phase === 'new') await this.startExperiment()
    let result: T
    try {
      result = await work(this)
    } catch (error) {
      if (this.#phase === 'running') await this.#finishFailed(error)
      throw error
    }
    if (this.#phase === 'running') await this.finishExperiment()
    return result
  }

  /**
   * Finishes a run that goes on, for `await using`. An exception that ends the block does not reach this
   * method: call `fail` in a `catch`, or use `run`, to have it recorded.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#phase === 'running') await this.finishExperiment()
  }

  async #finishFailed(error: unknown): Promise<void> {
    try {
      this.fail(error)
      await this.finishExperiment()
    } catch (second) {
      throw new AggregateError([error, second], 'the work failed, and so did recording it', { cause: second })
    }
  }

  #capture(writer: RunWriter, name: 'environment' | 'git' | 'seeds'): Promise<Captured> {
    const component = builtInCapture(name, writer.configuration)
    return this.#during(writer.exclusive(() => captureInto(writer, component, this.#settings.signal)))
  }

  #during<T>(work: Promise<T>): Promise<T> {
    this.#pending.add(work)
    const forget = (): void => void this.#pending.delete(work)
    work.then(forget, forget)
    return work
  }

  #say(call: string, event: EventBody): void {
    this.#running(call).say(event)
  }

  #running(call: string): RunWriter {
    if (this.#phase === 'running' && this.#writer) return this.#writer
    throw this.#misplaced(call, 'between startExperiment and finishExperiment')
  }

  #started(): RunWriter {
    if (this.#writer) return this.#writer
    throw new LineaprintError('ERR_LINEAPRINT_STATE', 'the experiment has not started', {
      hint: 'call startExperiment first',
    })
  }

  #misplaced(call: string, when: string): LineaprintError {
    const hint =
      this.#phase === 'new'
        ? 'call startExperiment first'
        : this.#phase === 'ended'
          ? 'make a new tracker'
          : undefined
    return new LineaprintError('ERR_LINEAPRINT_STATE', `${call} cannot be called now`, {
      expected: when,
      received: PHASES[this.#phase],
      hint,
    })
  }
}

const PHASES: Readonly<Record<Phase, string>> = {
  new: 'before the start',
  starting: 'while it starts',
  running: 'while it runs',
  finishing: 'while it finishes',
  ended: 'after the end',
}
