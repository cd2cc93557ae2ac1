/** The writer of one run: its folder, its journal, and the state that its events add up to. */
import { join } from 'node:path'
import { exportNames, exportRun } from '../export/files.ts'
import { sweepAbandoned } from '../store/abandoned.ts'
import { addMadeHere } from '../store/made-here.ts'
import { GROUP_MODES, OWNER_MODES, modesIn } from '../util/modes.ts'
import { writeAtomic } from '../util/fs.ts'
import { checkRunId, isRunId, newRunId } from '../core/run-id.ts'
import { Journal } from '../store/journal.ts'
import { thisProcess } from '../util/process-identity.ts'
import { RUN_SCHEMA } from '../record/record.ts'
import { formatRecord, sealRecord } from '../record/seal.ts'
import { applyEvent, initialState, liveKey, toRecord } from '../record/state.ts'
import { JOURNAL_FILE, RECORD_FILE, createRun, removeRun, storeIn } from '../store/store.ts'
import { VERSION } from '../core/version.ts'
import { describeConfiguration } from '../config/options.ts'
import { ColumnWriter } from '../store/metrics/column-writer.ts'
import { describeFiles } from '../store/run-files.ts'
import { prepareOutputs } from '../export/live/outputs.ts'
import { InputSnapshots } from './changes/input-snapshots.ts'
import { Redaction } from './redaction.ts'
import type { OutputContext, Outputs } from '../export/live/outputs.ts'
import type { RunId } from '../core/run-id.ts'
import type { RunStream } from '../transfer/stream.ts'
import type { RunSource } from '../export/source.ts'
import type { EventBody } from '../record/events.ts'
import type { LaunchRecord, RunRecord, RunStatus } from '../record/record.ts'
import type { Modes } from '../util/modes.ts'
import type { RunState } from '../record/state.ts'
import type { Store } from '../store/store.ts'
import type { Configuration } from '../config/options.ts'

/** The options of a writer, in addition to its configuration. */
export interface RunWriterOptions {
  /** Absolute path of the working folder of the run. */
  readonly directory: string
  /** The wrapped command; absent for a program that uses the tracker. */
  readonly command?: readonly string[] | undefined
  /** True if the command line starts the same work again. */
  readonly isRepeatable: boolean
  /** The launch of which the command is the first rank on this machine. */
  readonly launch?: LaunchRecord | undefined
  /** Id of the run that this one continues. */
  readonly continues?: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** The status with which a run ends. */
export type EndStatus = Extract<RunStatus, 'finished' | 'failed' | 'killed'>

/** The writer of a run, from its first record to its last. */
export class RunWriter {
  readonly store: Store
  readonly configuration: Configuration
  /** Absolute path of the run's folder. */
  readonly folder: string
  readonly directory: string
  /** The state as it was given, for the work of the tracker. */
  readonly state: RunState
  /** The same without secrets: the record. */
  readonly recorded: RunState
  readonly redaction: Redaction
  /** The state of inputs and outputs before they were used. */
  readonly snapshots: InputSnapshots = new InputSnapshots()
  readonly #journal: Journal
  readonly #columns: ColumnWriter
  readonly #started: number
  /** Resolves when abandoned runs were cleaned up. Only the end of the run awaits it. */
  readonly #swept: Promise<void>
  readonly #outputs: Outputs
  #stream: Stream | undefined
  /** For each name without its number, in lower case, how often it was reserved. */
  readonly #reserved = new Map<string, number>()
  #commits: Promise<unknown> = Promise.resolve()

