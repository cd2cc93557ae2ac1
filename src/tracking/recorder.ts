/**
 * The recorder of one run: its start, everything reported while it runs, and its end. `ExperimentTracker` is
 * the public facade; `lineaprint run` and the Python bridge use the recorder directly.
 */
import type { PythonSeeds } from '../capture/seeds/types.ts'
import { resolve } from 'node:path'
import { setSeeds } from '../capture/seeds/capture.ts'
import { builtInCapture } from '../capture/components.ts'
import { checkOptions } from '../config/options.ts'
import { resolveConfiguration } from '../config/sources.ts'
import { checkName, copyAsJson, checkText } from '../json/copy.ts'
import { OWN_SOURCE } from '../record/record.ts'
import { failureOf } from '../record/failure.ts'
import { toRecord } from '../record/state.ts'
import { readRun } from '../store/runs.ts'
import { ignoreRejection } from '../util/ignore-rejection.ts'
import { amendEnvironment, amendSeeds, captureAtStart, captureInto } from './captures.ts'
import { flagInputs, fingerprintOrWarn } from './changes/flags.ts'
import { keepOverwritten } from './changes/overwritten.ts'
import { beginUndeclared, findUndeclared, flagUndeclared, trackModelFiles } from './changes/undeclared.ts'
import { continuedRun } from './continued.ts'
import { checkDerivation, describeDerivation, unknownNames } from './derivations.ts'
import { checkDigestLabel, digestEvent, digestOf } from './digests.ts'
import { track } from './inputs.ts'
import { keepCode } from './kept/code.ts'
import { MetricFiles } from './metric-files/metric-files.ts'
import { metricFormat } from './metric-files/rows.ts'
import { metricEvent } from './metrics.ts'
import { notStarted, wrongState } from './recorder-state.ts'
import { RunWriter } from './run-writer.ts'
import { summarize } from './summary.ts'
import { sampleInto } from './system-metrics/sampler.ts'
import type { CorrectedEnvironment } from '../capture/environment/python/ran.ts'
import type { SeedReport } from '../capture/seeds/capture.ts'
import type { Given, SeedsOptions } from '../config/groups.ts'
import type { Configuration, ExperimentOptions } from '../config/options.ts'
import type { Captured } from '../core/component.ts'
import type { Digest } from '../core/digest.ts'
import type { CommandEndEvent, EventBody, MergedEvent, ParameterEvent } from '../record/events.ts'
import type { CaptureRecord, MetricFileRecord, RankRecord, ReportingProcess } from '../record/record.ts'
import type { Verification, VerifyOptions } from '../verify/verify.ts'
import type { DeriveOptions } from './derivations.ts'
import type { DigestOptions, DigestSource } from './digests.ts'
import type { Kind } from './inputs.ts'
import type { MetricOptions, MetricOrigin } from './metrics.ts'
import type { RecorderState } from './recorder-state.ts'
import type { EndStatus } from './run-writer.ts'
import type { RecorderSettings } from './settings.ts'
import type { ExperimentSummary } from './summary.ts'
import type { SystemSampler } from './system-metrics/sampler.ts'

/** The recorder of one run. Errors name the public methods of `ExperimentTracker`. */
export class Recorder {
  readonly #options: ExperimentOptions
  readonly #settings: RecorderSettings
  /** Absolute path of the working folder of the run. */
  readonly #directory: string
  /** Operations in progress. The end of the run waits for them. */
  readonly #pending = new Set<Promise<unknown>>()
  #state: RecorderState = { phase: 'new' }
  #sampler: SystemSampler | undefined
  readonly #created = Promise.withResolvers<void>()
  /** The status that {@link beginEnd} started. */
  #workTree: { readonly status: ReturnType<typeof beginUndeclared> } | undefined

