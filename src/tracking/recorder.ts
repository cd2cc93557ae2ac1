/**
 * Records one run: its start, what is reported while it goes on, and its end. `ExperimentTracker` is the public face of
 * it; `lineaprint run` and the bridge to Python use it as it is.
 */
import type { PythonSeeds } from '../capture/seeds/types.ts'
import { resolve } from 'node:path'
import { setSeeds } from '../capture/seeds/capture.ts'
import { builtInCapture } from '../capture/components.ts'
import { checkOptions } from '../config/options.ts'
import { resolveConfiguration } from '../config/sources.ts'
import { copyAsJson, checkText } from '../json/copy.ts'
import { failureOf } from '../record/failure.ts'
import { toRecord } from '../record/state.ts'
import { readRun } from '../store/runs.ts'
import { ignoreRejection } from '../util/ignore-rejection.ts'
import { verifyRun } from '../verify/verify.ts'
import { amendSeeds, captureAtStart, captureInto } from './captures.ts'
import { flagInputs, fingerprintOrWarn } from './changes/flags.ts'
import { beginUndeclared, findUndeclared, flagUndeclared } from './changes/undeclared.ts'
import { checkDigestLabel, digestEvent, digestOf } from './digests.ts'
import { track } from './inputs.ts'
import { metricEvent } from './metrics.ts'
import { notStarted, wrongState } from './recorder-state.ts'
import { RunWriter } from './run-writer.ts'
import { summarize } from './summary.ts'
import { sampleInto } from './system-metrics/sampler.ts'
import type { SeedReport } from '../capture/seeds/capture.ts'
import type { Given, SeedsOptions } from '../config/groups.ts'
import type { Configuration, ExperimentOptions } from '../config/options.ts'
import type { Captured } from '../core/component.ts'
import type { Digest } from '../core/digest.ts'
import type { CommandEndEvent, EventBody } from '../record/events.ts'
import type { Verification, VerifyOptions } from '../verify/verify.ts'
import type { DigestOptions, DigestSource } from './digests.ts'
import type { Kind } from './inputs.ts'
import type { MetricOptions } from './metrics.ts'
import type { RecorderState } from './recorder-state.ts'
import type { EndStatus } from './run-writer.ts'
import type { RecorderSettings } from './settings.ts'
import type { ExperimentSummary } from './summary.ts'
import type { SystemSampler } from './system-metrics/sampler.ts'

/** The recorder of one run. Errors name the methods of `ExperimentTracker`, which people call. */
export class Recorder {
  readonly #options: ExperimentOptions
  readonly #settings: RecorderSettings
  /** Absolute path of the folder that the run works in. */
  readonly #directory: string
  /** Work that the end of the run waits for. */
  readonly #pending = new Set<Promise<unknown>>()
  #state: RecorderState = { phase: 'new' }
  #sampler: SystemSampler | undefined

