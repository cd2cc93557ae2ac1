/**
 * The Python processes of a command, seen in `/proc`: those of programs that do not connect, because they ignore
 * PYTHONPATH or are too old.
 */
import { readFile, readdir, readlink, realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { readExecution } from '../../capture/environment/system/execution.ts'
import { isReachable } from '../../util/fs.ts'
import { parseStat } from '../../tracking/system-metrics/processes.ts'

import type { CommandExecution } from '../../capture/environment/types.ts'

/** A process that runs a Python interpreter. */
export interface SeenPython {
  readonly pid: number
  readonly parent: number
  /** In ticks since boot. */
  readonly startTime: number
  /** The file that is executed, links resolved. */
  readonly binary: string
  /** The interpreter as it was started, which decides its environment. */
  readonly executable: string
  /**
   * The address of its arguments, which forks of a process share and programs that it starts do not; 0 if the system does
   * not tell.
   */
  readonly argumentsAt: number
  /** Milliseconds from the first sample that saw it to the last one. */
  readonly seenFor: number
}

/** Milliseconds from the start of the command to each sample; the last one is the interval from then on. */
const TIMES = [15, 50, 150, 400, 1000, 3000, 10_000] as const

/** More processes are not searched. */
const PROCESS_LIMIT = 512

const PYTHON = /^(?:python|pypy)[\d.]*t?$/

/** A watch over the descendants of one process. It neither keeps this process alive nor fails. */
export class ProcessWatch {
  readonly #seen = new Map<string, Omit<SeenPython, 'seenFor'> & { readonly first: number; last: number }>()
  #start = 0
  #root: number | undefined
  #execution: CommandExecution | undefined
  #samples = 0
  #timer: NodeJS.Timeout | undefined
  #sampling: Promise<void> = Promise.resolve()

  /** Begin to watch a process. */
  begin(root: number): void {
    if (process.platform !== 'linux') return
    this.#root = root
    this.#start = performance.now()
    this.#schedule()
  }

  /** The execution of the process when it was last seen; `undefined` if it ended before. */
  get execution(): CommandExecution | undefined {
    return this.#execution
  }

  /** Stop. Return what was seen. */
  async end(): Promise<readonly SeenPython[]> {
    this.#root = undefined
    clearTimeout(this.#timer)
    await this.#sampling
    return [...this.#seen.values()].map(({ first, last, ...seen }) => ({ ...seen, seenFor: last - first }))
  }

  #schedule(): void {
    if (this.#root === undefined) return
    const last = TIMES[TIMES.length - 1] ?? 0
    const next = TIMES[this.#samples]
    const wait = next === undefined ? last : Math.max(0, next - (performance.now() - this.#start))
    this.#samples++
    this.#timer = setTimeout(() => {
      this.#sampling = this.#sample().then(() => this.#schedule())
    }, wait)
    this.#timer.unref()
  }

  async #sample(): Promise<void> {
    if (this.#root === undefined) return
    this.#execution = (await readExecution(this.#root)) ?? this.#execution
    const pending = [this.#root]
    for (let count = 0; count < PROCESS_LIMIT; count++) {
      const pid = pending.pop()
      if (pid === undefined) return
      // A process can end at any moment, and that of another user cannot be read.
      await this.#inspect(pid).catch(() => undefined)
      pending.push(...(await childrenOf(pid).catch(() => [])))
    }
  }

  async #inspect(pid: number): Promise<void> {
    const binary = await readlink(`/proc/${pid}/exe`)
    if (!PYTHON.test(basename(binary))) return
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    const { started: startTime = 0, parent } = parseStat(stat)
    const argumentsAt = argumentsAtOf(stat)
    // A process that is seen between its fork and its program is another one afterwards.
    const key = `${pid} ${startTime} ${argumentsAt} ${binary}`
    const time = performance.now()
    const known = this.#seen.get(key)
    if (known !== undefined) known.last = time
    if (known !== undefined || this.#seen.size >= PROCESS_LIMIT) return
    const executable = await startedAs(pid, binary)
    this.#seen.set(key, { pid, parent, startTime, binary, executable, argumentsAt, first: time, last: time })
  }
}

/** Read field 48 of `/proc/<pid>/stat`, see proc_pid_stat(5); field 3 follows the name, which may contain any character. */
function argumentsAtOf(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[48 - 3] ?? 0)
}

/** Return the children of all threads of a process. */
async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`)
  const texts = await Promise.all(
    threads
      .slice(0, PROCESS_LIMIT)
      .map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')),
  )
  return texts
    .join(' ')
    .split(' ')
    .filter((text) => text !== '')
    .map(Number)
}

/**
 * Return the path by which an interpreter was started. That of a virtual environment is a link to the interpreter that
 * it was made from, and the path decides which of them it is.
 */
async function startedAs(pid: number, binary: string): Promise<string> {
  const [words, directory, variables] = await Promise.all([
    readFile(`/proc/${pid}/cmdline`, 'utf8'),
    readlink(`/proc/${pid}/cwd`),
    readFile(`/proc/${pid}/environ`, 'utf8').catch(() => ''),
  ])
  const [name = ''] = words.split('\0')
  const path = /(?:^|\0)PATH=([^\0]*)/.exec(variables)?.[1] ?? ''
  const candidates = name.includes('/')
    ? [resolve(directory, name)]
    : path.split(':').map((folder) => join(isAbsolute(folder) ? folder : resolve(directory, folder), name))
  for (const candidate of candidates) {
    if ((await realpath(candidate).catch(() => undefined)) !== binary) continue
    return (await isReachable(join(dirname(candidate), '..', 'pyvenv.cfg'))) ? candidate : binary
  }
  return binary
}
