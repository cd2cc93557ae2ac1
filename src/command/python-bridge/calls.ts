/** Execution of the messages that programs send. */
import { LineaprintError } from '../../core/errors.ts'
import { OWN_SOURCE } from '../../record/record.ts'
import { reasonOf } from '../../record/failure.ts'
import { existedBeforeRun } from '../../tracking/changes/flags.ts'
import { KINDS, datasetKind, describeModel, modelKind } from '../../tracking/inputs.ts'
import { checkName, copyAsJson } from '../../json/copy.ts'
import { readTransferredArray, transferredPath } from './file-transfer.ts'
import { LISTED } from './programs.ts'
import { sourceOf } from './reported.ts'
import { recordParameter } from './reporters.ts'
import { checkGenerators } from './states.ts'
import { checkStated } from '../../dataset/stated.ts'
import type { DatasetReport } from '../../dataset/read.ts'
import type { JsonObject } from '../../core/json-value.ts'
import type { ModelReport } from '../../model/read.ts'
import type { HashOptions } from '../../core/options.ts'
import type { Kind } from '../../tracking/inputs.ts'
import type { ReportedBy } from '../../record/record.ts'
import type { Recorder } from '../../tracking/recorder.ts'
import type { Ranks } from '../ranks/leader.ts'
import type { Cells } from './cells.ts'
import type { Interpreters } from './interpreters.ts'
import type { Message, MessageOf } from './messages.ts'
import type { RecordedNumber } from '../../json/special-floats.ts'
import type { Program, Programs } from './programs.ts'
import type { Reporters } from './reporters.ts'
import type { ReportedMetrics, Reporter } from './reported.ts'
import type { Moment, SavedState, StateFiles } from './states.ts'

/** The state that calls work on. */
export interface Session {
  readonly recorder: Recorder
  readonly programs: Programs
  readonly interpreters: Pick<Interpreters, 'take'>
  readonly reporters: Reporters
  /** The other ranks of a launch; absent if the run takes none. */
  readonly ranks?: Ranks | undefined
  readonly states: StateFiles
  readonly cells: Cells
  readonly reported: ReportedMetrics
  /** Folder for transferred files. */
  readonly scratch: string
  /** Record a warning about a program, once. */
  readonly warn: (sentence: string) => void
  /** Called when a program reports the end of its run; absent if the run ends with its command. */
  readonly onEnd?: ((end: MessageOf<'end'>) => void) | undefined
}

/** The answer to a message; null if it needs none. */
type Answer = JsonObject | null

/**
 * Execute a message. A message that only waits for the disk needs no action here.
 *
 * @param program The sender; a greeting comes first.
 * @throws The errors of tracking; the program gets them as the answer.
 */
export async function answer(message: Message, program: Program, session: Session): Promise<Answer> {
  const { recorder, programs, warn } = session
  switch (message.call) {
    case 'checkpoint':
      return saveCheckpoint(message, program, session)
    case 'dataset':
      return trackDataset(message, program, session)
    case 'model':
      return trackModel(message, program, session)
    case 'output':
      return track(session, program, KINDS.output, message.path, message.name, message.keep)
    case 'derive':
      await derive(message, programs.announce(program, recorder), recorder)
      break
    case 'order':
      await logOrder(message, programs.announce(program, recorder), recorder)
      break
    case 'digest':
      return logDigest(message, program, session)
    case 'state':
      await saveState(message, program, session)
      break
    case 'seeds':
      programs.report(program, message)
      break
    case 'loader':
      programs.addLoader(program, message)
      break
    case 'inherited':
      programs.inherit(program, message)
      break
    case 'execution':
      program.execution = message
      break
    case 'problem':
      warn(`Python ${program.hello.version}: ${reasonOf(message.message)}`)
      break
    case 'metrics':
      for (const [name, value] of message.values)
        logMetric(session, program, undefined, [name, value, message.step])
      break
    case 'reported': {
      const reporter = { library: message.source, instance: message.instance }
      if (recorder.configuration.reported.metrics)
        for (const entry of message.values)
          attempt(entry[0], session, () => logMetric(session, program, reporter, entry))
      break
    }
    case 'parameters':
      recordParameters(message, program, session)
      break
    case 'parameter':
      recordParameter(message, programs.announce(program, recorder), recorder)
      break
    case 'metadata':
      recorder.addMetadata(message.values, programs.announce(program, recorder))
      break
    case 'tags':
      recorder.addTags(message.tags)
      break
    case 'expect':
      await expect(message, programs.announce(program, recorder), recorder)
      break
    case 'bye':
      program.end = { script: message.script, at: performance.now() }
      break
    case 'notes':
      recorder.setNotes(message.notes)
      break
    case 'cell':
      await session.cells.add(program.number, message)
      break
    case 'end':
      session.onEnd?.(message)
      break
    case 'hello':
    case 'reporter':
    case 'join':
    case 'leave':
    case 'flush':
      break
  }
  return null
}

