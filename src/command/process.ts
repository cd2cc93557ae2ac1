/** The process of a wrapped command: no shell, inherited input, output passed through. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { isatty } from 'node:tty'
import { getSystemErrorName } from 'node:util'
import { errorText } from '../util/error-text.ts'
import { LineaprintError } from '../core/errors.ts'
import { errorCode } from '../util/fs.ts'
import { openPipe } from '../subprocess/pipe.ts'
import { findLauncher } from './launcher/find.ts'
import { inherited } from './launcher/inherited.ts'
import { launch } from './launcher/launch.ts'
import { isOneFile, isOneTerminal } from './launcher/one-target.ts'
import { SignalError } from './signals.ts'
import { StreamCopy } from './output-tee.ts'
import type { Readable } from 'node:stream'
import type { StreamRecord } from '../record/record.ts'
import type { ProcessExit } from './exit.ts'
import type { Launched } from './launcher/launch.ts'
import type { StreamTotals } from './launcher/messages.ts'
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
  /** False to give the targets to the command itself, and keep no logs. @default true */
  readonly capture?: boolean | undefined
  /** True to replace secrets in the log files. */
  readonly redact: boolean
  /** Called with the process ID once the command runs. */
  readonly onSpawn?: ((pid: number) => void) | undefined
}

/** The result of a process. */
export interface ProcessEnd {
  readonly exit: ProcessExit
  /** Milliseconds from the start of the process to its end. */
  readonly durationMs: number
  readonly stdout: StreamRecord
  readonly stderr: StreamRecord
  readonly warnings: readonly string[]
}

/** Why a stream has no log. */
type NotCaptured = Extract<StreamRecord, { readonly status: 'not-captured' }>

const TERMINAL: NotCaptured = { status: 'not-captured', reason: 'it went to a terminal' }
const IN_ONE_TERMINAL: NotCaptured = {
  status: 'not-captured',
  reason: 'it went to the terminal together with stdout, and is in stdout.log',
}
const IN_ONE_FILE: NotCaptured = {
  status: 'not-captured',
  reason: 'it went to the same file or pipe as stdout, and is in stdout.log',
}
const SWITCHED_OFF: NotCaptured = { status: 'not-captured', reason: 'it was switched off with --no-capture' }
const CLOSED: NotCaptured = { status: 'not-captured', reason: 'it was closed' }

/** Names of the streams of a command, by their index. */
const STREAMS = ['stdout', 'stderr'] as const

/** A copy of a stream, or why there is none. */
type Captured = StreamCopy | NotCaptured

/** A running command. */
interface Started {
  /** The copies of stdout and stderr that were planned, or why there are none. */
  readonly captured: readonly Captured[]
  /** The copies of stdout and stderr, or the streams themselves. */
  readonly sources: readonly (Readable | null | undefined)[]
  readonly ended: Promise<ProcessExit>
  /** By the clock of `performance.now`. */
  readonly startedAt: number
  readonly warnings: string[]
  /** The launcher that passes the output on; absent if this process does. */
  readonly launched?: Launched
}

/**
 * Run a command to its end.
 *
 * @param launcher The program that starts it; without one, Node does.
 * @throws ERR_LINEAPRINT_COMMAND if it cannot be started.
 */
export async function runProcess(
  plan: ProcessPlan,
  relay: SignalRelay,
  launcher: string | undefined = findLauncher(),
): Promise<ProcessEnd> {
  const together = togetherIn(plan, launcher)
  const copies: StreamCopy[] = []
  let command: Started | undefined
  try {
    const planned = await Promise.all([
      capture(plan, 0, together, copies),
      capture(plan, 1, together, copies),
    ])
    command = await start(plan, planned, copies, relay, launcher)
    const { captured, sources, ended, warnings, startedAt, launched } = command
    const streams = Promise.all(
      captured.map((each, index) => copyStream(each, sources[index], launched, index, warnings)),
    )
    const exit = await ended
    const durationMs = Math.round(performance.now() - startedAt)
    for (const copy of copies) copy.commandEnded()
    const [stdout = TERMINAL, stderr = TERMINAL] = await streams
    for (const copy of copies) warnings.push(...copy.warnings)
    return { exit, durationMs, stdout, stderr, warnings }
  } finally {
    relay.forwardTo(undefined)
    command?.launched?.close()
    for (const copy of copies) await copy.close()
  }
}

/** Return why stderr has no log of its own: it goes where stdout goes. Without the launcher both have pipes. */
function togetherIn(
  { capture: isWanted, targets }: ProcessPlan,
  launcher: string | undefined,
): NotCaptured | undefined {
  if (isWanted === false || launcher === undefined) return undefined
  if (isOneTerminal(targets)) return IN_ONE_TERMINAL
  return isOneFile(targets, launcher) ? IN_ONE_FILE : undefined
}

/**
 * Create the copy of a stream. A terminal is passed to the command directly, because programs behave
 * differently when they write to a pipe.
 */
async function capture(
  plan: ProcessPlan,
  index: 0 | 1,
  together: NotCaptured | undefined,
  copies: StreamCopy[],
): Promise<Captured> {
  const target = plan.targets[index]
  if (inherited()?.open?.includes(target) === false) return CLOSED
  if (plan.capture === false) return SWITCHED_OFF
  if (together !== undefined && index === 1) return together
  if (isatty(target) && together !== IN_ONE_TERMINAL) return TERMINAL
  const copy = await StreamCopy.create(plan.runDirectory, `${STREAMS[index]}.log`, target, plan.redact)
  copies.push(copy)
  return copy
}

