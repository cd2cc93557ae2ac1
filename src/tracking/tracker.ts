/** The tracker: the start of a run, what it is told by its parts, and the record that becomes of it. */
import { readRun } from '../store/runs.ts'
import { toRecord } from '../record/state.ts'
import { captureAtStart } from './captures.ts'
import { resolveConfiguration } from '../config/sources.ts'
import { checkOptions } from '../config/options.ts'
import { failureOf } from '../record/failure.ts'
import { flagInputs } from './changes/flags.ts'
import { RunWriter } from './run-writer.ts'
import { summarize } from './summary.ts'
import { sampleInto } from './system-metrics/sampler.ts'
import { RunContents } from './tracker-contents.ts'
import { TrackerLife } from './tracker-life.ts'
import { beginUndeclared, findUndeclared, flagUndeclared } from './changes/undeclared.ts'
import { verifyRun } from '../verify/verify.ts'
import type { Configuration, ExperimentOptions } from '../config/options.ts'
import type { EndStatus } from './run-writer.ts'
import type { ExperimentSummary } from './summary.ts'
import type { SystemSampler } from './system-metrics/sampler.ts'
import type { TrackerSettings } from './tracker-life.ts'
import type { Verification, VerifyOptions } from '../verify/verify.ts'

export type { TrackerSettings } from './tracker-life.ts'

/**
 * Tracks one run. Make one, start it, say what goes in and comes out, finish it. Trackers of one process do
 * not know of each other.
 *
 * A process that ends without `finishExperiment` leaves a run that reads as `lost`, with everything that
 * `flush` acknowledged.
 */
export class ExperimentTracker extends RunContents {
  readonly #options: ExperimentOptions
  readonly #life: TrackerLife
  #summary: ExperimentSummary | undefined
  #sampler: SystemSampler | undefined
  #failed = false

  /**
   * @param options Of the experiment; they win over file and variables.
   * @throws ERR_LINEAPRINT_CONFIGURATION for options that are not usable.
   */
  constructor(options: ExperimentOptions = {}, settings: TrackerSettings = {}) {
    const life = new TrackerLife(settings)
    super(life)
    this.#life = life
    this.#options = checkOptions({
      label: 'the options of ExperimentTracker',
      options: { ...options },
      folder: life.directory,
    })
  }

  /** Id of the run. @throws ERR_LINEAPRINT_STATE before the start. */
  get id(): string {
    return this.#life.started().state.start.id
  }

  /** Absolute path of the run's folder. @throws ERR_LINEAPRINT_STATE before the start. */
  get runDirectory(): string {
    return this.#life.started().folder
  }

  /** Whether the run goes on: started and not yet finished. */
  get isRunning(): boolean {
    return this.#life.phase === 'running'
  }

  /** The options as all sources together make them. @throws ERR_LINEAPRINT_STATE before the start. */
  get configuration(): Configuration {
    return this.#life.started().configuration
  }

  /**
   * Resolves the configuration, makes the run's folder and captures environment, git and seeds. A capture that
   * fails is recorded as failed and does not stop the run.
   *
   * @returns Id of the run.
   * @throws ERR_LINEAPRINT_CONFIGURATION, ERR_LINEAPRINT_STORE, ERR_LINEAPRINT_RUN for an id that is taken.
   */
  async startExperiment(): Promise<string> {
    if (this.#life.phase !== 'new')
      throw this.#life.misplaced('startExperiment', 'before anything else, and once')
    this.#life.phase = 'starting'
    try {
      const {
        configurationFile: file,
        environment = process.env,
        defaults,
        optionsFromSources,
        command,
        commandStarted,
        signal,
      } = this.#life.settings
      const directory = this.#life.directory
      const sources = { directory, file, environment, defaults, optionsFromSources }
      const configuration = await resolveConfiguration(this.#options, sources)
      this.#life.writer = await RunWriter.start(configuration, { directory, command, environment })
      this.#life.phase = 'running'
      if (command === undefined) this.sampleSystem(process.pid)
      const { settled, done } = captureAtStart(this.#life.writer, signal, commandStarted)
      void this.#life.during(done)
      // A command does not wait for what is seen beside it as well; the end of its run does.
      await (command === undefined ? done : settled)
      return this.id
    } catch (error) {
      if (this.#life.writer === undefined) this.#life.phase = 'new'
      throw error
    }
  }

  /** Marks the run as failed; `finishExperiment` then records it so. */
  fail(error: unknown): void {
    this.#life.say('fail', { type: 'failure', failure: failureOf(error) })
    this.#failed = true
  }

  /** Looks at the machine and at a process from now on, where `systemMetrics` asks for it. */
  sampleSystem(root: number): void {
    const writer = this.#life.running('sampleSystem')
    const { systemMetrics } = writer.configuration
    if (systemMetrics !== false) this.#sampler ??= sampleInto(writer, { ...systemMetrics, root })
  }

  /** What is known up to now; after the end the same as `finishExperiment` returned. */
  getExperimentSummary(): ExperimentSummary {
    return this.#summary ?? summarize(toRecord(this.#life.started().state), this.#life.started().folder)
  }

  /**
   * Resolves when everything said so far is on disk and survives the death of this process and a loss of power.
   *
   * @throws ERR_LINEAPRINT_STORE if it could not be written.
   */
  async flush(): Promise<void> {
    if (this.#life.phase === 'ended') return
    await this.#life.running('flush').flush()
  }

  /** Checks what the run recorded against the present, the command of this process included; see `verifyRun`. */
  async verify(options: Omit<VerifyOptions, 'trackers' | 'signal'> = {}): Promise<Verification> {
    await this.flush()
    const { folder, configuration } = this.#life.started()
    const { signal, command = process.argv } = this.#life.settings
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
    const writer = this.#life.running('finishExperiment')
    this.#life.phase = 'finishing'
    const { signal } = this.#life.settings
    // Git looks at the work tree while the rest comes to its end.
    const look = beginUndeclared(writer, signal)
    // Their callers get their errors; what became of them is in the state.
    await Promise.allSettled(this.#life.pending)
    await this.#sampler?.stop()
    try {
      const undeclared = findUndeclared(writer, look, signal)
      await flagInputs(writer)
      flagUndeclared(writer, await undeclared)
      const ending = status ?? (this.#failed ? 'failed' : 'finished')
      const record = await writer.end(ending, signal)
      this.#summary = summarize(record, writer.folder)
      await writer.export(record)
      return this.#summary
    } finally {
      this.#life.phase = 'ended'
    }
  }

  /**
   * Starts the run, does the work and finishes the run, as failed if the work throws. The error is thrown on.
   *
   * @param work Gets the tracker.
   * @returns What the work returns.
   */
  async run<T>(work: (tracker: this) => Promise<T> | T): Promise<T> {
    if (this.#life.phase === 'new') await this.startExperiment()
    let result: T
    try {
      result = await work(this)
    } catch (error) {
      if (this.#life.phase === 'running') await this.#finishFailed(error)
      throw error
    }
    if (this.#life.phase === 'running') await this.finishExperiment()
    return result
  }

  /**
   * Finishes a run that goes on, for `await using`. An exception that ends the block does not reach this
   * method: call `fail` in a `catch`, or use `run`, to have it recorded.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#life.phase === 'running') await this.finishExperiment()
  }

  async #finishFailed(error: unknown): Promise<void> {
    try {
      this.fail(error)
      await this.finishExperiment()
    } catch (second) {
      throw new AggregateError([error, second], 'the work failed, and so did recording it', { cause: second })
    }
  }
}
