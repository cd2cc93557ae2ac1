/**
 * A command that the launcher starts. It is the parent of the command, passes its output on even if this process is
 * killed, and tells signals to the whole process group from those to this process alone.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { countMessage, leaveMessage, passMessage, readReports, startMessage } from './messages.ts'
import { variableBytes } from './raw-text.ts'
import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { ProcessExit } from '../exit.ts'
import type { SignalRelay, SignalTarget } from '../signals.ts'
import type { Inherited } from './inherited.ts'
import type { Report, StreamTotals } from './messages.ts'

/** The command to launch. */
export interface Launch {
  /** Path of the launcher. */
  readonly launcher: string
  readonly argv: readonly string[]
  readonly directory: string
  readonly environment: NodeJS.ProcessEnv
  /** File descriptors for stdout and stderr of the command. */
  readonly targets: readonly [stdout: number, stderr: number]
  /** True for a stream of which a copy is wanted. */
  readonly captured: readonly [stdout: boolean, stderr: boolean]
  /** True if the standard descriptors are one terminal, and the command gets one of its own, captured as stdout. */
  readonly terminal: boolean
  /** True if stdout and stderr are one open file, and the command gets one pipe for both, captured as stdout. */
  readonly together: boolean
  /** The state that the command inherits; without it, that of this process. */
  readonly inherited: Inherited | undefined
}

/** A command that was started. */
export interface Launched {
  readonly pid: number
  /** Copies of stdout and stderr. */
  readonly sources: readonly (Readable | undefined)[]
  /** Resolves when the command has ended. */
  readonly ended: Promise<ProcessExit>
  /** Return what became of a stream, once its copy has ended; `undefined` if the launcher has not said it. */
  totals(stream: 1 | 2): Promise<StreamTotals | undefined>
  /** Let go of the launcher, which goes on as long as something writes. */
  close(): void
}

/** Number of the first inherited descriptor in the launcher. Before it are its sockets: control, and two copies. */
const FIRST_INHERITED = 6

/**
 * Start a command.
 *
 * @throws {NodeJS.ErrnoException} The error of the system if the command cannot be started. Return `undefined` if the
 * launcher cannot be started.
 */
export async function launch(plan: Launch, relay: SignalRelay): Promise<Launched | undefined> {
  const descriptors = plan.inherited?.open?.filter((number) => number > 2) ?? []
  const child = startLauncher(plan, descriptors)
  if (child === undefined) return undefined
  try {
    await once(child, 'spawn')
  } catch {
    // Node starts the command, and gives the error, if it fails as well.
    return undefined
  }
  const session = new Session(child)
  session.send(startMessage(fieldsOf(plan, descriptors)))
  // A signal from now on waits for the command in the launcher.
  relay.forwardTo(session)
  const pid = await session.start(plan.argv[0] ?? '')
  // What the command closes must be closed. Node itself uses its channel, if it has one.
  if (process.channel === undefined) for (const number of descriptors) closeQuietly(number)
  return session.launched(pid, plan.captured)
}

function startLauncher(
  { launcher, directory, targets, captured }: Launch,
  descriptors: readonly number[],
): ChildProcess | undefined {
  try {
    return spawn(launcher, [], {
      cwd: directory,
      // The command gets its variables in the message, and none of them acts on the launcher.
      env: {},
      stdio: [
        'inherit',
        ...targets,
        'pipe',
        ...captured.map((is) => (is ? 'pipe' : 'ignore')),
        ...descriptors,
      ],
      windowsHide: true,
    })
  } catch {
    // As above: a text with a zero byte, or no descriptor is left.
    return undefined
  }
}

function fieldsOf(plan: Launch, descriptors: readonly number[]): (readonly [string, string | Buffer])[] {
  const { argv, environment, captured, terminal, together, inherited } = plan
  const closed =
    inherited?.open === undefined ? [] : [0, 1, 2].filter((number) => !inherited.open?.includes(number))
  return [
    ...argv.map((value) => ['argument', Buffer.from(value)] as const),
    ...variableBytes(environment).map((value) => ['variable', value] as const),
    ...captured.flatMap((is, index) => (is ? [['captured', String(index + 1)] as const] : [])),
    ...(terminal ? [['terminal', ''] as const] : []),
    ...(together ? [['together', ''] as const] : []),
    ...descriptors.map((number, index) => ['descriptor', `${FIRST_INHERITED + index}:${number}`] as const),
    ...closed.map((number) => ['closed', String(number)] as const),
    ...(inherited === undefined
      ? []
      : [['ignored', inherited.ignored] as const, ['blocked', inherited.blocked] as const]),
    ...(inherited?.limit === undefined ? [] : [['limit', String(inherited.limit)] as const]),
  ]
}