/** Record a value, unless another source reported the same one. */
function logMetric(
  { recorder, programs, reported, warn }: Session,
  program: Program,
  reporter: Reporter | undefined,
  [name, value, step]: readonly [name: string, value: RecordedNumber, step?: number | undefined],
): void {
  const process = programs.announce(program, recorder)
  const { source, values, missing = 0 } = reported.take(process, name, reporter, value, step)
  for (const entry of values) recorder.logMetric(name, entry.value, { step: entry.step }, { process, source })
  if (missing > 0)
    warn(
      `the metric ${JSON.stringify(name)} of ${source ?? OWN_SOURCE} has values of its own after ${missing + values.length - 1} that another source had as well; the first ${missing} of these are only there`,
    )
}

function recordParameters(
  { source: library, instance, values }: MessageOf<'parameters'>,
  program: Program,
  session: Session,
): void {
  const { recorder, programs } = session
  if (!recorder.configuration.reported.parameters) return
  const process = programs.announce(program, recorder)
  const source = sourceOf({ library, instance })
  for (const [name, value] of values)
    attempt(name, session, () => {
      const { value: copied = null } = copyAsJson({ value }, 'the parameter')
      recorder.recordParameter({ name: checkName(name, 'the name'), value: copied, source, process })
    })
}

/** Record one of several values. If it cannot be recorded, the others still are: nobody waits for an error. */
function attempt(name: string, { warn }: Session, work: () => void): void {
  try {
    work()
  } catch (error) {
    // A run that cannot be written takes no other value either.
    if (!LineaprintError.is(error) || error.code !== 'ERR_LINEAPRINT_ARGUMENT') throw error
    warn(
      `${JSON.stringify(name.slice(0, 100))}, as a program reported it, was not recorded: ${reasonOf(error)}`,
    )
  }
}

/**
 * Save the generator states of a program. Child processes that a library starts are short-lived, and save
 * only with `checkpoint`.
 */
async function saveState(
  { at, generators }: MessageOf<'state'>,
  program: Program,
  session: Session,
): Promise<void> {
  const { recorder, states } = session
  if (!recorder.configuration.enableSeedTracking || program.hello.kind !== 'program') return
  if (program.number > LISTED) return
  const checked = checkGenerators(generators)
  // Libraries are loaded one after another, and each reports its own start.
  program.start = at === 'start' ? { ...program.start, ...checked } : program.start
  const content = at === 'start' ? program.start : checked
  program.files.add(await states.write(savedState(program, { kind: at }, content)))
}

async function saveCheckpoint(
  { name, generators }: MessageOf<'checkpoint'>,
  program: Program,
  { recorder, states }: Session,
): Promise<Answer> {
  if (!recorder.configuration.enableSeedTracking) return null
  if (name === 'start' || name === 'end') {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this checkpoint name is reserved', {
      field: 'name',
      expected: 'another name',
      received: name,
    })
  }
  const checked = checkGenerators(generators)
  const file = await states.write(savedState(program, { kind: 'checkpoint', name }, checked))
  program.files.add(file)
  return { file, generators: Object.keys(checked) }
}

function savedState(program: Program, moment: Moment, generators: JsonObject): SavedState {
  const { number, hello, report } = program
  const seed = report?.seed ?? hello.seed
  return { moment, program: number, seed, version: hello.version, generators }
}

async function trackDataset(
  message: MessageOf<'dataset'>,
  program: Program,
  session: Session,
): Promise<Answer> {
  const { name, path, dtype, shape, parts, options: own } = message
  if (path !== undefined) return track(session, program, datasetKind(own), path, name)
  const { table: _table, ...given } = own ?? {}
  const stated = checkStated(given)
  if (parts !== undefined) {
    const files: string[] = []
    for (const part of parts) files.push(await transferredPath(part, program.hello.pid, session.scratch))
    const kind: Kind<InMemory, DatasetReport> = {
      ...KINDS.dataset,
      tables: false,
      read: async (_, options, { datasets }) => {
        const { readTransferredParts } = await import('./dataset-parts.ts')
        const read = readTransferredParts(parts, files, { ...options, statistics: datasets.statistics })
        return { ...(await withName(files[0] ?? '', name, read)), ...(stated && { stated }) }
      },
    }
    return track(session, program, kind, IN_MEMORY, name)
  }
  const file = await transferredPath(message, program.hello.pid, session.scratch)
  if (dtype === undefined || shape === undefined) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the message lacks dtype and shape')
  }
  const read = async (_: unknown, options: HashOptions): Promise<DatasetReport> => {
    const { data: _data, ...array } = await withName(
      file,
      name,
      readTransferredArray(file, dtype, shape, options),
    )
    return { kind: 'array', ...array, ...(stated && { stated }), warnings: [] }
  }
  return track(session, program, { ...KINDS.dataset, tables: false, read }, IN_MEMORY, name)
}

