/**
 * The bridge between a run and the Python programs that its command starts: how they find it, and what they
 * reported.
 */
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, delimiter, isAbsolute, join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { isFolder } from '../../util/fs.ts'
import { ownPath } from '../../util/own-package.ts'
import { isShelter, makeTemporary, sweepTemporary } from '../../util/temporary.ts'
import { reasonOf } from '../../record/failure.ts'
import { NODE_MARKER } from '../../capture/seeds/preload-marker.ts'
import { Cells } from './cells.ts'
import { Interpreters, unreported } from './interpreters.ts'
import { ProcessWatch } from './process-watch.ts'
import { NOT_AVAILABLE, Programs } from './programs.ts'
import { Reporters } from './reporters.ts'
import { ReportedMetrics } from './reported.ts'
import { BridgeServer } from './server.ts'
import { StateFiles } from './states.ts'
import type { Configuration } from '../../config/options.ts'
import type { TemporaryFolder } from '../../util/temporary.ts'
import type { Ranks } from '../ranks/leader.ts'
import type { MessageOf } from './messages.ts'
import type { Recorder } from '../../tracking/recorder.ts'

/** The options of a bridge. */
export interface BridgeOptions {
  /** Program and arguments of the command. */
  readonly argv: readonly string[]
  /** The environment of the command without the bridge. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The seed that the programs of the run are to use; absent if it has none. */
  readonly seed?: number | undefined
  /** The other ranks of the launch; absent if the run takes none. */
  readonly ranks?: Ranks | undefined
  /** Called when a program reports the end of its run; absent if the run ends with its command. */
  readonly onEnd?: ((end: MessageOf<'end'>) => void) | undefined
}

/** Numbers of programs that had the seed of a run when they started, and that had none. */
export interface SeedUse {
  readonly seeded: number
  readonly unseeded: number
  /** Python processes that were seen for some time and did not connect, so that nothing seeded them. */
  readonly unconnected: number
}

/**
 * Milliseconds for which a Python process is seen that counts as a program: a tool such as uv starts Python for a moment to
 * ask for its version.
 */
const LASTING = 500

/** Folder of the package that Python programs import. */
const PYTHON: string | undefined = ownPath('python')

/**
 * Longest path of a socket, in bytes. The system allows 108 bytes including the terminator, some systems 104.
 */
const SOCKET_PATH_LIMIT = 100

/** Largest number of warnings about programs in one run. */
const WARNING_LIMIT = 20

/** The connection to programs: open, or not possible on this system. */
type Connection =
  | { readonly status: 'open'; readonly server: BridgeServer; readonly folder: TemporaryFolder }
  | { readonly status: 'unavailable' }

/** The bridge of one run. Open it before the command starts, and close it when the command has ended. */
export class Bridge {
  /** Environment variables that the command gets in addition. */
  readonly variables: Readonly<Record<string, string>>
  readonly #argv: readonly string[]
  readonly #seed: number | undefined
  readonly #recorder: Recorder
  readonly #programs: Programs
  readonly #warn: (sentence: string) => void
  readonly #connection: Connection
  readonly #interpreters: Interpreters
  readonly #reported: ReportedMetrics
  readonly #watch = new ProcessWatch()
  #isClosed = false

  private constructor(
    { argv, environment, seed }: BridgeOptions,
    recorder: Recorder,
    programs: Programs,
    interpreters: Interpreters,
    reported: ReportedMetrics,
    warn: (sentence: string) => void,
    connection: Connection,
  ) {
    this.#reported = reported
    this.#interpreters = interpreters
    this.#argv = argv
    this.#seed = seed
    this.#recorder = recorder
    this.#programs = programs
    this.#warn = warn
    this.#connection = connection
    const scratch = connection.status === 'open' ? connection.folder.path : undefined
    this.variables = bridgeVariables(scratch, recorder.configuration, environment)
  }

  /** Open the bridge. If it cannot be opened, the run gets a warning and the command runs without it. */
  static async open(recorder: Recorder, options: BridgeOptions): Promise<Bridge> {
    const programs = new Programs()
    const warn = limitedWarnings(recorder)
    // A run inside of another run has a connection to that one.
    const { LINEAPRINT_BRIDGE: _, ...variables } = options.environment
    const interpreters = new Interpreters(recorder, variables)
    const reported = new ReportedMetrics()
    const connection = await connect(recorder, programs, interpreters, reported, warn, options)
    return new Bridge(options, recorder, programs, interpreters, reported, warn, connection)
  }

