/** The interpreters of the Python programs of a run: which ran, and what is installed for each of them. */
import { readFile, readlink } from 'node:fs/promises'
import { describeRanPython, isSamePython, withRanPythons } from '../../capture/environment/python/ran.ts'
import { parseStat } from '../../tracking/system-metrics/processes.ts'
import { errorCode } from '../../util/fs.ts'
import { ignoreRejection } from '../../util/ignore-rejection.ts'
import type { DescribedPython, RanPython } from '../../capture/environment/python/ran.ts'
import type { CapturedEnvironment } from '../../capture/environment/types.ts'
import type { Recorder } from '../../tracking/recorder.ts'
import type { MessageOf } from './messages.ts'
import type { SeenPython } from './process-watch.ts'
import type { Program, Programs } from './programs.ts'

/** More interpreters than this are not described. */
const INTERPRETER_LIMIT = 16

/** An interpreter, with its description if it is not the captured one. */
interface Known {
  readonly ran: RanPython
  readonly described: Promise<DescribedPython | RanPython>
}

/** The interpreters of one run. */
export class Interpreters {
  readonly #recorder: Recorder
  readonly #variables: NodeJS.ProcessEnv
  /** By executable and prefix. */
  readonly #known = new Map<string, Known>()

  /**
   * Create the list.
   *
   * @param variables The environment of the command without the bridge, for programs that list packages.
   */
  constructor(recorder: Recorder, variables: NodeJS.ProcessEnv) {
    this.#recorder = recorder
    this.#variables = variables
  }

  /** Take the interpreter of a program. Its packages are read at once, because the program may change them. */
  take({ pid, startTime, interpreter, version, implementation }: MessageOf<'hello'>): void {
    if (interpreter === undefined || interpreter === null || !this.#isWanted) return
    const { executable, prefix, basePrefix, paths } = interpreter
    const key = keyOf(interpreter)
    if (this.#known.has(key) || this.#known.size >= INTERPRETER_LIMIT) return
    const reported = { prefix, basePrefix, version, implementation, paths }
    const ran: RanPython = { foundBy: 'bridge', executable, reported }
    const described = otherFiles(pid, startTime ?? undefined).then((unreadable) =>
      this.#describe({ ...ran, ...(unreadable !== undefined && { unreadable }) }),
    )
    // The end of the run awaits it.
    this.#known.set(key, { ran, described: ignoreRejection(described) })
  }

  get #isWanted(): boolean {
    return this.#recorder.configuration.enableEnvironmentTracking
  }

  /** Return an interpreter with its description; without one if it is the captured one. */
  async #describe(ran: RanPython): Promise<DescribedPython | RanPython> {
    const { directory, signal } = this.#recorder
    await this.#recorder.captured
    const environment = this.#recorder.captureOf('environment')
    if (environment?.status !== 'captured') return ran
    const { python } = environment.value as CapturedEnvironment
    if (python.status === 'present' && ran.unreadable === undefined && (await isSamePython(ran, python)))
      return ran
    const { environment: options } = this.#recorder.configuration
    return describeRanPython(ran, { directory, variables: this.#variables, options, signal })
  }

  /**
   * Correct the captured environment by the interpreters that ran.
   *
   * @param unconnected Processes of interpreters that did not connect; see {@link unreported}.
   */
  async record(programs: Programs, unconnected: readonly SeenPython[]): Promise<void> {
    if (!this.#isWanted) return
    await this.#recorder.captured
    if (this.#recorder.captureOf('environment')?.status !== 'captured') return
    const described: (DescribedPython | RanPython)[] = []
    for (const { interpreter } of inOrder(programs)) {
      const known = this.#known.get(keyOf(interpreter))
      if (known === undefined) continue
      this.#known.delete(keyOf(interpreter))
      const python = await known.described
      if (!(await isListed(described, known.ran))) described.push(python)
    }
    for (const { executable } of unconnected) {
      const ran: RanPython = { foundBy: 'proc', executable }
      if (described.length >= INTERPRETER_LIMIT || (await isListed(described, ran))) continue
      described.push(await this.#describe(ran))
    }
    if (described.length > 0)
      this.#recorder.correctEnvironment((captured) => withRanPythons(captured, described))
  }
}

type Interpreter = NonNullable<MessageOf<'hello'>['interpreter']>

function keyOf({ executable, prefix }: Interpreter): string {
  return JSON.stringify([executable, prefix])
}

/**
 * Return the interpreters of programs: first those of programs that reported results, then the others; those of
 * launchers, which only start other programs, last.
 */
function inOrder(programs: Programs): { readonly interpreter: Interpreter }[] {
  return [...programs]
    .toSorted(
      (a, b) => importanceOf(a) - importanceOf(b) || (a.hello.startTime ?? 0) - (b.hello.startTime ?? 0),
    )
    .flatMap(({ hello: { interpreter } }) => (interpreter ? [{ interpreter }] : []))
}

function importanceOf({ announced, hello }: Program): number {
  if (announced !== undefined) return 0
  return hello.launcher === true ? 2 : 1
}

async function isListed(
  described: readonly (DescribedPython | RanPython)[],
  ran: RanPython,
): Promise<boolean> {
  for (const other of described) {
    const { reported, executable } = 'sources' in other ? other.ran : other
    if (await isSamePython(ran, { executable, ...reported })) return true
  }
  return false
}

/** Return the processes of interpreters that no program reported, without the forks of programs that did. */
export function unreported(seen: readonly SeenPython[], programs: Programs): SeenPython[] {
  const reported = new Set([...programs].map(({ hello }) => identityOf(hello)))
  const origins = seen.filter((process) => reported.has(identityOf(process)))
  return seen.filter(
    (process) => !reported.has(identityOf(process)) && !origins.some((origin) => isFork(process, origin)),
  )
}

function identityOf({ pid, startTime }: Pick<MessageOf<'hello'>, 'pid' | 'startTime'>): string {
  return `${pid} ${startTime ?? ''}`
}

/** Return whether a process runs the program that another one was started with. */
function isFork(process: SeenPython, origin: SeenPython): boolean {
  if (process.binary !== origin.binary) return false
  return process.argumentsAt === 0 || origin.argumentsAt === 0
    ? process.parent === origin.pid
    : process.argumentsAt === origin.argumentsAt
}

/**
 * Return why the files of a process cannot be read by their paths: it runs in a container, below another root, or as a
 * user whose processes are hidden.
 *
 * @returns `undefined` if they can, or the process has ended.
 */
async function otherFiles(pid: number, startTime: number | undefined): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined
  try {
    const { started } = parseStat(await readFile(`/proc/${pid}/stat`, 'utf8'))
    // The number of a process in a container can be that of another one here.
    if (startTime !== undefined && started !== startTime) return OTHER_SYSTEM
    const [mounts, own, root] = await Promise.all([
      readlink(`/proc/${pid}/ns/mnt`),
      readlink('/proc/self/ns/mnt'),
      readlink(`/proc/${pid}/root`),
    ])
    return mounts === own && root === '/' ? undefined : OTHER_SYSTEM
  } catch (error) {
    return errorCode(error) === 'ENOENT' || errorCode(error) === 'ESRCH' ? undefined : OTHER_SYSTEM
  }
}

const OTHER_SYSTEM = 'it ran in a container or as another user, so its files cannot be read by their paths'
