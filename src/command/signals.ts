/**
 * Signals to `lineaprint run`: before and after the command they stop the work of this process, while it runs
 * they are passed on.
 */
import { constants } from 'node:os'
import { isForeground } from '../util/process-identity.ts'
import type { ChildProcess } from 'node:child_process'

/** Signals that request the end of a process. */
const END_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']

/** Signals that batch systems send before they end a job. They are meant for the command. */
const NOTICE_SIGNALS: readonly NodeJS.Signals[] = ['SIGUSR1', 'SIGUSR2']

/** Signals that a terminal sends to every process in the foreground. */
const TERMINAL_SIGNALS: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT'])

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
  readonly #listeners: (readonly [NodeJS.Signals, () => void])[] = []
  readonly #seen = new Set<NodeJS.Signals>()
  #child: ChildProcess | undefined
  #ending: NodeJS.Signals | undefined

  constructor() {
    const notices = process.platform === 'win32' ? [] : NOTICE_SIGNALS
    for (const signal of [...END_SIGNALS, ...notices]) {
      const listener = (): void => this.#take(signal)
      process.on(signal, listener)
      this.#listeners.push([signal, listener])
    }
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
  forwardTo(child: ChildProcess | undefined): void {
    this.#child = child
  }

  /** Stop listening. */
  close(): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener)
  }

  #take(signal: NodeJS.Signals): void {
    const isEndRequest = END_SIGNALS.includes(signal)
    if (isEndRequest) this.#ending ??= signal
    if (this.#child !== undefined) {
      // The terminal has already sent the first Ctrl-C to the command. Passing it on would interrupt the
      // command twice.
      const reached = TERMINAL_SIGNALS.has(signal) && !this.#seen.has(signal) && isForeground()
      if (!reached) this.#child.kill(signal)
    } else if (isEndRequest) this.#work.abort(new SignalError(signal))
    this.#seen.add(signal)
  }
}

/** Return the exit code that a shell reports for a signal: 128 plus the number of the signal. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + (constants.signals[signal] ?? 0)
}