  /**
   * Create a recorder in the phase `new`.
   *
   * @throws ERR_LINEAPRINT_CONFIGURATION for invalid options.
   */
  constructor(options: ExperimentOptions = {}, settings: RecorderSettings = {}) {
    this.#settings = settings
    // The start gives the error; few callers wait for this as well.
    void ignoreRejection(this.#created.promise)
    this.#directory = resolve(settings.directory ?? '.')
    this.#options = checkOptions({
      label: 'the options of ExperimentTracker',
      options: { ...options },
      folder: this.#directory,
    })
  }

  /** The files in which the program of the run writes metrics. */
  readonly metricFiles: MetricFiles = new MetricFiles(this)
  #modelFiles: 'declared' | 'auto' | 'done' = 'declared'

  /** Resolves when the captures of the start are recorded, whatever became of them. */
  #captured: Promise<void> = Promise.resolve()

  /** ID of the run. @throws ERR_LINEAPRINT_STATE before the start. */
  get id(): string {
    return this.#started().state.start.id
  }

  /** Absolute path of the run's folder. @throws ERR_LINEAPRINT_STATE before the start. */
  get runDirectory(): string {
    return this.#started().folder
  }

  /** Absolute path of the working folder of the run. */
  get directory(): string {
    return this.#directory
  }

  /** The signal that stops the captures. */
  get signal(): AbortSignal | undefined {
    return this.#settings.signal
  }

  /** Resolves when the folder of the run exists, while the captures of the start are being made. */
  get whenCreated(): Promise<void> {
    return this.#created.promise
  }

  /** Resolves when the captures of the start are recorded, whatever became of them. */
  get captured(): Promise<void> {
    return this.#captured
  }

  /** The resolved options. @throws ERR_LINEAPRINT_STATE before the start. */
  get configuration(): Configuration {
    return this.#started().configuration
  }

  /** True if the run can still be started. */
  get isNew(): boolean {
    return this.#state.phase === 'new'
  }

  /** True if the run has started and has not finished. */
  get isRunning(): boolean {
    return this.#state.phase === 'running'
  }

  /**
   * Start the run, and make the captures of the start. If the run wraps a command, this waits only for
   * captures that the command could affect; the end of the run waits for the others.
   *
   * @returns ID of the run.
   */
  async start(): Promise<string> {
    if (!this.isNew) throw wrongState(this.#state, 'startExperiment', 'before anything else, and once')
    this.#state = { phase: 'starting' }
    const { command, signal } = this.#settings
    let writer: RunWriter
    try {
      writer = await this.#createRun()
    } catch (error) {
      this.#created.reject(error)
      throw error
    }
    this.#state = { phase: 'running', writer }
    this.#created.resolve()
    if (command === undefined) this.sampleSystem(process.pid)
    const { readyForCommand, done } = captureAtStart(writer, signal, command?.started)
    void this.#trackPending(done)
    if (writer.configuration.keep.code) void this.#trackPending(done.then(() => keepCode(writer, signal)))
    this.#captured = done.then(
      () => undefined,
      () => undefined,
    )
    for (const path of writer.configuration.metricFiles)
      await this.metricFiles.add(this.metricFiles.sourceOf(path))
    await (command === undefined ? done : readyForCommand)
    return writer.state.start.id
  }

  async #createRun(): Promise<RunWriter> {
    const {
      configurationFile: file,
      environment = process.env,
      defaults,
      optionsFromSources,
      command,
    } = this.#settings
    const directory = this.#directory
    try {
      const sources = { directory, file, environment, defaults, optionsFromSources }
      const configuration = await resolveConfiguration(this.#options, sources)
      for (const path of configuration.metricFiles) metricFormat(path)
      return await RunWriter.start(configuration, {
        continues: await continuedRun(configuration),
        directory,
        command: command?.argv,
        isRepeatable: command?.isRepeatable ?? true,
        launch: command?.launch,
        environment,
      })
    } catch (error) {
      // The run folder was not created, so another start is allowed.
      this.#state = { phase: 'new' }
      throw error
    }
  }

  /**
   * Digest an item and record it under a name; see `track` in `inputs.ts`.
   *
   * @param process Number of the process that reports it; absent for this process, as in the methods below.
   * @param keep Whether the store keeps a copy; absent if the configuration decides.
   */
  async track<S, R extends object>(
    kind: Kind<S, R>,
    source: S,
    name: string,
    process?: number,
    keep?: boolean,
  ): Promise<R | undefined> {
    const writer = this.#running(callOf(kind))
    return this.#trackPending(track(writer, kind, source, name, { ...this.#settings, process, keep }))
  }

  /** Record a process that reports something. */
  recordProcess(process: ReportingProcess): void {
    this.#append('recordProcess', { type: 'process', process })
  }

  /** Count a file with metrics among what the run declares. */
  expectMetricFile(path: string): void {
    this.#running('expectMetricFile').snapshots.addMetricFile(path)
  }

  /** Record what is known of a file with metrics. */
  recordMetricFile(file: MetricFileRecord): void {
    this.#append('recordMetricFile', { type: 'metric-file', file })
  }

  /** Record a rank of the launch that has a wrapper of its own. */
  recordRank(rank: RankRecord): void {
    this.#append('recordRank', { type: 'rank', rank })
  }

  /** Declare a step: what was made from what. Its code is digested now. */
  async derive(name: string, options: DeriveOptions, process?: number): Promise<void> {
    const writer = this.#running('derive')
    const checked = checkDerivation(name, options)
    const { algorithm } = writer.configuration
    const settings = { directory: this.#directory, algorithm, signal: this.signal }
    const declaring = describeDerivation(checked, settings).then((declared) =>
      writer.append({ type: 'derivation', ...declared, ...(process !== undefined && { process }) }),
    )
    await this.#trackPending(declaring)
  }

  /** Keep the state of the path of a later output. */
  async expectOutput(path: string, name: string): Promise<void> {
    const writer = this.#running('expectOutput')
    const absolute = resolve(this.#directory, path)
    const label = `output ${JSON.stringify(name)}`
    const before = await this.#trackPending(fingerprintOrWarn(writer, label, absolute))
    if (before !== undefined) writer.snapshots.addOutput(name, absolute, before)
  }

  /**
   * Start reading the status of the work tree for the end of the run: after the command, and before the run waits for
   * everything else. Nothing that is tracked later writes to the work tree.
   */
  beginEnd(): void {
    if (this.#state.phase !== 'running') return
    this.#workTree ??= { status: beginUndeclared(this.#state.writer, this.#settings.signal) }
  }

  /** Let files of models that the run writes and nobody declares be outputs, as the option `autoOutputs` does. */
  expectModelFiles(): void {
    if (this.#modelFiles === 'declared') this.#modelFiles = 'auto'
  }

  /** Digest the files of models that the run wrote and nobody declared, if they are expected. A second call does nothing. */
  async trackModelFiles(): Promise<void> {
    const writer = this.#running('trackModelFiles')
    if (this.#modelFiles === 'done' || (this.#modelFiles === 'declared' && !writer.configuration.autoOutputs))
      return
    this.#modelFiles = 'done'
    await this.#captured
    await this.#trackPending(trackModelFiles(writer, this.#settings))
  }

  /** Keep a copy of each input that an announced output will write over. */
  async keepInputs(): Promise<void> {
    const writer = this.#running('keepInputs')
    await this.#trackPending(keepOverwritten(writer, this.#settings.signal))
  }

  /** Seed the generators of this process, and record their state. */
  async setSeeds(seed: number | bigint, options?: Given<SeedsOptions>): Promise<SeedReport> {
    const writer = this.#running('setSeeds')
    const seeds = setSeeds(seed, { ...writer.configuration.seeds, ...options })
    if (writer.configuration.enableSeedTracking) await this.#capture(writer, 'seeds')
    return seeds
  }

  /** Capture the environment again. The result replaces the capture of the start. */
  async captureEnvironment(): Promise<Captured> {
    return this.#capture(this.#running('captureEnvironment'), 'environment')
  }

  /** Capture the state of the git work tree again. The result replaces the capture of the start. */
  async captureGit(): Promise<Captured> {
    const writer = this.#running('captureGit')
    writer.snapshots.keepGit(writer.state.captures.get('git'))
    return this.#capture(writer, 'git')
  }

  #capture(writer: RunWriter, name: 'environment' | 'git' | 'seeds'): Promise<Captured> {
    const component = builtInCapture(name, writer.configuration)
    return this.#trackPending(writer.exclusive(() => captureInto(writer, component, this.#settings.signal)))
  }

  /** Log one value of a metric. */
  logMetric(name: string, value: number, options: MetricOptions = {}, origin: MetricOrigin = {}): void {
    const { event, time } = metricEvent(name, value, options, origin)
    this.#running('logMetric').append(event, time)
  }

  /** Log one value for each of several metrics. If one is invalid, none is logged. */
  logMetrics(values: Readonly<Record<string, number>>, options: MetricOptions = {}): void {
    const writer = this.#running('logMetrics')
    // Check all values before the first event is appended.
    const events = Object.entries(values).map(([name, value]) => metricEvent(name, value, options))
    for (const { event, time } of events) writer.append(event, time)
  }

  /** Log the digest of a state. Digests are appended in the order of the calls. */
  async logDigest(
    name: string,
    value: DigestSource,
    options: DigestOptions = {},
    process?: number,
  ): Promise<Digest> {
    const writer = this.#running('logDigest')
    checkDigestLabel(name, options)
    // The promise can reject before it is awaited in turn.
    const digest = ignoreRejection(
      digestOf(name, value, writer.configuration.algorithm, this.#settings.signal),
    )
    const logged = writer.exclusive(async () => {
      writer.append(digestEvent(name, await digest, options, process))
      return digest
    })
    return this.#trackPending(logged)
  }

  /** Record further sources of a metric, whose values are all in it. */
  recordMerged(event: Omit<MergedEvent, 'type'>): void {
    this.#append('recordMerged', { type: 'merged', ...event })
  }

  /** Record a parameter that a program reported to a library. */
  recordParameter(event: Omit<ParameterEvent, 'type'>): void {
    this.#append('recordParameter', { type: 'parameter', ...event })
  }

  /** Log parameters that the program of the run gives itself. */
  logParameters(values: Readonly<Record<string, unknown>>): void {
    const checked = Object.entries(copyAsJson(values, 'parameters')).map(
      ([name, value]) => [checkName(name, 'the name of a parameter'), value] as const,
    )
    for (const [name, value] of checked)
      this.#append('logParameters', { type: 'parameter', name, value, source: OWN_SOURCE })
  }

  /** Add entries to the metadata. An existing key gets the new value. */
  addMetadata(values: Readonly<Record<string, unknown>>, process?: number): void {
    this.#append('addMetadata', {
      type: 'metadata',
      values: copyAsJson(values, 'metadata'),
      ...(process !== undefined && { process }),
    })
  }

  /** Add tags. A tag that exists already has no effect. */
  addTags(tags: readonly string[]): void {
    this.#append('addTags', { type: 'tags', tags: tags.map((tag) => checkText(tag, 'a tag')) })
  }

  /** Replace the notes. */
  setNotes(notes: string): void {
    this.#append('setNotes', { type: 'notes', notes: checkText(notes, 'notes', { empty: true }) })
  }

  /** Add the seeds that Python programs of the wrapped command reported to the seeds capture. */
  recordPythonSeeds(python: PythonSeeds): void {
    amendSeeds(this.#running('recordPythonSeeds'), { python })
  }

  /** Correct the captured environment by what the programs of the wrapped command reported. */
  correctEnvironment(correct: (captured: CorrectedEnvironment) => CorrectedEnvironment): void {
    amendEnvironment(this.#running('correctEnvironment'), correct)
  }

  /** Record the exit status of the wrapped command. */
  recordCommandEnd(end: Omit<CommandEndEvent, 'type'>): void {
    this.#append('recordCommandEnd', { type: 'command', ...end })
  }

  /** Record a warning: one plain sentence. */
  recordWarning(message: string): void {
    this.#append('recordWarning', { type: 'warning', message })
  }

  /** Mark the run as failed. `finish` then records the status `failed`. */
  fail(error: unknown): void {
    this.#append('fail', { type: 'failure', failure: failureOf(error) })
  }

  /** Start sampling the machine and a process tree, if `systemMetrics` is enabled. */
  sampleSystem(root: number): void {
    const writer = this.#running('sampleSystem')
    const { systemMetrics } = writer.configuration
    if (systemMetrics !== false) this.#sampler ??= sampleInto(writer, { ...systemMetrics, root })
  }

  /** Return the recorded form of a name, without secrets. */
  recordedName(name: string): string {
    return this.#started().redaction.name(name)
  }

  /** Return the recorded capture of a name; `undefined` if there is none. */
  captureOf(name: string): CaptureRecord | undefined {
    return this.#started().recorded.captures.get(name)
  }

  /** Return a summary of the run; after the end the same one that `finish` returned. */
  summary(): ExperimentSummary {
    return this.#state.phase === 'ended' ? this.#state.summary : summaryOf(this.#started())
  }

  /** Resolve when everything recorded so far is on disk. */
  async flush(): Promise<void> {
    if (this.#state.phase === 'ended') return
    await this.#running('flush').flush()
  }

  /** Compare what the run recorded with the current state. */
  async verify(options: Omit<VerifyOptions, 'trackers' | 'signal'>): Promise<Verification> {
    await this.flush()
    const { folder, configuration } = this.#started()
    const { signal, command } = this.#settings
    // Loaded when it is wanted: what it needs is a third of the code that a run would load otherwise.
    const { verifyRun } = await import('../verify/verify.ts')
    return verifyRun(await readRun(folder), {
      command: command?.argv ?? process.argv,
      directory: this.#directory,
      ...options,
      trackers: configuration.trackers,
      signal,
    })
  }

  /**
   * Wait for operations in progress, write the record and seal it.
   *
   * @param status @default `failed` after `fail`, else `finished`
   */
  async finish(status?: EndStatus): Promise<ExperimentSummary> {
    const writer = this.#running('finishExperiment')
    await this.metricFiles.finish()
    await this.trackModelFiles()
    this.#state = { phase: 'finishing', writer }
    const { signal } = this.#settings
    // Git reads the status of the work tree in parallel with the rest of this method.
    const workTree = this.#workTree === undefined ? beginUndeclared(writer, signal) : this.#workTree.status
    // The callers of these operations get the errors; the state holds the results.
    await Promise.allSettled(this.#pending)
    await this.#sampler?.stop()
    let summary: ExperimentSummary | undefined
    try {
      const undeclared = findUndeclared(writer, workTree, signal)
      for (const message of unknownNames(writer.recorded)) writer.append({ type: 'warning', message })
      await flagInputs(writer)
      await flagUndeclared(writer, await undeclared)
      const record = await writer.end(
        status ?? (writer.state.failure === null ? 'finished' : 'failed'),
        signal,
      )
      summary = summarize(record, writer.folder)
      await writer.export(record)
      const unsent = await writer.send(signal)
      if (unsent.length > 0) summary = { ...summary, warnings: [...summary.warnings, ...unsent] }
      return summary
    } finally {
      writer.stopSending()
      this.#state = { phase: 'ended', writer, summary: summary ?? summaryOf(writer) }
    }
  }

  #append(call: string, event: EventBody): void {
    this.#running(call).append(event)
  }

  /** Make the end of the run wait for an operation. */
  #trackPending<T>(work: Promise<T>): Promise<T> {
    this.#pending.add(work)
    const forget = (): void => void this.#pending.delete(work)
    work.then(forget, forget)
    return work
  }

  /** Return the writer of a running run. @throws ERR_LINEAPRINT_STATE if the run is not running. */
  #running(call: string): RunWriter {
    if (this.#state.phase === 'running') return this.#state.writer
    throw wrongState(this.#state, call, 'a call between startExperiment and finishExperiment')
  }

  /** Return the writer of a run that has started. @throws ERR_LINEAPRINT_STATE before the start. */
  #started(): RunWriter {
    if ('writer' in this.#state) return this.#state.writer
    throw notStarted()
  }
}

/** Return the name of the public method that tracks a kind: `trackDataset`. */
function callOf({ noun }: Pick<Kind<never, object>, 'noun'>): string {
  return `track${noun.charAt(0).toUpperCase()}${noun.slice(1)}`
}

function summaryOf(writer: RunWriter): ExperimentSummary {
  return summarize(toRecord(writer.recorded), writer.folder)
}