  /** Close the connection of a command that never ran. Do nothing after {@link close}. */
  async discard(): Promise<void> {
    const connection = this.#connection
    if (connection.status !== 'open' || this.#isClosed) return
    this.#isClosed = true
    // The error that kept the command from running is the one to report.
    await connection.server.close(AbortSignal.abort()).catch(() => undefined)
    await connection.folder.remove().catch(() => undefined)
  }

  /** Begin to watch the processes of the command. */
  watch(pid: number): void {
    this.#watch.begin(pid)
  }

  /**
   * Read the remaining messages, and record the seeds that programs reported.
   *
   * @param signal Stops waiting for processes that outlive the command.
   * @returns The numbers of programs with and without the seed; `undefined` if the run has no seed.
   */
  async close(signal: AbortSignal): Promise<SeedUse | undefined> {
    const connection = this.#connection
    this.#isClosed = true
    let nodePrograms = 0
    // A program that is still connected may still write files.
    if (connection.status !== 'open' || !connection.server.isConnected) this.#recorder.beginEnd()
    // An error of the bridge must not hide how the command ended.
    try {
      if (connection.status === 'open') {
        await connection.server.close(signal)
        nodePrograms = await countNodePrograms(connection.folder.path)
        await connection.folder.remove()
      }
    } catch (error) {
      this.#warn(`the connection to programs could not be closed: ${reasonOf(error)}`)
    }
    // What follows waits for captures.
    this.#recorder.beginEnd()
    this.#recordMerged()
    const seen = await this.#watch.end()
    const unconnected = unreported(seen, this.#programs)
    try {
      await this.#interpreters.record(this.#programs, unconnected)
      this.#recordExecution()
    } catch (error) {
      this.#warn(`the Pythons that ran were not recorded: ${reasonOf(error)}`)
    }
    const isAvailable = connection.status === 'open'
    const python = this.#programs.describe(isPythonCommand(this.#argv), isAvailable)
    if (python !== undefined) this.#recorder.recordPythonSeeds(python)
    for (const sentence of this.#programs.warnings(this.#seed)) this.#warn(sentence)
    if (this.#seed === undefined) return undefined
    const { seeded, unseeded } = this.#programs.seeded()
    const lasting = unconnected.filter(({ seenFor }) => seenFor >= LASTING)
    const use = { seeded: seeded + nodePrograms, unseeded, unconnected: lasting.length }
    if (use.seeded === 0) this.#warn(unusedSeed(this.#seed, unseeded, isAvailable))
    return use
  }

  /** Record which series several libraries were told. */
  #recordMerged(): void {
    try {
      for (const { source, others, ...series } of this.#reported.merged())
        this.#recorder.recordMerged({
          ...series,
          ...(source !== undefined && { source }),
          with: others,
        })
    } catch (error) {
      this.#warn(`the sources of metrics were not recorded: ${reasonOf(error)}`)
    }
  }

  #recordExecution(): void {
    const findings = { command: this.#watch.execution ?? null, ...this.#programs.executions() }
    if (findings.command === null && findings.programs.length === 0) return
    const unseen = Object.fromEntries([
      ...(findings.command === null ? [['command', 'it ended before it could be read']] : []),
      ...findings.programs.flatMap(({ number, settings, affinity }) =>
        settings === null
          ? [[`programs.${number}`, 'the program did not report at its end']]
          : affinity === null
            ? [[`programs.${number}.affinity`, 'this system does not tell']]
            : [],
      ),
    ])
    const reasons = Object.keys(unseen).length > 0 ? { unseen } : {}
    this.#recorder.correctEnvironment(({ value, warnings }) => ({
      value: { ...value, execution: { status: 'present', ...findings, ...reasons } },
      warnings,
    }))
  }
}

/** The warning for a seed that no program is known to have used. */
function unusedSeed(seed: number, unseeded: number, isAvailable: boolean): string {
  const connected =
    unseeded > 0 ? `${unseeded} connected without a seed` : isAvailable ? 'none connected' : NOT_AVAILABLE
  return `no program was seeded with ${seed}: ${connected}. Python programs connect if PYTHONPATH is kept and -I, -E and -S are not used, and Node programs need --replace-math-random; others must read LINEAPRINT_SEED themselves`
}

/** Count the Node programs whose Math.random was replaced: each leaves an empty file. */
async function countNodePrograms(scratch: string): Promise<number> {
  return (await readdir(scratch)).filter((name) => name.startsWith(NODE_MARKER)).length
}

async function connect(
  recorder: Recorder,
  programs: Programs,
  interpreters: Interpreters,
  reported: ReportedMetrics,
  warn: (sentence: string) => void,
  { ranks, onEnd }: BridgeOptions,
): Promise<Connection> {
  // On Windows, Python has no Unix domain sockets.
  if (process.platform === 'win32') return { status: 'unavailable' }
  if (PYTHON === undefined || !existsSync(PYTHON)) {
    warn(
      'programs cannot report to the run: lineaprint is part of a bundle, without its Python side; leave it outside (docs/runtimes.md)',
    )
    return { status: 'unavailable' }
  }
  const states = new StateFiles(recorder.runDirectory, (name) => recorder.recordedName(name))
  let reason: string | undefined
  for (const parent of await scratchParents()) {
    void sweepTemporary(parent)
    let folder: TemporaryFolder | undefined
    try {
      folder = await makeTemporary('lineaprint-', parent)
      const scratch = folder.path
      const cells = new Cells(recorder.runDirectory, recorder.configuration)
      const reporters = new Reporters()
      const about = {
        recorder,
        programs,
        interpreters,
        reporters,
        ranks,
        states,
        cells,
        reported,
        scratch,
        warn,
        onEnd,
      }
      return { status: 'open', server: await BridgeServer.listen(socketIn(scratch), about), folder }
    } catch (error) {
      reason ??= reasonOf(error)
      await folder?.remove().catch(() => undefined)
    }
  }
  warn(`programs cannot report to the run: ${reason ?? `the path of ${tmpdir()} is too long for a socket`}`)
  return { status: 'unavailable' }
}

