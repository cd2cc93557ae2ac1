/** Signals to `lineaprint run`: before and after the command they stop our own work, in between they are passed on. */
import { constants } from 'node:os'
import { isForeground } from '../util/process-identity.ts'
import type { ChildProcess } from 'node:child_process'

/** Signals that ask to end. */
const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']

/** Signals that batch systems send ahead of the end; they are for the command. */
const NOTICES: readonly NodeJS.Signals[] = ['SIGUSR1', 'SIGUSR2']

/** Keys at a terminal reach every process in the foreground by themselves. */
const FROM_KEYS: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT'])

/** Thrown where a signal stopped the work around the command. */
export class SignalError extends Error {
  readonly signal: NodeJS.Signals

  constructor(signal: NodeJS.Signals) {
    super(`stopped by ${signal}`)
    this.signal = signal
  }
}

/** Listens to signals for as long as a wrapped command is prepared, run and recorded. */
export class SignalRelay {
  readonly #work = new AbortController()
  readonly #listeners: (readonly [NodeJS.Signals, () => void])[] = []
  readonly #seen = new Set<NodeJS.Signals>()
  #child: ChildProcess | undefined
  #ending: NodeJS.Signals | undefined

  constructor() {
    const notices = process.platform === 'win32' ? [] : NOTICES
    for (const signal of [...ENDING, ...notices]) {
      const listener = (): void => this.#take(signal)
      process.on(signal, listener)
      this.#listeners.push([signal, listener])
    }
  }

  /** Aborted by a signal that comes while no command runs. */
  get work(): AbortSignal {
    return this.#work.signal
  }

  /** The first signal that asked to end. */
  get ending(): NodeJS.Signals | undefined {
    return this.#ending
  }

  /** From now on signals are for the command; `undefined`: for our own work again. */
  passTo(child: ChildProcess | undefined): void {
    this.#child = child
  }

  /** Stops listening. */
  close(): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener)
  }

  #take(signal: NodeJS.Signals): void {
    const asksToEnd = ENDING.includes(signal)
    if (asksToEnd) this.#ending ??= signal
    if (this.#child !== undefined) {
      // The first Ctrl-C has reached the command already; passing it on would interrupt it twice.
      const reached = FROM_KEYS.has(signal) && !this.#seen.has(signal) && isForeground()
      if (!reached) this.#child.kill(signal)
    } else if (asksToEnd) this.#work.abort(new SignalError(signal))
    this.#seen.add(signal)
  }
}

/** The exit code that a shell gives to a command that a signal ended: 128 and the number of the signal. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + (constants.signals[signal] ?? 0)
}
