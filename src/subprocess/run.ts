/** Runs a program to its end, within a time, and never leaves it behind. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { platform } from 'node:process'
import { errorCode } from '../util/fs.ts'
import { startProgram } from './start.ts'
import type { StartedProgram } from './start.ts'

/** How a program is run. */
export interface ProgramOptions {
  /** Working directory. */
  readonly directory: string
  /** Every variable it gets. */
  readonly environment: NodeJS.ProcessEnv
  /** Milliseconds until it is killed. */
  readonly timeout: number
  /** Kills it; the call then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Bytes of output after which it is killed. @default 256 MiB */
  readonly outputLimit?: number | undefined
  /** Bytes for its standard input, which is empty without them. */
  readonly input?: Uint8Array | undefined
  /** Takes the output piece by piece instead of gathering it. An error thrown by it kills the program. */
  readonly onOutput?: ((piece: Buffer) => void | Promise<void>) | undefined
}

/** What became of a program. */
export type ProgramResult =
  | {
      readonly status: 'ended'
      /** The exit code; `null` if a signal ended it. */
      readonly code: number | null
      /** Empty where `onOutput` took it. */
      readonly stdout: Buffer
      /** The first 64 KiB. */
      readonly stderr: string
    }
  | { readonly status: 'not-found' | 'timeout' | 'too-long' | 'failed'; readonly reason: string }

const OUTPUT_LIMIT = 256 << 20
const ERROR_LIMIT = 64 << 10

/** Killed if this process exits while they run: a program that hangs would otherwise outlive it. */
const running = new Set<StartedProgram>()

/**
 * Runs a program and waits for its end.
 *
 * On POSIX systems it leads a process group of its own, and the whole group is killed, since what hangs is often
 * a child of a wrapper script. It has no terminal and so cannot ask for a password.
 *
 * @param command Path, or a name that is looked up on `PATH`.
 * @param args Its arguments.
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<ProgramResult> {
  const { signal, timeout, outputLimit = OUTPUT_LIMIT } = options
  signal?.throwIfAborted()
  if (isNowhere(command, options.environment)) return notInstalled(command)
  let child: StartedProgram
  try {
    const { directory, environment, input } = options
    child = startProgram(command, args, { directory, environment, hasInput: input !== undefined })
  } catch (error) {
    // A NUL in an argument is refused before anything is started.
    return { status: 'failed', reason: `${command} could not be started: ${(error as Error).message}` }
  }
  let stopped: ProgramResult | undefined
  const stop = (reason?: ProgramResult): void => {
    if (reason !== undefined) stopped ??= reason
    killGroup(child)
    // A process that left the group may still hold the pipes; nobody waits for it.
    child.stdin?.destroy()
    child.stdout.destroy()
    child.stderr.destroy()
  }
  const onAbort = (): void => stop()
  const timer = setTimeout(
    () => stop({ status: 'timeout', reason: `${command} did not answer within ${timeout / 1000} s` }),
    timeout,
  )
  signal?.addEventListener('abort', onAbort, { once: true })
  track(child)
  try {
    feed(child, options.input)
    const errors = collectErrors(child)
    const pieces: Buffer[] = []
    let size = 0
    let thrown: { error: unknown } | undefined
    let broken: string | undefined
    try {
      for await (const piece of child.stdout as AsyncIterable<Buffer>) {
        size += piece.length
        if (size > outputLimit) {
          stop({ status: 'too-long', reason: `${command} wrote more than ${outputLimit} bytes` })
          break
        }
        if (options.onOutput === undefined) {
          pieces.push(piece)
          continue
        }
        try {
          await options.onOutput(piece)
        } catch (error) {
          thrown = { error }
          stop()
          break
        }
      }
    } catch (error) {
      broken = (error as Error).message
    }
    const outcome = await child.end
    signal?.throwIfAborted()
    if (thrown) throw thrown.error
    if (stopped) return stopped
    if ('error' in outcome) return startFailure(command, options.directory, outcome.error)
    // Also seen when the pipes of a killed or never started program are closed: those were answered above.
    if (broken !== undefined) {
      return { status: 'failed', reason: `the output of ${command} is incomplete: ${broken}` }
    }
    return { status: 'ended', code: outcome.code, stdout: Buffer.concat(pieces), stderr: errors() }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    if (!child.hasEnded()) stop()
    untrack(child)
  }
}

function notInstalled(command: string): ProgramResult {
  return { status: 'not-found', reason: `${command} is not installed` }
}

/**
 * Whether no folder of `PATH` has a program: a look costs microseconds, an attempt to start it a copy of this process.
 * What is there and cannot be started is told by the attempt.
 */
function isNowhere(command: string, { PATH: path }: NodeJS.ProcessEnv): boolean {
  if (platform === 'win32' || command.includes('/') || path === undefined || path === '') return false
  // An empty part is the working folder.
  return path.split(delimiter).every((folder) => folder !== '' && !existsSync(join(folder, command)))
}

function startFailure(command: string, directory: string, error: NodeJS.ErrnoException): ProgramResult {
  // The system gives the same answer for a program and for a working folder that is not there.
  if (error.code === 'ENOENT' && existsSync(directory)) return notInstalled(command)
  return { status: 'failed', reason: `${command} could not be started: ${error.code ?? error.message}` }
}

function feed(child: StartedProgram, input: Uint8Array | undefined): void {
  // A program that does not read its input breaks the pipe, which is its right; its exit code says how it went.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(input)
}

function collectErrors(child: StartedProgram): () => string {
  const pieces: Buffer[] = []
  let size = 0
  child.stderr.on('data', (piece: Buffer) => {
    if (size < ERROR_LIMIT) pieces.push(piece)
    size += piece.length
  })
  return () => Buffer.concat(pieces).subarray(0, ERROR_LIMIT).toString()
}

function killGroup(child: StartedProgram): void {
  const { pid } = child
  if (pid === undefined) return
  if (platform === 'win32' || !kill(-pid)) {
    // Right after its start the program has no group of its own yet.
    if (!child.hasEnded()) kill(pid)
  }
}

/** Kills a process, or with a negative number a process group. False if there is none, which is what was wanted. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch (error) {
    // The group is gone already.
    if (errorCode(error) !== 'ESRCH') throw error
    return false
  }
}

function killAll(): void {
  for (const child of running) killGroup(child)
}

function track(child: StartedProgram): void {
  if (running.size === 0) process.on('exit', killAll)
  running.add(child)
}

function untrack(child: StartedProgram): void {
  running.delete(child)
  if (running.size === 0) process.off('exit', killAll)
}
