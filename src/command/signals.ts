/**
 * Signals to `lineaprint run`: before and after the command they stop the work of this process, while it runs
 * they are passed on.
 */
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { isForeground } from '../util/process-identity.ts'
import { isIgnored } from './launcher/inherited.ts'

/** Signals that request the end of a process. */
const END_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']

/** Signals that batch systems send before they end a job. They are meant for the command. */
const NOTICE_SIGNALS: readonly NodeJS.Signals[] = ['SIGUSR1', 'SIGUSR2']

/** Signals that only a process with a witness passes on: without one nobody knows whom else they have reached. */
const WITNESSED_SIGNALS: readonly NodeJS.Signals[] = [
  'SIGALRM',
  'SIGCONT',
  'SIGPWR',
  'SIGTSTP',
  'SIGVTALRM',
  'SIGWINCH',
]

/**
 * Time that a signal may take to reach other processes after this one, in milliseconds: some batch systems send it to
 * each process of a job by itself.
 */
const SPREAD_MS = 15

/** Signals that a terminal sends to every process in the foreground. */
const TERMINAL_SIGNALS: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT'])

/** A running command, as far as signals are concerned. */
export interface SignalTarget {
  kill(signal: NodeJS.Signals): unknown
  /**
   * Ask a witness, which is in the process group of this process and the command, how often it received a signal;
   * `undefined` if the command has ended.
   */
  received?(signal: NodeJS.Signals): Promise<number | undefined>
}

/** The error that is thrown when a signal stopped the work before or after the command. */
export class SignalError extends Error {
  readonly signal: NodeJS.Signals

  constructor(signal: NodeJS.Signals) {
    super(`stopped by ${signal}`)
    this.signal = signal
  }
}

/** A listener to signals, for as long as a wrapped command is prepared, run and recorded. */
export class SignalRelay {
  readonly #work = new AbortController()
  readonly #listeners = new Map<NodeJS.Signals, () => void>()
  readonly #seen = new Set<NodeJS.Signals>()
  /** Signals whose witness has not answered yet: more of the same are merged, as the system merges pending ones. */
  readonly #asking = new Set<NodeJS.Signals>()
  /** Numbers of signals that the witness and this process have both received. */
  readonly #reached = new Map<NodeJS.Signals, number>()
  #child: SignalTarget | undefined
  #ending: NodeJS.Signals | undefined

  constructor() {
    const notices = process.platform === 'win32' ? [] : NOTICE_SIGNALS
    this.#listen([...END_SIGNALS, ...notices])
  }

  /** The signal that is aborted if a system signal arrives while no command runs. */
  get work(): AbortSignal {
    return this.#work.signal
  }

  /** The first signal that requested the end. */
  get ending(): NodeJS.Signals | undefined {
    return this.#ending
  }

  /** Pass signals to the command from now on; with `undefined`, stop the work of this process again. */
  forwardTo(child: SignalTarget | undefined): void {
    this.#child = child
    if (child?.received !== undefined) this.#listen(WITNESSED_SIGNALS)
    else this.#unlisten(WITNESSED_SIGNALS)
  }

  /** Stop listening. */
  close(): void {
    this.#unlisten([...this.#listeners.keys()])
  }

  #listen(signals: readonly NodeJS.Signals[]): void {
    for (const signal of signals) {
      if (this.#listeners.has(signal) || constants.signals[signal] === undefined) continue
      const listener = (): void => this.#take(signal)
      process.on(signal, listener)
      this.#listeners.set(signal, listener)
    }
  }

  #unlisten(signals: readonly NodeJS.Signals[]): void {
    for (const signal of signals) {
      const listener = this.#listeners.get(signal)
      if (listener !== undefined) process.off(signal, listener)
      this.#listeners.delete(signal)
    }
  }

  #take(signal: NodeJS.Signals): void {
    // A signal that this process was started to ignore requests nothing. The command may have changed that for itself.
    const isEndRequest = END_SIGNALS.includes(signal) && !isIgnored(signal)
    if (isEndRequest) this.#ending ??= signal
    const child = this.#child
    if (child?.received !== undefined) void this.#passUnlessReached(signal, child as Required<SignalTarget>)
    else if (child !== undefined) {
      // The terminal has already sent the first Ctrl-C to the command. Passing it on would interrupt the
      // command twice.
      const reached = TERMINAL_SIGNALS.has(signal) && !this.#seen.has(signal) && isForeground()
      if (!reached) child.kill(signal)
    } else if (isEndRequest) this.#work.abort(new SignalError(signal))
    this.#seen.add(signal)
  }

  /** Pass a signal on, unless it was sent to the whole process group: then the command has it already. */
  async #passUnlessReached(signal: NodeJS.Signals, child: Required<SignalTarget>): Promise<void> {
    if (this.#asking.has(signal)) return
    this.#asking.add(signal)
    const first = await child.received(signal)
    this.#asking.delete(signal)
    if (this.#isReached(signal, first)) return
    await sleep(SPREAD_MS)
    if (!this.#isReached(signal, await child.received(signal))) child.kill(signal)
  }

  /** Return whether the witness received a signal that this process has not counted, or nobody needs it any more. */
  #isReached(signal: NodeJS.Signals, count: number | undefined): boolean {
    if (count === undefined) return true
    if (count <= (this.#reached.get(signal) ?? 0)) return false
    this.#reached.set(signal, count)
    return true
  }
}

/** Return the exit code that a shell reports for a signal: 128 plus the number of the signal. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + (constants.signals[signal] ?? 0)
}
