/** What is done about each message of a program. */
import { LineaprintError } from '../../core/errors.ts'
import { readModel } from '../../model/read.ts'
import { decodeFloat } from '../../json/special-floats.ts'
import { reasonOf } from '../../record/failure.ts'
import { wasBefore } from '../../tracking/changes/flags.ts'
import { KINDS } from '../../tracking/inputs.ts'
import { plainObject } from '../../json/copy.ts'
import { handedPath, readHandedArray } from './handed.ts'
import { LISTED } from './programs.ts'
import { checkGenerators } from './states.ts'
import type { DatasetReport } from '../../dataset/read.ts'
import type { JsonObject } from '../../core/json-value.ts'
import type { ModelReport } from '../../model/read.ts'
import type { HashOptions } from '../../core/options.ts'
import type { Kind } from '../../tracking/inputs.ts'
import type { ExperimentTracker } from '../../tracking/tracker.ts'
import type { Message, MessageOf } from './messages.ts'
import type { Program, Programs } from './programs.ts'
import type { SavedState, StateFiles } from './states.ts'

/** What calls work on. */
export interface Session {
  readonly tracker: ExperimentTracker
  readonly programs: Programs
  readonly states: StateFiles
  /** Folder for files that are handed over. */
  readonly scratch: string
  /** Records a warning about a program, once. */
  readonly warn: (sentence: string) => void
}

/** An answer, for messages that get one. */
type Answer = JsonObject | null

/**
 * Does what a message says. One that only waits until everything is on disk needs nothing done.
 *
 * @param program Who says it; a greeting comes first.
 * @throws What tracking throws; the program is told.
 */
export async function answer(message: Message, program: Program, session: Session): Promise<Answer> {
  switch (message.call) {
    case 'checkpoint':
      return saveCheckpoint(message, program, session)
    case 'dataset':
      return trackDataset(message, program, session)
    case 'model':
      return trackModel(message, program, session)
    case 'output':
      return track(session, program, KINDS.output, message.path, message.name)
    case 'digest':
      return logDigest(message, program, session)
    case 'state':
      await saveState(message, program, session)
      return null
    case 'hello':
    case 'seeds':
    case 'problem':
    case 'metrics':
    case 'metadata':
    case 'tags':
    case 'flush':
    case 'bye':
      break
  }
  take(message, program, session)
  return null
}

/** Takes a message that has no result. */
function take(message: Message, program: Program, { tracker, programs, warn }: Session): void {
  if (message.call === 'seeds') programs.report(program, message)
  else if (message.call === 'problem') warn(`Python ${program.hello.version}: ${reasonOf(message.message)}`)
  else if (message.call === 'metadata') tracker.addMetadata(message.values)
  else if (message.call === 'tags') tracker.addTags(message.tags)
  else if (message.call === 'metrics') {
    const { values, step } = message
    for (const [name, value] of values) tracker.logMetric(name, decodeFloat(value), { step })
  } else if (message.call === 'bye') {
    program.script = message.script
    program.hasEnded = true
  }
}

/** The states of a program. Processes that a library starts come and go; they save with `checkpoint` alone. */
async function saveState(
  { at, generators }: MessageOf<'state'>,
  program: Program,
  session: Session,
): Promise<void> {
  const { tracker, states } = session
  if (!tracker.configuration.enableSeedTracking || program.hello.kind !== 'program') return
  if (program.number > LISTED) return
  const checked = checkGenerators(generators)
  // Libraries are loaded one after the other, and each has its own start.
  program.start = at === 'start' ? { ...program.start, ...checked } : program.start
  const content = at === 'start' ? program.start : checked
  program.files.add(await states.write(savedState(program, at, false, content)))
}

async function saveCheckpoint(
  { name, generators }: MessageOf<'checkpoint'>,
  program: Program,
  { tracker, states }: Session,
): Promise<Answer> {
  if (!tracker.configuration.enableSeedTracking) return null
  if (name === 'start' || name === 'end') {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this name has another meaning', {
      field: 'name',
      expected: 'another name',
      received: name,
    })
  }
  const checked = checkGenerators(generators)
  const file = await states.write(savedState(program, name, true, checked))
  program.files.add(file)
  return { file, generators: Object.keys(checked) }
}