async function start(
  plan: ProcessPlan,
  captured: readonly Captured[],
  copies: StreamCopy[],
  relay: SignalRelay,
  launcher: string | undefined,
): Promise<Started> {
  const [program = ''] = plan.argv
  try {
    relay.work.throwIfAborted()
    const started =
      (launcher === undefined ? undefined : await startByLauncher(plan, captured, relay, launcher)) ??
      (await startByNode(plan, await capturedByNode(plan, captured, copies), relay))
    plan.onSpawn?.(started.pid)
    return started
  } catch (cause) {
    relay.work.throwIfAborted()
    // It may have ended the launcher before that could listen.
    if (relay.ending !== undefined) throw new SignalError(relay.ending)
    throw notStarted(program, cause)
  }
}

/** Return what is copied if only Node can start the command, which makes no terminal, and a pipe for each stream. */
async function capturedByNode(
  plan: ProcessPlan,
  captured: readonly Captured[],
  copies: StreamCopy[],
): Promise<readonly Captured[]> {
  const [stdout = TERMINAL, stderr] = captured
  if (stderr === IN_ONE_TERMINAL) return [TERMINAL, TERMINAL]
  return stderr === IN_ONE_FILE ? [stdout, await capture(plan, 1, undefined, copies)] : captured
}

async function startByLauncher(
  { argv, directory, environment, targets }: ProcessPlan,
  captured: readonly Captured[],
  relay: SignalRelay,
  launcher: string,
): Promise<(Started & { readonly pid: number }) | undefined> {
  const startedAt = performance.now()
  const isCaptured = (index: 0 | 1): boolean => captured[index] instanceof StreamCopy
  const launched = await launch(
    {
      launcher,
      argv,
      directory,
      environment,
      targets,
      captured: [isCaptured(0), isCaptured(1)],
      terminal: captured[1] === IN_ONE_TERMINAL,
      together: captured[1] === IN_ONE_FILE,
      inherited: inherited(),
    },
    relay,
  )
  if (launched === undefined) return undefined
  const { pid, sources, ended } = launched
  return { pid, captured, sources, ended, startedAt, warnings: [], launched }
}

async function startByNode(
  { argv, directory, environment, targets }: ProcessPlan,
  captured: readonly Captured[],
  relay: SignalRelay,
): Promise<Started & { readonly pid: number }> {
  const [program = '', ...rest] = argv
  const pipes = captured.map((each) => (each instanceof StreamCopy ? openPipe() : undefined))
  const outputs = captured.map(
    (each, index) => pipes[index]?.writeEnd ?? (each instanceof StreamCopy ? 'pipe' : targets[index]),
  )
  try {
    const startedAt = performance.now()
    const child = spawn(program, rest, {
      cwd: directory,
      env: environment,
      stdio: ['inherit', ...outputs],
      windowsHide: true,
    })
    relay.forwardTo(child)
    const ended = new Promise<ProcessExit>((resolve) => {
      child.once('exit', (code, signal) => resolve(exitOf(code, signal)))
    })
    await once(child, 'spawn')
    const warnings: string[] = []
    // After the start, an error event means that a signal could not be passed on.
    child.on('error', (error) => warnings.push(`cannot signal the command: ${error.message}`))
    const sources = [pipes[0]?.source ?? child.stdout, pipes[1]?.source ?? child.stderr]
    return { pid: child.pid ?? 0, captured, sources, ended, warnings, startedAt }
  } catch (cause) {
    for (const pipe of pipes) pipe?.source.destroy()
    throw cause
  } finally {
    // The command now holds the only write end, so the stream ends when the command closes it.
    for (const pipe of pipes) pipe?.closeWriteEnd()
  }
}

/** Convert the exit arguments of Node: one of them is null. */
function exitOf(code: number | null, signal: NodeJS.Signals | null): ProcessExit {
  return signal === null ? { kind: 'exited', code: code ?? 1 } : { kind: 'signalled', signal }
}

/** Copy a stream to its log and, unless the launcher does, to its target. */
async function copyStream(
  captured: Captured,
  source: Readable | null | undefined,
  launched: Launched | undefined,
  index: number,
  warnings: string[],
): Promise<StreamRecord> {
  if (!(captured instanceof StreamCopy)) return captured
  if (!source) return TERMINAL
  const record = await captured.copy(source, launched === undefined)
  // A stream that a child process of the command still holds has no end yet.
  if (launched === undefined || !source.readableEnded) return record
  const totals = await launched.totals(index === 0 ? 1 : 2)
  if (totals === undefined || record.status !== 'captured') return record
  warnings.push(...lossesOf(totals, STREAMS[index] ?? 'output'))
  return { ...record, bytes: totals.total }
}

/** Say what the log or the target did not get. */
function lossesOf({ uncopied, unwritten, errno }: StreamTotals, name: string): string[] {
  return [
    ...(uncopied > 0 ? [`${name}.log lacks ${uncopied} bytes: this process did not read them in time`] : []),
    ...(unwritten > 0 ? [`${unwritten} bytes of ${name} could not be written: ${systemReason(errno)}`] : []),
  ]
}

function systemReason(errno: number): string {
  return errno === 0 ? 'unknown error' : getSystemErrorName(-errno)
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
