/**
 * Starting a program that is asked something: by the addon, which takes a fraction of a millisecond, and where that
 * cannot by Node, which copies this process for it.
 */
import { spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { platform } from 'node:process'
import { Readable } from 'node:stream'
import { native } from '../native/load.ts'
import type { Writable } from 'node:stream'

/** How a program ended: with an exit code, `null` if a signal ended it; or it could not be started. */
export type ProgramEnd = { readonly code: number | null } | { readonly error: NodeJS.ErrnoException }

/** A program that runs, the leader of a process group of its own without a terminal. */
export interface StartedProgram {
  /** `undefined` if it could not be started. */
  readonly pid: number | undefined
  /** `null` where it was given nothing to read. */
  readonly stdin: Writable | null
  readonly stdout: Readable
  readonly stderr: Readable
  /** Resolves when it has ended and its outputs are closed. */
  readonly end: Promise<ProgramEnd>
  /** Whether it has ended itself. What it started may go on. */
  hasEnded(): boolean
}

/** What it is started with. */
export interface StartOptions {
  /** Working directory. */
  readonly directory: string
  /** Every variable it gets. */
  readonly environment: NodeJS.ProcessEnv
  /** Whether it is given something to read. */
  readonly hasInput: boolean
}

/** Starts a program. Throws what Node throws for arguments that no program can be given. */
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
    // Only here its id becomes free, so that nobody else is killed by it.
    native.reapProgram(pid)
    ended = true
    return { code: code ?? null }
  })
  const end = Promise.all([ending, closed(stdout), closed(stderr)]).then(([how]) => how)
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
  // Where no descriptor is left for them they are missing, whatever their type says.
  const outputs: { stdout: Readable | undefined; stderr: Readable | undefined } = child
  const { stdout = Readable.from([]), stderr = Readable.from([]) } = outputs
  const end = new Promise<ProgramEnd>((resolve) => {
    child.once('error', (error) => resolve({ error }))
    child.once('close', (code) => resolve({ code }))
  })
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  return { pid, stdin, stdout, stderr, end, hasEnded }
}
