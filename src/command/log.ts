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
  /** Memory for the output that waits, once the file is full, and the range that is used. */
  #waiting = EMPTY
  #from = 0
  #to = 0
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

  /** Take output. Once the file is full, this does not wait for the disk. */
  async push(output: Buffer): Promise<void> {
    if (!this.#file.isFull) {
      await this.#inTurn(async () => {
        await this.#write(output)
        await this.#showState()
      })
      return
    }
    for (let at = 0; at < output.length; at += SLICE) await this.#wait(output.subarray(at, at + SLICE))
    this.#writeLater()
  }

  /** Write what waits, and finish the file. */
  async finish(): Promise<LogTotals> {
    await this.#inTurn(async () => {
      clearTimeout(this.#timer)
      if (this.#to - this.#from > this.#limits.tail) this.#leaveOut()
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

  /** Write what waits now. More can come, and be left out, while a slice of it is on its way to the disk. */
  async #writeWaiting(): Promise<void> {
    const begin = performance.now()
    for (let rest = this.#to - this.#from; rest > 0 && this.#from < this.#to;) {
      const end = Math.min(this.#from + Math.min(rest, SLICE), this.#to)
      const slice = this.#waiting.subarray(this.#from, end)
      rest -= slice.length
      this.#from = end
      await this.#write(slice)
    }
    await this.#showState()
    const end = performance.now()
    this.#writeAt = end + Math.min((end - begin) / DUTY, LONGEST_WAIT_MS)
  }

  /** Write when it is time, also if no more output comes. */
  #writeLater(): void {
    this.#timer ??= setTimeout(
      () => {
        void this.#inTurn(async () => {
          await this.#writeWaiting()
          this.#timer = undefined
          if (this.#from < this.#to) this.#writeLater()
        })
      },
      Math.max(0, this.#writeAt - performance.now()),
    ).unref()
  }

  /** Let a slice of output wait, in memory of its own: the slices are too many to be kept one by one. */
  async #wait(slice: Buffer): Promise<void> {
    const size = this.#limits.tail + SLACK
    if (this.#waiting.length === 0) this.#waiting = Buffer.allocUnsafe(size)
    if (this.#to + slice.length > size) {
      this.#leaveOut()
      // No line ends in it.
      if (this.#to + slice.length > size) await this.#inTurn(() => this.#writeWaiting())
      this.#compact()
    }
    slice.copy(this.#waiting, this.#to)
    this.#to += slice.length
  }

  /** Leave out the oldest of the output that waits, up to the end of a line: half a line may be half a secret. */
  #leaveOut(): void {
    const oldest = Math.max(this.#from, this.#to - this.#limits.tail)
    const end = this.#waiting.subarray(0, this.#to).indexOf(LINE_FEED, oldest) + 1
    if (end === 0) return
    this.#file.skip(this.#text.skip(this.#waiting.subarray(this.#from, end)))
    this.#from = end
    this.#compact()
  }

  #compact(): void {
    this.#waiting.copyWithin(0, this.#from, this.#to)
    this.#to -= this.#from
    this.#from = 0
  }

  async #showState(): Promise<void> {
    if (performance.now() - this.#stateAt < STATE_MS) return
    const state = this.#text.shown()
    if (state === undefined) return
    await this.#file.show(state)
    this.#stateAt = performance.now()
  }
}
