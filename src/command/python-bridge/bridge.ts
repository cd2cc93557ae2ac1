/** The bridge to programs of other languages that a command starts: what they need to find it, and what they said. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isFolder } from '../../util/fs.ts'
import { reasonOf } from '../../record/failure.ts'
import { Programs } from './programs.ts'
import { BridgeServer } from './server.ts'
import { StateFiles } from './states.ts'
import type { ExperimentTracker } from '../../tracking/tracker.ts'
import type { Session } from './calls.ts'

/** What a bridge is for. */
export interface BridgeOptions {
  /** Program and arguments of the command. */
  readonly argv: readonly string[]
  /** The environment that the command would have without the bridge. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Folder of the package that Python programs import. */
const PYTHON: string = fileURLToPath(new URL('../../../python', import.meta.url))

/** The path of a socket has to fit into 108 bytes, on some systems 104, with an end. */
const SOCKET_PATH_LIMIT = 100

/** Sentences about programs that become warnings of the run. */
const WARNING_LIMIT = 20

/** One run's bridge. Open it before the command, close it behind. */
export class Bridge {
  /** What the command's environment gets in addition. */
  readonly variables: Readonly<Record<string, string>>
  readonly #options: BridgeOptions
  readonly #session: Session
  readonly #server: BridgeServer | undefined

  private constructor(
    options: BridgeOptions,
    variables: Readonly<Record<string, string>>,
    session: Session,
    server: BridgeServer | undefined,
  ) {
    this.#options = options
    this.variables = variables
    this.#session = session
    this.#server = server
  }

  /** Opens the bridge. Where it cannot be opened the run has a warning, and the command runs without it. */
  static async open(tracker: ExperimentTracker, options: BridgeOptions): Promise<Bridge> {
    const programs = new Programs()
    const states = new StateFiles(tracker.runDirectory)
    const base = { tracker, programs, states, warn: warnings(tracker) }
    const scratch = await makeFolder().catch((error: unknown) => {
      base.warn(`programs cannot report to the run: ${reasonOf(error)}`)
      return undefined
    })
    if (scratch === undefined) return new Bridge(options, {}, { ...base, scratch: '' }, undefined)
    const session = { ...base, scratch }
    const socket = join(scratch, 'bridge')
    try {
      const server = await BridgeServer.listen(socket, session)
      const before = options.environment['PYTHONPATH']
      const path = before === undefined || before === '' ? PYTHON : PYTHON + delimiter + before
      const variables = { PYTHONPATH: path, LINEAPRINT_BRIDGE: socket, LINEAPRINT_SCRATCH: scratch }
      return new Bridge(options, variables, session, server)
    } catch (error) {
      base.warn(`programs cannot report to the run: ${reasonOf(error)}`)
      await rm(scratch, { recursive: true, force: true })
      return new Bridge(options, {}, { ...base, scratch: '' }, undefined)
    }
  }

  /**
   * Takes in what was said, and records what the programs told of their seeds.
   *
   * @param signal Does not wait any longer for processes that outlive the command.
   */
  async close(signal: AbortSignal): Promise<void> {
    const { scratch, programs, tracker, warn } = this.#session
    // The command has run: nothing that goes wrong here may hide how it ended.
    try {
      await this.#server?.close(signal)
      if (scratch !== '') await rm(scratch, { recursive: true, force: true })
    } catch (error) {
      warn(`the connection to programs could not be closed: ${reasonOf(error)}`)
    }
    const python = programs.describe(looksLikePython(this.#options.argv), this.#server !== undefined)
    if (python !== undefined) tracker.noteSeeds({ python })
  }
}

/** A folder that only this user can enter, for the socket and for files that are handed over. */
async function makeFolder(): Promise<string | undefined> {
  // On Windows Python has no Unix-domain sockets.
  if (process.platform === 'win32') return undefined
  const places = [tmpdir(), '/tmp'].filter(
    (place) => join(place, 'lineaprint-xxxxxx/bridge').length <= SOCKET_PATH_LIMIT,
  )
  for (const place of places) if (await isFolder(place)) return mkdtemp(join(place, 'lineaprint-'))
  throw new Error(`the path of ${tmpdir()} is too long for a socket`)
}

/** Each sentence once, and only the first of many. */
function warnings(tracker: ExperimentTracker): (sentence: string) => void {
  const seen = new Set<string>()
  return (sentence) => {
    if (seen.has(sentence) || seen.size >= WARNING_LIMIT || !tracker.isRunning) return
    seen.add(sentence)
    tracker.note({ type: 'warning', message: sentence })
  }
}

/** Programs that start another, which they are given. */
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

/** Whether a command is an interpreter of Python or a script of it, or launches one: `python3.11`, `uv run python`. */
function looksLikePython(argv: readonly string[]): boolean {
  const [program = '', ...rest] = argv
  const launched = LAUNCHERS.has(basename(program)) && rest.some(isInterpreter)
  return isInterpreter(program) || program.endsWith('.py') || launched
}

function isInterpreter(program: string): boolean {
  return /^(?:python|pypy)[0-9.]*$/.test(basename(program))
}
