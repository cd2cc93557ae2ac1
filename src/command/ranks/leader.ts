/** The ranks of a launch that report to the run of the first rank on their machine. */
import { copyFile, lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { reasonOf } from '../../record/failure.ts'
import { KINDS, datasetKind } from '../../tracking/inputs.ts'
import { errorCode } from '../../util/fs.ts'
import { modesIn } from '../../util/modes.ts'
import { plural } from '../../util/plural.ts'
import { processOfRank } from '../python-bridge/reporters.ts'
import type { JsonObject } from '../../core/json-value.ts'
import type { RankRecord, StreamRecord } from '../../record/record.ts'
import type { MetricFiles } from '../../tracking/metric-files/metric-files.ts'
import type { Recorder } from '../../tracking/recorder.ts'
import type { Declared, NamedPath } from '../declared.ts'
import type { ProcessExit } from '../exit.ts'
import type { MessageOf } from '../python-bridge/messages.ts'
import type { Launch } from './launch.ts'

/** Milliseconds for which a run waits for ranks that have not come, from the moment when it takes ranks. */
export const ARRIVAL_MS = 10_000

/** Milliseconds for which a run whose own command failed waits for ranks: their launcher waits for this process. */
const FAILED_MS = 3000

/** Milliseconds between two polls of the ranks. */
const POLL_MS = 20

/** Largest number of ranks of one machine. */
const RANK_LIMIT = 4096

/** Names of the logs of a rank. */
const STREAMS = ['stdout', 'stderr'] as const

/** An output of another rank, which is digested when all have ended. */
export interface RankOutput extends NamedPath {
  readonly process: number
}

/** The other ranks of the run of a launch. */
export class Ranks {
  readonly #launch: Launch
  readonly #recorder: Recorder
  readonly #metricFiles: MetricFiles
  readonly #declared: Declared
  readonly #ranks = new Map<number, RankRecord>()
  readonly #outputs: RankOutput[] = []
  #scratch = ''
  #openedAt = performance.now()
  #isOpen = true

  constructor(launch: Launch, recorder: Recorder, metricFiles: MetricFiles, declared: Declared) {
    this.#launch = launch
    this.#recorder = recorder
    this.#metricFiles = metricFiles
    this.#declared = declared
  }

  /** Take ranks from now on. @param scratch A folder for their logs, which only this user can enter. */
  open(scratch: string): void {
    this.#scratch = scratch
    this.#openedAt = performance.now()
  }

  /** Outputs that only other ranks declared. */
  get outputs(): readonly RankOutput[] {
    return this.#outputs
  }

  /**
   * Take a rank into the run, and digest the inputs that only it declares.
   *
   * @returns What its wrapper needs.
   * @throws ERR_LINEAPRINT_STATE if it has joined already, or the run takes no more; the errors of tracking.
   */
  async join(message: MessageOf<'join'>): Promise<JsonObject> {
    const { rank, localRank, pid } = message
    const isTaken = rank === this.#launch.rank || this.#ranks.has(rank)
    if (!this.#isOpen || isTaken || this.#ranks.size >= RANK_LIMIT) {
      throw new LineaprintError('ERR_LINEAPRINT_STATE', `rank ${rank} cannot join the run`, {
        field: 'rank',
        expected: 'a rank that has not joined, before the run ends',
        received: isTaken ? 'one that has joined' : 'one more',
      })
    }
    this.#set({ rank, localRank, pid, status: 'running', exitCode: null, signal: null })
    const process = processOfRank(rank)
    try {
      await this.#track(message, process)
      const logs = join(this.#scratch, folderOf(rank))
      await mkdir(logs, { mode: 0o700 })
      const { id, runDirectory } = this.#recorder
      return { run: id, directory: runDirectory, scratch: this.#scratch, logs }
    } catch (error) {
      this.#set({ rank, localRank, pid, status: 'lost', exitCode: null, signal: null })
      throw error
    }
  }

  /** Record the end of a rank. */
  async leave(rank: number, message: MessageOf<'leave'>): Promise<void> {
    const { exitCode, signal, durationMs, warnings } = message
    const known = this.#ranks.get(rank)
    if (known === undefined || !this.#isOpen) return
    for (const warning of warnings) this.#recorder.recordWarning(`rank ${rank}: ${warning}`)
    const streams = Object.fromEntries(
      await Promise.all(
        STREAMS.map(async (name) => [name, await this.#keep(rank, name, message[name])] as const),
      ),
    )
    this.#set({ ...known, status: 'ended', exitCode, signal, durationMs, ...streams })
  }

  /** Record that the wrapper of a rank is gone. One that reported its end before has none to record. */
  async lose(rank: number): Promise<void> {
    const known = this.#ranks.get(rank)
    if (known?.status !== 'running' || !this.#isOpen) return
    this.#set({ ...known, status: 'lost', ...(await this.#remains(rank, 'its wrapper was killed')) })
  }

  /**
   * Wait for the other ranks when the command of this one has ended.
   *
   * A launcher may wait for this process before it ends the others, so they are not waited for after a failure.
   *
   * @param exit The end of the command; `undefined` if it was never started.
   * @param signal Stops waiting.
   */
  async settle(exit: ProcessExit | undefined, signal: AbortSignal): Promise<void> {
    const hasFailed = exit?.kind !== 'exited' || exit.code !== 0
    const limit = hasFailed ? performance.now() + FAILED_MS : Infinity
    const isDone = (): boolean => !this.#someRun() && (hasFailed || this.#areComplete())
    while (!isDone() && performance.now() < limit && !signal.aborted)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    const running = [...this.#ranks.values()].filter(({ status }) => status === 'running')
    for (const known of running) {
      const remains = await this.#remains(known.rank, 'the run ended before this rank')
      this.#set({ ...known, ...remains })
    }
    this.#isOpen = false
    if (running.length > 0) {
      const ranks = plural(running.length, 'rank')
      this.#recorder.recordWarning(
        `the run ended before ${ranks}: what ${running.length === 1 ? 'it' : 'they'} reported later is not recorded`,
      )
    }
  }

  /** Return why the run did not succeed, if that is because of another rank. */
  failure(): string | undefined {
    const failed = [...this.#ranks.values()]
      .toSorted((a, b) => a.rank - b.rank)
      .find(({ status, exitCode }) => status !== 'ended' || exitCode !== 0)
    if (failed === undefined) return undefined
    const { rank, status, exitCode, signal } = failed
    if (status === 'lost') return `the wrapper of rank ${rank} ended without a report`
    if (status === 'running') return `rank ${rank} had not ended`
    return signal === null
      ? `rank ${rank} ended with code ${exitCode}`
      : `rank ${rank} was ended by ${signal}`
  }

  #someRun(): boolean {
    return [...this.#ranks.values()].some(({ status }) => status === 'running')
  }

  /** Tell whether nobody else is expected: ranks start within seconds of each other. */
  #areComplete(): boolean {
    const { localSize } = this.#launch
    if (localSize === undefined || this.#ranks.size + 1 >= localSize) return true
    return performance.now() - this.#openedAt > ARRIVAL_MS
  }

  #set(rank: RankRecord): void {
    this.#ranks.set(rank.rank, rank)
    if (this.#recorder.isRunning) this.#recorder.recordRank(rank)
  }

  /** Digest the inputs that only this rank declares, and announce such outputs. */
  async #track(message: MessageOf<'join'>, process: number): Promise<void> {
    const recorder = this.#recorder
    const datasets = others(message.datasets, this.#declared.datasets)
    const models = others(message.models, this.#declared.models)
    const outputs = others(message.outputs, this.#declared.outputs)
    const metricFiles = message.metricFiles.filter((path) => !this.#declared.metricFiles.includes(path))
    if (datasets.length + models.length + outputs.length + metricFiles.length === 0) return
    recorder.recordProcess({ number: process, pid: message.pid, rank: message.rank })
    for (const { name, path, options } of datasets)
      await recorder.track(datasetKind(options), path, name, process)
    for (const { name, path } of models) await recorder.track(KINDS.model, path, name, process)
    for (const path of metricFiles) await this.#metricFiles.add(path, process)
    for (const output of outputs) {
      await recorder.expectOutput(output.path, output.name)
      this.#outputs.push({ ...output, process })
    }
  }

  async #keep(rank: number, name: (typeof STREAMS)[number], stream: StreamRecord): Promise<StreamRecord> {
    if (stream.status !== 'captured') return stream
    try {
      return { ...stream, file: await this.#copy(rank, `${name}.log`) }
    } catch (error) {
      return { status: 'not-captured', reason: `its log could not be kept: ${reasonOf(error)}` }
    }
  }

  /** Keep what a rank without a report has left, as its logs are at this moment. */
  async #remains(rank: number, why: string): Promise<Pick<RankRecord, (typeof STREAMS)[number]>> {
    const entries = await Promise.all(
      STREAMS.map(async (name): Promise<[string, StreamRecord]> => {
        const reason = await this.#copy(rank, `${name}.log`).then(
          (file) => `${why}; what was kept until then is in ${file}`,
          () => why,
        )
        return [name, { status: 'not-captured', reason }]
      }),
    )
    return Object.fromEntries(entries)
  }

  /** Copy a log into the folder of the run. Its wrapper may still write the original, and not the copy. */
  async #copy(rank: number, name: string): Promise<string> {
    const source = join(this.#scratch, folderOf(rank), name)
    if (!(await lstat(source)).isFile()) throw new Error('it is not a file')
    const { runDirectory } = this.#recorder
    const parts = ['ranks', folderOf(rank)]
    let folder = runDirectory
    for (const part of parts) {
      folder = join(folder, part)
      await mkdir(folder, { mode: modesIn(runDirectory).folder }).catch((error: unknown) => {
        if (errorCode(error) !== 'EEXIST') throw error
      })
    }
    await copyFile(source, join(folder, name))
    return [...parts, name].join('/')
  }
}

function folderOf(rank: number): string {
  return `rank-${rank}`
}

/** Return the paths that the first rank does not declare under the same name. */
function others<P extends NamedPath>(given: readonly P[], declared: readonly NamedPath[]): readonly P[] {
  return given.filter(
    ({ name, path }) => !declared.some((other) => other.name === name && other.path === path),
  )
}
