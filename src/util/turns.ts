/** Long work of JavaScript in turns, between which timers and other callbacks run. */
import { setImmediate } from 'node:timers/promises'

/** Milliseconds of a turn. A promise that is fulfilled already ends none. */
const TURN_MS = 5

/** The turns of one piece of work. */
export class Turns {
  #began = performance.now()

  /** True if the turn is over: others have waited long enough. */
  get isOver(): boolean {
    return performance.now() - this.#began >= TURN_MS
  }

  /** Let others run, and begin a turn. */
  async next(): Promise<void> {
    await setImmediate()
    this.#began = performance.now()
  }
}
