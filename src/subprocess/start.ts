/**
 * Starting of subprocesses: by the addon, which takes a fraction of a millisecond, or by Node, which copies
 * this process, if the addon cannot, and in Bun.
 */
import { spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { platform } from 'node:process'
import { Readable } from 'node:stream'
import { native } from '../native/load.ts'
import { canReadPipes } from './pipe.ts'
import type { Writable } from 'node:stream'

/**
 * The end of a program: an exit code, `null` if a signal ended it; or the error if it could not be started.
 */
export type ProgramEnd = { readonly code: number | null } | { readonly error: NodeJS.ErrnoException }

/** A running program, the leader of its own process group, without a terminal. */
export interface StartedProgram {
  /** `undefined` if it could not be started. */
  readonly pid: number | undefined
  /** `null` if the program has no input. */
  readonly stdin: Writable | null
  readonly stdout: Readable
  readonly stderr: Readable
  /** Resolves when it has ended and its outputs are closed. */
  readonly end: Promise<ProgramEnd>
  /** Return whether the program itself has ended. Its child processes may still be running. */
  hasEnded(): boolean
}

/** Options for starting a program. */
export interface StartOptions {
  /** Working directory. */
  readonly directory: string
  /** All environment variables of the program. */
  readonly environment: NodeJS.ProcessEnv
  /** True if the program gets input. */
  readonly hasInput: boolean
}

/**
 * Start a program.
 *
 * @throws The errors of Node for arguments that no program can be given.
 */
export function startProgram(
  command: string,
  args: readonly string[],
  options: StartOptions,
): StartedProgram {
  return (
    (options.hasInput ? undefined : startByAddon(command, args, options)) ??
    startByNode(command, args, options)
  )
}

function startByAddon(
  command: string,
  args: readonly string[],
  { directory, environment }: StartOptions,
): StartedProgram | undefined {
  if (!canReadPipes) return undefined
  const variables = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  )
  const started = native.startProgram(command, [...args], directory, variables)
  if (started === null) return undefined
  const { pid } = started
  const stdout = new Socket({ fd: started.stdout, readable: true, writable: false })
  const stderr = new Socket({ fd: started.stderr, readable: true, writable: false })
  let ended = false
  const ending = native.waitForProgram(pid).then(({ code }) => {
    // The pid becomes free only here, so that a later kill cannot hit another process.
    native.reapProgram(pid)
    ended = true
    return { code: code ?? null }
  })
  const end = Promise.all([ending, closed(stdout), closed(stderr)]).then(([programEnd]) => programEnd)
  return { pid, stdin: null, stdout, stderr, end, hasEnded: () => ended }
}

function closed(stream: Readable): Promise<void> {
  return new Promise((resolve) => void stream.once('close', resolve))
}

function startByNode(
  command: string,
  args: readonly string[],
  { directory, environment }: StartOptions,
): StartedProgram {
  const child = spawn(command, args, {
    cwd: directory,
    env: environment,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: platform !== 'win32',
    windowsHide: true,
  })
  const { pid, stdin } = child
  // If no descriptor is available, they are `undefined`, contrary to their declared type.
  const outputs: { stdout: Readable | undefined; stderr: Readable | undefined } = child
  const { stdout = Readable.from([]), stderr = Readable.from([]) } = outputs
  const end = new Promise<ProgramEnd>((resolve) => {
    child.once('error', (error) => resolve({ error }))
    child.once('close', (code) => resolve({ code }))
  })
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  return { pid, stdin, stdout, stderr, end, hasEnded }
}