  /** @throws ERR_LINEAPRINT_CONFIGURATION for options that are not usable. */
  constructor(options: ExperimentOptions = {}, settings: RecorderSettings = {}) {
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

  /** The resolved options. @throws ERR_LINEAPRINT_STATE before the start. */
  get configuration(): Configuration {
    return this.#started().configuration
  }

  /** Whether the run can still be started. */
  get isNew(): boolean {
    return this.#state.phase === 'new'
  }

  /** Whether the run goes on: started and not yet finished. */
  get isRunning(): boolean {
    return this.#state.phase === 'running'
  }

  /**
   * Start the run, and make the captures of the start. Before a wrapped command only those are waited for that its
   * run could change; the end of the run waits for the others.
   *
   * @returns Id of the run.
   */
  async start(): Promise<string> {
    if (!this.isNew) throw wrongState(this.#state, 'startExperiment', 'before anything else, and once')
    this.#state = { phase: 'starting' }
    const { command, signal } = this.#settings
    const writer = await this.#createRun()
    this.#state = { phase: 'running', writer }
    if (command === undefined) this.sampleSystem(process.pid)
    const { readyForCommand, done } = captureAtStart(writer, signal, command?.started)
    void this.#trackPending(done)
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
      return await RunWriter.start(configuration, { directory, command: command?.argv, environment })
    } catch (error) {
      // Nothing of the run exists, so it may be started again.
      this.#state = { phase: 'new' }
      throw error
    }
  }

  /** Read something and record it under a name; see `track` in `inputs.ts`. */
  async track<S, R extends object>(kind: Kind<S, R>, source: S, name: string): Promise<R | undefined> {
    const writer = this.#running(callOf(kind))
    return this.#trackPending(track(writer, kind, source, name, this.#settings))
  }

  /** Remember what stands at the path of a later output. */
  async expectOutput(path: string, name: string): Promise<void> {
    const writer = this.#running('expectOutput')
    const absolute = resolve(this.#directory, path)
    const label = `output ${JSON.stringify(name)}`
    const before = await this.#trackPending(fingerprintOrWarn(writer, label, absolute))
    if (before !== undefined) writer.snapshots.addOutput(absolute, before)
  }

  /** Seed the generators of this process, and record their state. */
  async setSeeds(seed: number | bigint, options?: Given<SeedsOptions>): Promise<SeedReport> {
    const writer = this.#running('setSeeds')
    const seeds = setSeeds(seed, { ...writer.configuration.seeds, ...options })
    if (writer.configuration.enableSeedTracking) await this.#capture(writer, 'seeds')
    return seeds
  }

  /** Capture the environment again, in the place of the capture of the start. */
  async captureEnvironment(): Promise<Captured> {
    return this.#capture(this.#running('captureEnvironment'), 'environment')
  }

  /** Capture the state of the git work tree again, in the place of the capture of the start. */
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
  logMetric(name: string, value: number, options: MetricOptions = {}): void {
    const { event, time } = metricEvent(name, value, options)
    this.#running('logMetric').append(event, time)
  }

  /** Log one value each of several metrics: all of them, or none where one is wrong. */
  logMetrics(values: Readonly<Record<string, number>>, options: MetricOptions = {}): void {
    const writer = this.#running('logMetrics')
    // All are checked before the first is appended.
    const events = Object.entries(values).map(([name, value]) => metricEvent(name, value, options))
    for (const { event, time } of events) writer.append(event, time)
  }

  /** Log the digest of a state; digests are appended in the order of the calls. */
  async logDigest(name: string, value: DigestSource, options: DigestOptions = {}): Promise<Digest> {
    const writer = this.#running('logDigest')
    checkDigestLabel(name, options)
    // It can fail before its turn to be appended comes.
    const digest = ignoreRejection(
      digestOf(name, value, writer.configuration.algorithm, this.#settings.signal),
    )
    const logged = writer.exclusive(async () => {
      writer.append(digestEvent(name, await digest, options))
      return digest
    })
    return this.#trackPending(logged)
  }

  /** Add entries to the metadata; one of a key that exists replaces it. */
  addMetadata(values: Readonly<Record<string, unknown>>): void {
    this.#append('addMetadata', { type: 'metadata', values: copyAsJson(values, 'metadata') })
  }

  /** Add tags; one that exists stays as it is. */
  addTags(tags: readonly string[]): void {
    this.#append('addTags', { type: 'tags', tags: tags.map((tag) => checkText(tag, 'a tag')) })
  }

  /** Replace the notes. */
  setNotes(notes: string): void {
    this.#append('setNotes', { type: 'notes', notes: checkText(notes, 'notes', { empty: true }) })
  }

  /** Add what Python programs of the wrapped command reported of their seeds to the capture of the seeds. */
  recordPythonSeeds(python: PythonSeeds): void {
    amendSeeds(this.#running('recordPythonSeeds'), { python })
  }

  /** Record how the wrapped command ended. */
  recordCommandEnd(end: Omit<CommandEndEvent, 'type'>): void {
    this.#append('recordCommandEnd', { type: 'command', ...end })
  }

  /** Record a plain sentence about what is not as it should be. */
  recordWarning(message: string): void {
    this.#append('recordWarning', { type: 'warning', message })
  }

  /** Mark the run as failed; `finish` then records it so. */
  fail(error: unknown): void {
    this.#append('fail', { type: 'failure', failure: failureOf(error) })
  }

  /** Sample the machine and the tree of a process from now on, where `systemMetrics` asks for it. */
  sampleSystem(root: number): void {
    const writer = this.#running('sampleSystem')
    const { systemMetrics } = writer.configuration
    if (systemMetrics !== false) this.#sampler ??= sampleInto(writer, { ...systemMetrics, root })
  }

  /** Return the run in short; after the end the same as `finish` returned. */
  summary(): ExperimentSummary {
    return this.#state.phase === 'ended' ? this.#state.summary : summaryOf(this.#started())
  }

  /** Resolve when everything recorded so far is on disk. */
  async flush(): Promise<void> {
    if (this.#state.phase === 'ended') return
    await this.#running('flush').flush()
  }

  /** Check what the run recorded against the present. */
  async verify(options: Omit<VerifyOptions, 'trackers' | 'signal'>): Promise<Verification> {
    await this.flush()
    const { folder, configuration } = this.#started()
    const { signal, command } = this.#settings
    return verifyRun(await readRun(folder), {
      command: command?.argv ?? process.argv,
      directory: this.#directory,
      ...options,
      trackers: configuration.trackers,
      signal,
    })
  }

  /**
   * Wait for what is under way, write the record and seal it.
   *
   * @param status @default `failed` after `fail`, else `finished`
   */
  async finish(status?: EndStatus): Promise<ExperimentSummary> {
    const writer = this.#running('finishExperiment')
    this.#state = { phase: 'finishing', writer }
    const { signal } = this.#settings
    // Git reads the status of the work tree while the rest comes to its end.
    const workTree = beginUndeclared(writer, signal)
    // Their callers get their errors; what became of them is in the state.
    await Promise.allSettled(this.#pending)
    await this.#sampler?.stop()
    let summary: ExperimentSummary | undefined
    try {
      const undeclared = findUndeclared(writer, workTree, signal)
      await flagInputs(writer)
      flagUndeclared(writer, await undeclared)
      const record = await writer.end(
        status ?? (writer.state.failure === null ? 'finished' : 'failed'),
        signal,
      )
      summary = summarize(record, writer.folder)
      await writer.export(record)
      return summary
    } finally {
      this.#state = { phase: 'ended', writer, summary: summary ?? summaryOf(writer) }
    }
  }

  #append(call: string, event: EventBody): void {
    this.#running(call).append(event)
  }

  /** Have the end of the run wait for some work. */
  #trackPending<T>(work: Promise<T>): Promise<T> {
    this.#pending.add(work)
    const forget = (): void => void this.#pending.delete(work)
    work.then(forget, forget)
    return work
  }

  /** Return the writer of a run that goes on. @throws ERR_LINEAPRINT_STATE if none does. */
  #running(call: string): RunWriter {
    if (this.#state.phase === 'running') return this.#state.writer
    throw wrongState(this.#state, call, 'a call between startExperiment and finishExperiment')
  }

  /** Return the writer of a run that goes on or has ended. @throws ERR_LINEAPRINT_STATE before the start. */
  #started(): RunWriter {
    if ('writer' in this.#state) return this.#state.writer
    throw notStarted()
  }
}

/** The public method that tracks one kind of thing: `trackDataset`. */
function callOf({ noun }: Pick<Kind<never, object>, 'noun'>): string {
  return `track${noun.charAt(0).toUpperCase()}${noun.slice(1)}`
}

function summaryOf(writer: RunWriter): ExperimentSummary {
  return summarize(toRecord(writer.state), writer.folder)
}