function savedState(program: Program, at: string, isCheckpoint: boolean, generators: JsonObject): SavedState {
  const { number, hello, report } = program
  const seed = report?.seed ?? hello.seed
  return { at, isCheckpoint, program: number, seed, version: hello.version, generators }
}

async function trackDataset(
  message: MessageOf<'dataset'>,
  program: Program,
  session: Session,
): Promise<Answer> {
  const { name, path, dtype, shape } = message
  if (path !== undefined) return track(session, program, KINDS.dataset, path, name)
  const place = await handedPath(message, program.hello.pid, session.scratch)
  if (dtype === undefined || shape === undefined) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the message lacks dtype and shape')
  }
  const read = async (_: unknown, options: HashOptions): Promise<DatasetReport> => ({
    kind: 'array',
    ...(await named(place, name, readHandedArray(place, dtype, shape, options))),
    warnings: [],
  })
  return track(session, program, { ...KINDS.dataset, tables: false, read }, NOWHERE, name)
}

async function trackModel(message: MessageOf<'model'>, program: Program, session: Session): Promise<Answer> {
  const { name, path, ignored = [], ignoredCount = 0 } = message
  if (path !== undefined) return track(session, program, KINDS.model, path, name)
  const place = await handedPath(message, program.hello.pid, session.scratch)
  const kind: Kind<Uint8Array, ModelReport> = {
    ...KINDS.model,
    // It lies where nobody finds it again: place and files are no part of what is recorded.
    read: async (_, options) => {
      const { tensors, ...report } = await named(place, name, readModel(place, options))
      return { ...report, path: '', files: [], tensors: tensors.map((tensor) => ({ ...tensor, file: '' })) }
    },
    describe: async (report, ...rest) => {
      const { path: _, files: __, ...described } = await KINDS.model.describe(report, ...rest)
      return { ...described, ...(ignoredCount > 0 && { ignored, ignoredCount }) }
    },
  }
  return track(session, program, kind, NOWHERE, name)
}

/** The source of what is handed over: no path, because it has none that lasts. */
const NOWHERE = new Uint8Array()

async function logDigest(
  message: MessageOf<'digest'>,
  program: Program,
  { tracker, scratch }: Session,
): Promise<Answer> {
  const { name, step, dtype, shape } = message
  const place = await handedPath(message, program.hello.pid, scratch)
  const { algorithm } = tracker.configuration
  const { digest } = await named(place, name, readHandedArray(place, dtype, shape, { algorithm }))
  await tracker.logDigest(name, digest, { step })
  return { digest: digest.toString() }
}

/** An error about a place that only this call knows is told with the name that the program knows. */
async function named<T>(place: string, name: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (!LineaprintError.is(cause) || cause.path !== place) throw cause
    throw new LineaprintError(cause.code, reasonOf(cause).replaceAll(place, JSON.stringify(name)), { cause })
  }
}

/** Tracks something, marks who said it, and gives the report. */
async function track<S, R extends object>(
  { tracker }: Session,
  { hello, number }: Program,
  kind: Kind<S, R>,
  source: S,
  name: string,
): Promise<Answer> {
  const said: Kind<S, R> = {
    ...kind,
    describe: async (report, called, writer) => {
      const described = await kind.describe(report, called, writer)
      const { path } = described
      // Something that the program read, or something that it made: what was in memory tells neither.
      const existed = typeof path === 'string' ? await wasBefore(writer, path) : undefined
      const by = { language: 'python', program: number, pid: hello.pid }
      return { ...described, saidBy: { ...by, ...(existed !== undefined && { existed }) } }
    },
  }
  const report = await tracker.trackBy(said, source, name)
  if (report === undefined) return null
  const { tensors: _, path, ...rest } = report as R & { tensors?: unknown; path?: string }
  return { ...plainObject(rest, 'the report'), ...(path !== undefined && path !== '' && { path }) }
}
