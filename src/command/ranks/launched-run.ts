/** The run that the first rank of a launch makes on its machine, from its announcement to the end of the last rank. */
import { reasonOf } from '../../record/failure.ts'
import { storeOf } from '../../store/store.ts'
import { launchRecord } from './launch.ts'
import { Ranks } from './leader.ts'
import { Announcement } from './meeting.ts'
import type { Declared } from '../declared.ts'
import type { MetricFiles } from '../../tracking/metric-files/metric-files.ts'
import type { Recorder } from '../../tracking/recorder.ts'
import type { ProcessEnd } from '../process.ts'
import type { Launch } from './launch.ts'

const NOTHING: Declared = { datasets: [], models: [], outputs: [], metricFiles: [] }

/** The run of a launch. A fault of it is a warning: the other ranks make runs of their own then. */
export class LaunchedRun {
  readonly ranks: Ranks
  readonly #launch: Launch
  readonly #recorder: Recorder
  readonly #announcement: Announcement | undefined

  private constructor(
    launch: Launch,
    recorder: Recorder,
    metricFiles: MetricFiles,
    declared: Declared,
    announcement: Announcement | undefined,
  ) {
    this.ranks = new Ranks(launch, recorder, metricFiles, declared)
    this.#launch = launch
    this.#recorder = recorder
    this.#announcement = announcement
  }

  /** Return the run of a rank that no other one joins. */
  static alone(launch: Launch, recorder: Recorder, metricFiles: MetricFiles): LaunchedRun {
    return new LaunchedRun({ ...launch, localSize: 1 }, recorder, metricFiles, NOTHING, undefined)
  }

  /** Announce the run, which has started, to the other ranks. */
  static async announce(
    launch: Launch,
    recorder: Recorder,
    metricFiles: MetricFiles,
    declared: Declared = NOTHING,
  ): Promise<LaunchedRun> {
    let announcement: Announcement | undefined
    try {
      announcement = await Announcement.make(storeOf(recorder.runDirectory).root, launch)
    } catch (error) {
      recorder.recordWarning(`other ranks cannot join the run: ${reasonOf(error)}`)
    }
    return new LaunchedRun(launch, recorder, metricFiles, declared, announcement)
  }

  /**
   * Let other ranks join.
   *
   * @param variables Those by which programs find the bridge.
   */
  async open(variables: Readonly<Record<string, string>>): Promise<void> {
    const { LINEAPRINT_BRIDGE: socket = '', LINEAPRINT_SCRATCH: scratch = '' } = variables
    // Without a socket nobody can join, so nobody waits for one.
    if (socket === '') return this.close()
    this.ranks.open(scratch)
    try {
      await this.#announcement?.open(socket)
    } catch (error) {
      this.#recorder.recordWarning(`other ranks cannot join the run: ${reasonOf(error)}`)
    }
  }

  /**
   * Wait for the other ranks, and record the end of this one.
   *
   * @param end The end of the command; `undefined` if it was not started.
   * @param signal Stops waiting.
   */
  async settle(end: ProcessEnd | undefined, signal: AbortSignal): Promise<void> {
    try {
      await this.ranks.settle(end?.exit, signal)
      if (end !== undefined) this.#recordOwnEnd(end)
    } catch {
      // Only a journal that cannot be written, which fails the end of the run as well.
    }
    await this.close()
  }

  /** Announce that the run takes no more ranks. */
  async close(): Promise<void> {
    try {
      await this.#announcement?.close()
    } catch (error) {
      if (this.#recorder.isRunning)
        this.#recorder.recordWarning(`other ranks may wait for this run: ${reasonOf(error)}`)
    }
  }

  #recordOwnEnd({ exit, durationMs }: ProcessEnd): void {
    const [own] = launchRecord(this.#launch).ranks
    if (own === undefined) return
    this.#recorder.recordRank({
      ...own,
      status: 'ended',
      exitCode: exit.kind === 'exited' ? exit.code : null,
      signal: exit.kind === 'signalled' ? exit.signal : null,
      durationMs,
    })
  }
}