  private constructor(
    store: Store,
    configuration: Configuration,
    folder: string,
    { start, redaction }: FirstRecord,
    journal: Journal,
    startOutputs: (context: OutputContext) => Outputs,
  ) {
    this.store = store
    this.configuration = configuration
    this.folder = folder
    this.directory = start.command.workingDirectory
    this.state = initialState(start)
    this.redaction = redaction
    this.recorded = redaction.isOn ? initialState(redaction.record(start)) : this.state
    this.#journal = journal
    this.#columns = new ColumnWriter(folder)
    this.#started = performance.now()
    this.#swept = sweepAbandoned(store.runs)
    this.#outputs = startOutputs({
      record: () => toRecord(this.recorded),
      keyOf: (event) => liveKey(this.recorded, event),
      store: store.root,
    })
  }

  /**
   * Create the folder with a first record of status `running`, and the journal.
   *
   * @throws ERR_LINEAPRINT_STORE if the store cannot be written, ERR_LINEAPRINT_RUN if the ID is taken.
   */
  static async start(configuration: Configuration, options: RunWriterOptions): Promise<RunWriter> {
    const store = storeIn(configuration.outputDir)
    // Invalid outputs are rejected before anything of the run is created.
    const redaction = new Redaction(configuration)
    const startOutputs = await prepareOutputs(redaction.outputs(configuration), options.environment)
    const startStream = await prepareStream(configuration, options.environment)
    const start = firstRecord(configuration, options)
    redaction.checkId(start.id)
    const folder = await createRun(store, redaction.record(start), modesFor(configuration.storeAccess))
    const journal = await createJournal(folder)
    const first = { start, redaction }
    const writer = new RunWriter(store, configuration, folder, first, journal, startOutputs)
    writer.append({ type: 'started', id: start.id, name: start.name })
    writer.#stream = startStream?.(start.id, folder)
    return writer
  }

  /**
   * Append an event to the journal and the state. The caller does not wait for the disk.
   *
   * @throws ERR_LINEAPRINT_STORE if an earlier event could not be written.
   */
  append(event: EventBody, time?: string): void {
    const recorded = this.redaction.event(event)
    const { time: at } = this.#journal.append(recorded, time)
    applyEvent(this.recorded, recorded)
    if (recorded.type === 'metric') this.#columns.add(recorded, at)
    if (this.state !== this.recorded) applyEvent(this.state, event)
    this.#outputs.take(recorded, at)
  }

  /** Resolve when everything appended so far is on disk. */
  flush(): Promise<void> {
    return this.#journal.flush()
  }

  /**
   * Reserve a path below the folder of the run, with `/`. Two names can denote the same file on a
   * case-insensitive file system, so the second one gets a number.
   */
  reserveFile(folder: string, stem: string, extension: string): string {
    let path: string
    let key: string
    let number = this.#reserved.get(`${folder}/${stem}`.toLowerCase()) ?? 0
    do {
      number++
      path = `${folder}/${stem}${number === 1 ? '' : `-${number}`}`
      key = path.toLowerCase()
      // A name that ends in a number itself may have this path already.
    } while (number > 1 && this.#reserved.has(key))
    this.#reserved.set(`${folder}/${stem}`.toLowerCase(), number)
    if (number > 1) this.#reserved.set(key, 1)
    return `${path}${extension}`
  }

  /** Run steps that read the state and then change it, one at a time. */
  exclusive<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#commits.then(step)
    this.#commits = result.catch(() => undefined)
    return result
  }

  /**
   * Close the journal, list the files, write the sealed record and end the outputs. A failure of an output
   * becomes a warning of the record, which is then written a second time.
   *
   * @param signal Ends the outputs immediately, and nothing else.
   */
  async end(status: EndStatus, signal?: AbortSignal): Promise<RunRecord> {
    try {
      const record = await this.#end(status, signal)
      await addMadeHere(record)
      await this.#swept
      return record
    } finally {
      this.#outputs.stop()
    }
  }

  async #end(status: EndStatus, signal: AbortSignal | undefined): Promise<RunRecord> {
    try {
      this.append({ type: 'ended', status })
    } finally {
      await this.#journal.close()
    }
    const ending = {
      status,
      finishedAt: new Date().toISOString(),
      durationMs: Math.round(performance.now() - this.#started),
    }
    const { folder, recorded: state } = this
    const unwritten = this.#columns.finish()
    const { files, warnings } = await describeFiles(folder, exportNames(this.configuration))
    const all = [...state.warnings, ...unwritten, ...warnings]
    const seal = async (more: readonly string[]): Promise<RunSource> => {
      all.push(...more.map((warning) => this.redaction.text(warning)))
      const record = sealRecord(toRecord(state, { ...ending, files, warnings: [...all] }))
      const text = formatRecord(record)
      await writeAtomic(join(folder, RECORD_FILE), text, modesIn(folder).file)
      return { record, folder, recordBytes: Buffer.from(text) }
    }
    return this.#outputs.finish(await seal([]), seal, signal)
  }

  /**
   * Send the sealed run to the server of a team, if the configuration names one. The record says nothing of it: it is sent
   * as it was sealed.
   *
   * @returns Sentences about what the server does not have, and about its address.
   */
  async send(signal?: AbortSignal): Promise<readonly string[]> {
    const problem = await this.#stream?.finish(signal)
    return [this.#stream?.warning, problem].flatMap((sentence) =>
      sentence === undefined ? [] : [this.redaction.text(sentence)],
    )
  }

  /** Stop what is sent in the background, of a run that could not be ended. */
  stopSending(): void {
    this.#stream?.stop()
  }

  /** Write the copies of the record that the configuration requests. */
  async export(record: RunRecord): Promise<void> {
    await exportRun(record, this.folder, this.store.root, this.configuration, modesIn(this.folder).file)
  }
}

