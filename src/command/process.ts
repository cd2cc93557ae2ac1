/** The process of a wrapped command: no shell, inherited input, output passed through. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { isatty } from 'node:tty'
import { errorText } from '../util/error-text.ts'
import { LineaprintError } from '../core/errors.ts'
import { errorCode } from '../util/fs.ts'
import { openPipe } from '../subprocess/pipe.ts'
import { SignalError } from './signals.ts'
import { StreamCopy } from './output-tee.ts'
import type { Readable } from 'node:stream'
import type { StreamRecord } from '../record/record.ts'
import type { SignalRelay } from './signals.ts'

/** The command to run, and the destinations of its output. */
export interface ProcessPlan {
  /** Program and arguments. */
  readonly argv: readonly string[]
  readonly directory: string
  readonly environment: NodeJS.ProcessEnv
  /** The folder of the run, for the log files. */
  readonly runDirectory: string
  /** File descriptors that receive stdout and stderr of the command. */
  readonly targets: readonly [stdout: number, stderr: number]
  /** True to replace secrets in the log files. */
  readonly redact: boolean
  /** Called with the process ID once the command runs. */
  readonly onSpawn?: ((pid: number) => void) | undefined
}

/** The end of a process: an exit code, or a signal. */
export type ProcessExit =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: NodeJS.Signals }

/** The result of a process. */
export interface ProcessEnd {
  readonly exit: ProcessExit
  /** Milliseconds from the start of the process to its end. */
  readonly durationMs: number
  readonly stdout: StreamRecord
  readonly stderr: StreamRecord
  readonly warnings: readonly string[]
}

const TERMINAL: StreamRecord = { status: 'not-captured', reason: 'it went to a terminal' }

/**
 * Run a command to its end.
 *
 * @throws ERR_LINEAPRINT_COMMAND if it cannot be started.
 */
export async function runProcess(plan: ProcessPlan, relay: SignalRelay): Promise<ProcessEnd> {
  const copies = await Promise.all([copyTo(plan, 0, 'stdout.log'), copyTo(plan, 1, 'stderr.log')])
  const [stdout, stderr] = copies
  try {
    const { sources, ended, warnings, startedAt } = await start(plan, copies, relay)
    const streams = Promise.all([copyFrom(sources[0], stdout), copyFrom(sources[1], stderr)])
    const exit = await ended
    const durationMs = Math.round(performance.now() - startedAt)
    for (const copy of copies) copy?.commandEnded()
    const [out, err] = await streams
    for (const copy of copies) warnings.push(...(copy?.warnings ?? []))
    return { exit, durationMs, stdout: out, stderr: err, warnings }
  } finally {
    relay.forwardTo(undefined)
    for (const copy of copies) await copy?.close()
  }
}

/**
 * Create the copy of a stream. A terminal is passed to the command directly, because programs behave
 * differently when they write to a pipe.
 */
async function copyTo(plan: ProcessPlan, index: 0 | 1, file: string): Promise<StreamCopy | undefined> {
  const target = plan.targets[index]
  return isatty(target) ? undefined : StreamCopy.create(plan.runDirectory, file, target, plan.redact)
}

interface Started {
  readonly sources: readonly (Readable | null)[]
  readonly ended: Promise<ProcessExit>
  /** By the clock of `performance.now`. */
  readonly startedAt: number
  readonly warnings: string[]
}

async function start(
  plan: ProcessPlan,
  copies: readonly (StreamCopy | undefined)[],
  relay: SignalRelay,
): Promise<Started> {
  const [program = '', ...rest] = plan.argv
  const pipes = copies.map((copy) => (copy === undefined ? undefined : openPipe()))
  const outputs = copies.map((copy, index) => pipes[index]?.writeEnd ?? (copy ? 'pipe' : plan.targets[index]))
  try {
    relay.work.throwIfAborted()
    const startedAt = performance.now()
    const child = spawn(program, rest, {
      cwd: plan.directory,
      env: plan.environment,
      stdio: ['inherit', ...outputs],
      windowsHide: true,
    })
    relay.forwardTo(child)
    const ended = new Promise<ProcessExit>((resolve) => {
      child.once('exit', (code, signal) => resolve(exitOf(code, signal)))
    })
    await once(child, 'spawn')
    if (child.pid !== undefined) plan.onSpawn?.(child.pid)
    const warnings: string[] = []
    // After the start, an error event means that a signal could not be passed on.
    child.on('error', (error) => warnings.push(`cannot signal the command: ${error.message}`))
    const sources = [pipes[0]?.source ?? child.stdout, pipes[1]?.source ?? child.stderr]
    return { sources, ended, warnings, startedAt }
  } catch (cause) {
    for (const pipe of pipes) pipe?.source.destroy()
    throw cause instanceof SignalError ? cause : notStarted(program, cause)
  } finally {
    // The command now holds the only write end, so the stream ends when the command closes it.
    for (const pipe of pipes) pipe?.closeWriteEnd()
  }
}

/** Convert the exit arguments of Node: one of them is null. */
function exitOf(code: number | null, signal: NodeJS.Signals | null): ProcessExit {
  return signal === null ? { kind: 'exited', code: code ?? 1 } : { kind: 'signalled', signal }
}

async function copyFrom(
  source: Readable | null | undefined,
  copy: StreamCopy | undefined,
): Promise<StreamRecord> {
  return copy === undefined || !source ? TERMINAL : copy.copy(source)
}

function notStarted(program: string, cause: unknown): LineaprintError {
  const code = errorCode(cause) ?? ''
  const why = REASONS[code] ?? errorText(cause)
  return new LineaprintError(
    'ERR_LINEAPRINT_COMMAND',
    `${JSON.stringify(program)} could not be started: ${why}`,
    {
      hint: HINTS[code],
      cause,
    },
  )
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such program',
  EACCES: 'it may not be executed',
  ENOEXEC: 'it is not a program',
  E2BIG: 'the arguments are too long',
}

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'check the spelling and PATH; shell built-ins need "sh -c"',
  EACCES: 'make it executable, or put its interpreter first, as in "python train.py"',
}
