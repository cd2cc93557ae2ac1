/** Lines of a stream of bytes, with a limit of their length. */

/** Longest line in bytes. A row of metrics is shorter by far. */
export const LINE_LIMIT: number = 1 << 20

/** A line without its end; `undefined` in place of one that is too long, which is not kept. */
export type Line = string | undefined

/** A splitter of bytes into lines. Memory is limited by the longest line that is kept. */
export class LineSplitter {
  #parts: Buffer[] = []
  #length = 0
  #isTooLong = false

  /** Number of bytes behind the last line end. */
  get pending(): number {
    return this.#length
  }

  /** Add bytes and yield the lines that they end. */
  *push(chunk: Buffer): Generator<Line> {
    let from = 0
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      this.#add(chunk.subarray(from, at))
      yield this.#take()
      from = at + 1
    }
    this.#add(chunk.subarray(from))
  }

  /** Yield the text behind the last line end, if there is any. */
  *end(): Generator<Line> {
    if (this.#length > 0) yield this.#take()
  }

  #add(part: Buffer): void {
    this.#length += part.length
    if (this.#length > LINE_LIMIT) {
      this.#isTooLong = true
      this.#parts = []
    } else if (part.length > 0) this.#parts.push(part)
  }

  #take(): Line {
    const text = this.#isTooLong ? undefined : Buffer.concat(this.#parts).toString().replace(/\r$/, '')
    this.#parts = []
    this.#length = 0
    this.#isTooLong = false
    return text
  }
}