/** Sends a run while it goes on, and the rest at its end. */
type Stream = Pick<RunStream, 'finish' | 'stop' | 'warning'>

/** Return a function that begins to send a run; `undefined` without a server. */
async function prepareStream(
  { server, serverProject, serverTimeoutMs }: Configuration,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<((id: RunId, folder: string) => Stream) | undefined> {
  if (server === undefined) return undefined
  // Few runs have a server, and every run would wait for the imports.
  const { streamTarget } = await import('../transfer/target.ts')
  const { RunStream: OpenStream, unsentSentence } = await import('../transfer/stream.ts')
  const target = await streamTarget({ server, serverProject, serverTimeoutMs }, variables)
  if (!('problem' in target)) return (id, folder) => new OpenStream(target, id, folder)
  const { url, problem } = target
  return (id) => ({
    warning: undefined,
    finish: () => Promise.resolve(unsentSentence(id, { url, project: serverProject }, problem)),
    stop: () => undefined,
  })
}

function modesFor(access: Configuration['storeAccess']): Modes {
  return access === 'group' ? GROUP_MODES : OWNER_MODES
}

/** The first record, and what removes its secrets. */
interface FirstRecord {
  readonly start: RunRecord
  readonly redaction: Redaction
}

async function createJournal(folder: string): Promise<Journal> {
  try {
    return await Journal.create(join(folder, JOURNAL_FILE))
  } catch (error) {
    await removeRun(folder)
    throw error
  }
}

function firstRecord(
  configuration: Configuration,
  { directory, command, isRepeatable, launch, environment, continues }: RunWriterOptions,
): RunRecord {
  const start = new Date()
  const parent = environment['LINEAPRINT_RUN_ID']
  // A program inside a wrapped command reads the same configuration file, and would find its ID taken.
  const { experimentId } = configuration
  const ownId = experimentId === parent ? undefined : experimentId
  return {
    schema: RUN_SCHEMA,
    id: ownId === undefined ? newRunId(start) : checkRunId(ownId),
    name: configuration.experimentName,
    ...(configuration.runName !== undefined && { runName: configuration.runName }),
    status: 'running',
    startedAt: start.toISOString(),
    finishedAt: null,
    durationMs: null,
    lineaprint: VERSION,
    parent: parent !== undefined && isRunId(parent) ? parent : null,
    ...(continues !== undefined && { continues }),
    ...(launch !== undefined && { launch }),
    process: thisProcess(),
    command: {
      argv: command ?? process.argv,
      workingDirectory: directory,
      wrapped: command !== undefined && isRepeatable,
      exitCode: null,
      signal: null,
    },
    tags: configuration.tags,
    notes: configuration.notes,
    metadata: configuration.metadata,
    configuration: describeConfiguration(configuration),
    captures: {},
    datasets: {},
    models: {},
    tokenizers: {},
    outputs: {},
    metrics: {},
    failure: null,
    warnings: [],
    files: [],
    seal: null,
  }
}