function closeQuietly(number: number): void {
  try {
    closeSync(number)
  } catch {
    // It was closed before: that is what is wanted.
  }
}

/** The connection to a launcher. */
class Session implements SignalTarget {
  readonly #child: ChildProcess
  readonly #control: Socket
  readonly #started = Promise.withResolvers<number>()
  readonly #ended = Promise.withResolvers<ProcessExit>()
  readonly #closed = Promise.withResolvers<undefined>()
  readonly #totals = new Map<number, StreamTotals>()
  readonly #heard = new Map<number, PromiseWithResolvers<StreamTotals>>()
  readonly #counts = new Map<number, ((count: number | undefined) => void)[]>()
  #isOver = false
  #hasEnded = false

  constructor(child: ChildProcess) {
    this.#child = child
    this.#control = child.stdio[3] as Socket
    // A launcher that ends early is seen by the end of its messages.
    this.#control.on('error', () => undefined)
    this.#started.promise.catch(() => undefined)
    readReports(this.#control, (report) => this.#take(report))
    this.#control.once('close', () => this.#over())
  }

  send(message: Buffer): void {
    if (this.#control.writable) this.#control.write(message)
  }

  kill(signal: NodeJS.Signals): void {
    this.send(passMessage(constants.signals[signal]))
  }

  received(signal: NodeJS.Signals): Promise<number | undefined> {
    if (this.#hasEnded) return Promise.resolve(undefined)
    const number = constants.signals[signal]
    return new Promise((resolve) => {
      const waiting = this.#counts.get(number) ?? []
      waiting.push(resolve)
      this.#counts.set(number, waiting)
      this.send(countMessage(number))
    })
  }

  /** Wait for the start. @returns the process id of the command */
  async start(program: string): Promise<number> {
    try {
      return await this.#started.promise
    } catch (errno) {
      this.close()
      if (typeof errno !== 'number') throw errno
      const code = getSystemErrorName(-errno)
      throw Object.assign(new Error(`spawn ${program} ${code}`), {
        code,
        errno: -errno,
        syscall: `spawn ${program}`,
      })
    }
  }

  launched(pid: number, captured: readonly boolean[]): Launched {
    const sources = captured.map((is, index) => (is ? (this.#child.stdio[4 + index] as Readable) : undefined))
    return {
      pid,
      sources,
      ended: this.#ended.promise,
      totals: (stream) => this.#totalsOf(stream),
      close: () => this.close(),
    }
  }

  close(): void {
    for (const stream of this.#child.stdio.slice(4)) stream?.destroy()
    // The message is sent before the socket closes.
    if (this.#control.writable) this.#control.end(leaveMessage())
    this.#control.destroySoon()
    this.#child.unref()
  }

  #take(report: Report): void {
    switch (report.kind) {
      case 'started':
        return this.#started.resolve(report.pid)
      case 'refused':
        return this.#started.reject(report.errno)
      case 'exited':
        return this.#end({ kind: 'exited', code: report.code })
      case 'signalled':
        return this.#end({ kind: 'signalled', signal: signalName(report.signal) })
      case 'received':
        return this.#counts.get(report.signal)?.shift()?.(report.count)
      case 'ended':
        this.#totals.set(report.stream, report)
        this.#heard.get(report.stream)?.resolve(report)
    }
  }

  #end(exit: ProcessExit): void {
    this.#hasEnded = true
    this.#ended.resolve(exit)
    this.#forgetQuestions()
  }

  /** The launcher has ended. If the command had not, somebody killed the launcher. */
  #over(): void {
    this.#isOver = true
    this.#hasEnded = true
    this.#forgetQuestions()
    this.#closed.resolve(undefined)
    this.#started.reject(new Error('the launcher ended'))
    const end = (signal: NodeJS.Signals | null): void =>
      this.#end({ kind: 'signalled', signal: signal ?? 'SIGKILL' })
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) end(this.#child.signalCode)
    else this.#child.once('exit', (_, signal) => end(signal))
  }

  #forgetQuestions(): void {
    for (const waiting of this.#counts.values()) for (const answer of waiting) answer(undefined)
    this.#counts.clear()
  }

  async #totalsOf(stream: 1 | 2): Promise<StreamTotals | undefined> {
    const known = this.#totals.get(stream)
    if (known !== undefined || this.#isOver) return known
    const heard = Promise.withResolvers<StreamTotals>()
    this.#heard.set(stream, heard)
    return Promise.race([heard.promise, this.#closed.promise])
  }
}

function signalName(number: number): NodeJS.Signals {
  const match = Object.entries(constants.signals).find(([, value]) => value === number)
  // Real-time signals have no name in Node.
  return (match?.[0] ?? `SIG${number}`) as NodeJS.Signals
}
