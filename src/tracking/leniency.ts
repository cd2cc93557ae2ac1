/** Errors of calls that record something: thrown, or warnings of the run. */
import { emitWarning } from 'node:process'
import { reasonOf } from '../record/failure.ts'
import type { Recorder } from './recorder.ts'
import type { TrackerSettings } from './settings.ts'

/** The part of a recorder that takes warnings. */
type WarningTarget = Pick<Recorder, 'isRunning' | 'recordWarning'>

/** Most warnings that the errors of one tracker become. */
const LIMIT = 100

/** Makes the calls of one tracker. */
export class Leniency {
  readonly #recorder: WarningTarget
  readonly #signal: AbortSignal | undefined
  readonly #isStrict: boolean
  readonly #told = new Set<string>()
  #isLost = false

  constructor(
    recorder: WarningTarget,
    { strict, signal, environment = process.env }: Pick<TrackerSettings, 'strict' | 'signal' | 'environment'>,
  ) {
    this.#recorder = recorder
    this.#signal = signal
    this.#isStrict = strict ?? !/^(?:0|false)$/i.test(environment['LINEAPRINT_STRICT'] ?? '')
  }

  /** Make a call. Return its result; `undefined` after an error, unless errors are thrown. */
  call<T>(name: string, work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      this.#take(name, error)
      return undefined
    }
  }

  /** Make a call and wait for it, in the same way. */
  async wait<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      this.#take(name, error)
      return undefined
    }
  }

  #take(name: string, error: unknown): void {
    if (this.#isStrict) throw error
    // Who cancels work waits for the reason.
    this.#signal?.throwIfAborted()
    const sentence = `${name}: ${reasonOf(error)}`
    if (this.#told.has(sentence) || this.#told.size >= LIMIT) return
    this.#told.add(sentence)
    try {
      if (this.#recorder.isRunning) return this.#recorder.recordWarning(sentence)
    } catch {
      // The run cannot be written any more; the process is told below, once.
    }
    if (this.#isLost) return
    this.#isLost = true
    emitWarning(`${sentence}; nothing more is recorded`, 'LineaprintWarning')
  }
}
