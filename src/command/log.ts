/**
 * The log of an output: its text, in its file.
 *
 * Of an output that is longer than the file, only the end is needed, and a search for secrets takes longer than to
 * print. So the latest output waits in memory, and is searched and written as often as that takes little of the time;
 * what is older than the end that is kept is left out without a search.
 */
import { LOG_LIMITS, LogFile } from './log-file.ts'
import { LogText } from './log-text.ts'
import type { LogLimits, LogTotals } from './log-file.ts'

/** Bytes that wait in memory beyond those of the end. */
const SLACK = 3 << 20

/** Bytes that are searched at once. */
const SLICE = 1 << 16

/** The part of the time in which waiting output is written. */
const DUTY = 1 / 20

/** Longest time between two writes of waiting output, in milliseconds. */
const LONGEST_WAIT_MS = 5000

/** Milliseconds between two states of a line without an end, such as a progress bar, that the file shows. */
const STATE_MS = 1000

const LINE_FEED = 0x0a
const EMPTY = Buffer.alloc(0)

/** A log that is written. Faults are kept in `failure`, and lose text only. */
export class Log {
  readonly #file: LogFile
  readonly #text: LogText
  readonly #limits: LogLimits
  /** Output that waits, once the file is full: so many bytes at the beginning of the memory for it. */
  #waiting = EMPTY
  #waitingBytes = 0
  /** When it may be written, by the clock of `performance.now`. */
  #writeAt = 0
  #timer: NodeJS.Timeout | undefined
  #stateAt = 0
  #fault: unknown
  /** The last of the steps, of which one begins when the other has ended. */
  #last: Promise<void> = Promise.resolve()

  private constructor(file: LogFile, redact: boolean, limits: LogLimits) {
    this.#file = file
    this.#text = new LogText(redact)
    this.#limits = limits
  }

  /**
   * Create the file.
   *
   * @param folder The folder of the run.
   * @param name For example `stdout.log`.
   * @param redact True to replace secrets.
   * @throws ERR_LINEAPRINT_STORE if it cannot be created.
   */
  static async create(
    folder: string,
    name: string,
    redact: boolean,
    limits: LogLimits = LOG_LIMITS,
  ): Promise<Log> {
    return new Log(await LogFile.create(folder, name, limits), redact, limits)
  }

  /** The first fault. */
  get failure(): unknown {
    return this.#file.failure ?? this.#fault
  }

  /** Take output. */
  push(output: Buffer): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#file.isFull) {
        await this.#write(output)
        await this.#showState()
        return
      }
      for (let at = 0; at < output.length; at += SLICE) await this.#wait(output.subarray(at, at + SLICE))
      if (performance.now() >= this.#writeAt) await this.#writeWaiting()
      else this.#writeLater()
    })
  }

  /** Write what waits, and finish the file. */
  async finish(): Promise<LogTotals> {
    await this.#inTurn(async () => {
      clearTimeout(this.#timer)
      await this.#writeWaiting()
      await this.#file.add(this.#text.end())
    })
    return this.#file.finish()
  }

  /** Close the file. Its content stays. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#last
    await this.#file.close()
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    // A fault of the log does not end the command.
    this.#last = this.#last.then(step).catch((error: unknown) => {
      this.#fault ??= error
    })
    return this.#last
  }

  async #write(output: Buffer): Promise<void> {
    for (let at = 0; at < output.length; at += SLICE) {
      const piece = this.#text.push(output.subarray(at, at + SLICE))
      if (piece.bytes > 0) await this.#file.add(piece)
    }
  }

  async #writeWaiting(): Promise<void> {
    const begin = performance.now()
    await this.#write(this.#waiting.subarray(0, this.#waitingBytes))
    this.#waitingBytes = 0
    await this.#showState()
    const end = performance.now()
    this.#writeAt = end + Math.min((end - begin) / DUTY, LONGEST_WAIT_MS)
  }

  /** Write when it is time, also if no more output comes. */
  #writeLater(): void {
    clearTimeout(this.#timer)
    const write = (): void => void this.#inTurn(() => this.#writeWaiting())
    this.#timer = setTimeout(write, Math.max(0, this.#writeAt - performance.now())).unref()
  }

  /** Let a slice of output wait, in memory of its own: the slices are too many to be kept one by one. */
  async #wait(slice: Buffer): Promise<void> {
    const size = this.#limits.tail + SLACK
    if (this.#waiting.length === 0) this.#waiting = Buffer.allocUnsafe(size)
    if (this.#waitingBytes + slice.length > size) await this.#leaveOut()
    slice.copy(this.#waiting, this.#waitingBytes)
    this.#waitingBytes += slice.length
  }

  /** Leave out the oldest of the output that waits, up to the end of a line: half a line may be half a secret. */
  async #leaveOut(): Promise<void> {
    const output = this.#waiting.subarray(0, this.#waitingBytes)
    const end = output.indexOf(LINE_FEED, Math.max(0, output.length - this.#limits.tail)) + 1
    if (end === 0) {
      await this.#writeWaiting()
      return
    }
    this.#file.skip(this.#text.skip(output.subarray(0, end)))
    this.#waiting.copyWithin(0, end, output.length)
    this.#waitingBytes = output.length - end
  }

  async #showState(): Promise<void> {
    if (performance.now() - this.#stateAt < STATE_MS) return
    const state = this.#text.shown()
    if (state === undefined) return
    await this.#file.show(state)
    this.#stateAt = performance.now()
  }
}