function socketIn(scratch: string): string {
  return join(scratch, 'bridge')
}

/**
 * Return the variables of a command of the run. A program can import lineaprint even if it cannot connect.
 *
 * @param scratch The folder with the socket; absent if no program can connect.
 * @param environment The environment of the command without them.
 */
export function bridgeVariables(
  scratch: string | undefined,
  configuration: Pick<Configuration, 'reported'>,
  environment: BridgeOptions['environment'],
): Record<string, string> {
  return { ...connectionVariables(scratch, environment), ...reportsVariable(configuration, environment) }
}

function connectionVariables(
  scratch: string | undefined,
  environment: BridgeOptions['environment'],
): Record<string, string> {
  const before = environment['PYTHONPATH']
  const path =
    PYTHON === undefined || !existsSync(PYTHON)
      ? {}
      : { PYTHONPATH: before === undefined || before === '' ? PYTHON : PYTHON + delimiter + before }
  if (scratch === undefined) {
    // Those of another run, in which this one was started, are not for its programs.
    const outer = ['LINEAPRINT_BRIDGE', 'LINEAPRINT_SCRATCH', 'LINEAPRINT_PARENT']
    const set = outer.filter((name) => environment[name] !== undefined)
    return { ...path, ...Object.fromEntries(set.map((name) => [name, ''])) }
  }
  return {
    ...path,
    LINEAPRINT_BRIDGE: socketIn(scratch),
    LINEAPRINT_SCRATCH: scratch,
    // The position below a Python program of another run, in which this one was started.
    ...(environment['LINEAPRINT_PARENT'] !== undefined && { LINEAPRINT_PARENT: '' }),
  }
}

/** The variable that tells Python programs what to record, as in `python/_lineaprint/_reported/_report.py`. */
const REPORTS = 'LINEAPRINT_OBSERVE'

/** Return the variable for programs, unless both metrics and parameters are recorded. */
function reportsVariable(
  { reported }: Pick<Configuration, 'reported'>,
  environment: BridgeOptions['environment'],
): Record<string, string> {
  const kinds = (['metrics', 'parameters'] as const).filter((kind) => reported[kind])
  if (kinds.length === 2) return environment[REPORTS] === undefined ? {} : { [REPORTS]: '' }
  return { [REPORTS]: kinds[0] ?? 'none' }
}

/**
 * Return the folders in which the folder for the socket and for transferred files can be created, the best
 * first. It is one that only this user can enter.
 */
async function scratchParents(): Promise<string[]> {
  const runtime = process.env['XDG_RUNTIME_DIR'] ?? ''
  const candidates = [tmpdir(), '/tmp', ...(isAbsolute(runtime) ? [runtime] : []), '/dev/shm']
  const short = [...new Set(candidates)].filter(
    (parent) => socketIn(join(parent, 'lineaprint-xxxxxx')).length <= SOCKET_PATH_LIMIT,
  )
  const existing: { readonly parent: string; readonly isSafe: boolean }[] = []
  for (const parent of short)
    if (await isFolder(parent)) existing.push({ parent, isSafe: await isShelter(parent) })
  // In a folder where other users can rename this one, they could put another in its place.
  return existing.toSorted((a, b) => Number(b.isSafe) - Number(a.isSafe)).map(({ parent }) => parent)
}

/** Return a function that records each warning once, up to a limit. */
function limitedWarnings(recorder: Recorder): (sentence: string) => void {
  const recorded = new Set<string>()
  return (sentence) => {
    if (recorded.has(sentence) || recorded.size >= WARNING_LIMIT || !recorder.isRunning) return
    recorded.add(sentence)
    try {
      recorder.recordWarning(sentence)
    } catch (error) {
      // A journal that cannot be written fails the end of the run, and must not end the server before.
      if (!LineaprintError.is(error) || error.code !== 'ERR_LINEAPRINT_STORE') throw error
    }
  }
}

/** Programs that start another program, which is their argument. */
const LAUNCHERS: ReadonlySet<string> = new Set([
  'conda',
  'env',
  'mamba',
  'micromamba',
  'nice',
  'nohup',
  'numactl',
  'pipenv',
  'poetry',
  'srun',
  'stdbuf',
  'taskset',
  'time',
  'timeout',
  'uv',
])

/**
 * Check whether a command is a Python interpreter or script, or launches one: `python3.11`, `uv run python`.
 */
function isPythonCommand(argv: readonly string[]): boolean {
  const [program = '', ...rest] = argv
  const launched = LAUNCHERS.has(basename(program)) && rest.some(isInterpreter)
  return isInterpreter(program) || program.endsWith('.py') || launched
}

function isInterpreter(program: string): boolean {
  return /^(?:python|pypy)[0-9.]*$/.test(basename(program))
}
