/** Run a program to its end within a time limit, and leave no process behind. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { platform } from 'node:process'
import { errorCode } from '../util/fs.ts'
import { collectProgram } from './collect.ts'
import { watchFifo } from './fifo.ts'
import { killAtExit } from './running.ts'
import { startProgram } from './start.ts'
import type { ProgramOptions, ProgramResult } from './program.ts'
import type { StartedProgram } from './start.ts'

export type { ProgramOptions, ProgramResult } from './program.ts'

const OUTPUT_LIMIT = 256 << 20
const ERROR_LIMIT = 64 << 10

/**
 * Run a program and wait for its end.
 *
 * On POSIX systems it leads its own process group, and the whole group is killed, because the process that
 * hangs is often a child of a wrapper script. It has no terminal and so cannot ask for a password.
 *
 * @param command Path, or a name that is searched on `PATH`.
 * @param args Its arguments.
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<ProgramResult> {
  const { signal, timeout, outputLimit = OUTPUT_LIMIT } = options
  signal?.throwIfAborted()
  if (isNotOnPath(command, options.environment)) return notInstalled(command)
  if (options.onOutput === undefined) {
    const limits = { stdout: outputLimit, stderr: ERROR_LIMIT }
    const collected = await collectProgram(command, args, options, limits)
    if (collected !== undefined) return collected
  }
  let child: StartedProgram
  try {
    const { directory, environment, input } = options
    child = startProgram(command, args, { directory, environment, hasInput: input !== undefined })
  } catch (error) {
    // Node refuses a NUL in an argument before it starts the program.
    return { status: 'failed', reason: `${command} could not be started: ${(error as Error).message}` }
  }
  let stopped: ProgramResult | undefined
  const stop = (reason?: ProgramResult): void => {
    if (reason !== undefined) stopped ??= reason
    killGroup(child)
    // A process that left the group may still hold the pipes. Closing them here avoids waiting for it.
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
  const { refuseFifo } = options
  const stopWatch = refuseFifo === undefined ? undefined : watchFifo(() => child.pid, refuseFifo, stop)
  const ended = killAtExit(() => killGroup(child))
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
    // Reading also fails if the pipes of a killed or never started program are closed; those cases have
    // returned above.
    if (broken !== undefined) {
      return { status: 'failed', reason: `the output of ${command} is incomplete: ${broken}` }
    }
    return { status: 'ended', code: outcome.code, stdout: Buffer.concat(pieces), stderr: errors() }
  } finally {
    clearTimeout(timer)
    stopWatch?.()
    signal?.removeEventListener('abort', onAbort)
    if (!child.hasEnded()) stop()
    ended()
  }
}

function notInstalled(command: string): ProgramResult {
  return { status: 'not-found', reason: `${command} is not installed` }
}

/**
 * Check whether no folder of `PATH` has the program. The check takes microseconds, while a failed start
 * copies this process. A file that exists but cannot be started is reported by the start itself.
 */
function isNotOnPath(command: string, { PATH: path }: NodeJS.ProcessEnv): boolean {
  if (platform === 'win32' || command.includes('/') || path === undefined || path === '') return false
  // An empty part of `PATH` is the working directory.
  return path.split(delimiter).every((folder) => folder !== '' && !existsSync(join(folder, command)))
}

function startFailure(command: string, directory: string, error: NodeJS.ErrnoException): ProgramResult {
  // The system returns the same error for a missing program and for a missing working directory.
  if (error.code === 'ENOENT' && existsSync(directory)) return notInstalled(command)
  return { status: 'failed', reason: `${command} could not be started: ${error.code ?? error.message}` }
}

function feed(child: StartedProgram, input: Uint8Array | undefined): void {
  // A program may end without reading its input, which breaks the pipe. This is not an error; the exit code
  // states the result.
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

/** Kill a process, or with a negative number a process group. Return false if there is none. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch (error) {
    // The group has already ended, which is the aim.
    if (errorCode(error) !== 'ESRCH') throw error
    return false
  }
}
