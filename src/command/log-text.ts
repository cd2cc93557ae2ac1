/** The text of a log: the output of a command without secrets and without the earlier states of rewritten lines. */
import { LineFilter } from '../secrets/lines.ts'
import { redactText } from '../secrets/redact.ts'
import { RewrittenLines } from './rewritten-lines.ts'

/** Numbers about a piece of output. */
export interface LogCounts {
  /** Bytes of the output, before anything was replaced or left out. */
  readonly bytes: number
  /** Line ends in the text. */
  readonly lines: number
  /** Lines in which a secret was replaced. */
  readonly redacted: number
  /** Lines that were rewritten. */
  readonly rewritten: number
}

/** A text to write, and the output that it stands for. */
export interface LogPiece extends LogCounts {
  readonly text: Buffer
}

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** Turns the output of a command into the text of its log. */
export class LogText {
  /** Absent if the log keeps secrets. */
  readonly #filter: LineFilter | undefined
  readonly #lines: RewrittenLines
  /** Bytes of output so far, and those of them that pieces stand for. */
  #taken = 0
  #given = 0
  /** True if the line that has not ended has a carriage return. */
  #hasReturn = false
  /** Replacements of the filter when the current line began. */
  #replacedBefore = 0
  #redacted = 0
  #rewritten = 0

  /** @param redact True to replace secrets. */
  constructor(redact: boolean) {
    this.#filter = redact ? new LineFilter() : undefined
    this.#lines = new RewrittenLines(redact ? redactText : undefined)
  }

  /** Take output, and return what can be written. */
  push(chunk: Buffer): LogPiece {
    const end = chunk.lastIndexOf(LINE_FEED) + 1
    const written: Buffer[] = []
    let begin = 0
    const hasReturn = chunk.includes(CARRIAGE_RETURN)
    if (this.#hasReturn || hasReturn) {
      // One by one: a line with many states counts as one line.
      while (begin < end) {
        const next = chunk.indexOf(LINE_FEED, begin) + 1
        written.push(this.#take(chunk.subarray(begin, next)))
        const replaced = this.#replaced()
        this.#redacted += Math.min(1, replaced - this.#replacedBefore)
        this.#replacedBefore = replaced
        begin = next
      }
    } else if (end > 0) {
      written.push(this.#take(chunk.subarray(0, end)))
      this.#redacted += this.#replaced() - this.#replacedBefore
      this.#replacedBefore = this.#replaced()
    }
    this.#hasReturn = (end === 0 && this.#hasReturn) || chunk.includes(CARRIAGE_RETURN, end)
    const ended = this.#taken
    const rest = end < chunk.length ? this.#take(chunk.subarray(end)) : EMPTY
    if (rest.length === 0) return this.#piece(written, end > 0 ? ended : this.#given)
    written.push(rest)
    // A part of a line without an end. What is held has no secrets any more, so its length is an estimate.
    const held = this.#lines.pending + (this.#filter?.pending ?? 0)
    return this.#piece(written, Math.max(this.#given, ended, this.#taken - held))
  }

  /**
   * Leave out the line that has not ended, and output up to a line end, without reading it for secrets.
   *
   * @returns The numbers about all of it.
   */
  skip(output: Buffer): LogCounts {
    this.#filter?.skip(output)
    this.#lines.skip()
    this.#taken += output.length
    this.#hasReturn = false
    this.#redacted = 0
    this.#replacedBefore = this.#replaced()
    const bytes = this.#taken - this.#given
    this.#given = this.#taken
    return { bytes, lines: countOf(output, LINE_FEED), redacted: 0, rewritten: 0 }
  }

  /** Return the rest at the end of the output. */
  end(): LogPiece {
    const rest = this.#filter?.end()
    const written = rest === undefined ? [] : [this.#lines.push(rest)]
    written.push(this.#lines.end())
    this.#redacted += Math.min(1, this.#replaced() - this.#replacedBefore)
    return this.#piece(written, this.#taken)
  }

  /** Return what a terminal shows of a rewritten line that has not ended, without secrets. */
  shown(): Buffer | undefined {
    return this.#lines.shown()
  }

  #take(bytes: Buffer): Buffer {
    this.#taken += bytes.length
    const text = this.#filter === undefined ? bytes : this.#filter.push(bytes)
    return text.length === 0 ? EMPTY : this.#lines.push(text)
  }

  #replaced(): number {
    return (this.#filter?.redacted ?? 0) + this.#lines.redacted
  }

  /** @param until Bytes of the output that this piece and those before it stand for. */
  #piece(written: readonly Buffer[], until: number): LogPiece {
    const text = Buffer.concat(written)
    const piece = {
      text,
      bytes: until - this.#given,
      lines: countOf(text, LINE_FEED),
      redacted: this.#redacted,
      rewritten: this.#lines.count - this.#rewritten,
    }
    this.#given = until
    this.#redacted = 0
    this.#rewritten = this.#lines.count
    return piece
  }
}

const EMPTY = Buffer.alloc(0)

function countOf(bytes: Buffer, byte: number): number {
  let count = 0
  for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, at + 1)) count++
  return count
}