async function trackModel(message: MessageOf<'model'>, program: Program, session: Session): Promise<Answer> {
  const { name, path, base, config, remarks = [], warnings = [], ignored = [], ignoredCount = 0 } = message
  if (path !== undefined) return track(session, program, modelKind({ base }), path, name)
  const file = await transferredPath(message, program.hello.pid, session.scratch)
  const kind: Kind<InMemory, Omit<ModelReport, 'path'>> = {
    ...KINDS.model,
    read: async (_, options) => {
      const { readModelWith, withoutFiles } = await import('./model-files.ts')
      const report = withoutFiles(await withName(file, name, readModelWith(file, options, config)))
      return { ...report, warnings: [...report.warnings, ...warnings] }
    },
    describe: async (given, ...rest) => {
      const { files: _, ...report } = given
      const described = await describeModel(report, ...rest)
      return {
        ...described,
        ...(remarks.length > 0 && { remarks }),
        ...(ignoredCount > 0 && { ignored, ignoredCount }),
      }
    },
  }
  return track(session, program, kind, IN_MEMORY, name)
}

async function derive(
  { name, from, step, params, code }: MessageOf<'derive'>,
  process: number,
  recorder: Recorder,
): Promise<void> {
  await recorder.derive(name, { from, step, params, code }, process)
}

async function logOrder({ values }: MessageOf<'order'>, process: number, recorder: Recorder): Promise<void> {
  for (const [name, digest, step] of values)
    await recorder.logDigest(name, `sha256:${digest}`, { step }, process)
}

/** A source that a program transfers from memory. It has no lasting path. */
interface InMemory {
  readonly kind: 'in-memory'
}

const IN_MEMORY: InMemory = { kind: 'in-memory' }

async function logDigest(
  message: MessageOf<'digest'>,
  program: Program,
  { recorder, programs, scratch }: Session,
): Promise<Answer> {
  const { name, step, dtype, shape } = message
  const file = await transferredPath(message, program.hello.pid, scratch)
  const { algorithm } = recorder.configuration
  const { digest } = await withName(file, name, readTransferredArray(file, dtype, shape, { algorithm }))
  await recorder.logDigest(name, digest, { step }, programs.announce(program, recorder))
  return { digest: digest.toString() }
}

/**
 * Do the work on a file. In an error about the file, replace its path by the name: the program does not know
 * the path.
 */
async function withName<T>(path: string, name: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (!LineaprintError.is(cause) || cause.path !== path) throw cause
    throw new LineaprintError(cause.code, reasonOf(cause).replaceAll(path, JSON.stringify(name)), { cause })
  }
}

/** The parts of a report that stay in the run, and the path. */
interface ListedReport {
  readonly tensors?: unknown
  readonly folder?: unknown
  readonly stableFields?: unknown
  readonly contents?: unknown
  readonly path?: string
}

/** Track an item, record which program reported it, and return the report. */
async function track<S, R extends object>(
  { recorder, programs }: Session,
  program: Program,
  kind: Kind<S, R>,
  source: S,
  name: string,
  keep?: boolean,
): Promise<Answer> {
  const { hello, number } = program
  const reported: Kind<S, R> = {
    ...kind,
    describe: async (report, called, writer) => {
      const described = await kind.describe(report, called, writer)
      const { path } = described
      // A file may be an input or an output of the program. For data in memory this is unknown.
      const existed = typeof path === 'string' ? await existedBeforeRun(writer, path) : undefined
      const reportedBy: ReportedBy = {
        language: 'python',
        program: number,
        pid: hello.pid,
        ...(existed !== undefined && { existed }),
      }
      return { ...described, reportedBy }
    },
  }
  const report = await recorder.track(reported, source, name, programs.announce(program, recorder), keep)
  if (report === undefined) return null
  const {
    tensors: _,
    folder: __,
    stableFields: ___,
    contents: ____,
    path,
    ...rest
  } = report as R & ListedReport
  return { ...copyAsJson(rest, 'the report'), ...(path !== undefined && { path }) }
}

/** Begin to read files with metrics. One that cannot be one is a warning: the program goes on. */
async function expect(
  { metricFiles, autoOutputs }: MessageOf<'expect'>,
  process: number,
  recorder: Recorder,
): Promise<void> {
  if (autoOutputs) recorder.expectModelFiles()
  for (const path of metricFiles) await recorder.metricFiles.add(recorder.metricFiles.sourceOf(path), process)
}
