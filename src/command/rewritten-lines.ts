/**
 * Lines that a program rewrites after a carriage return, such as a progress bar: only what a terminal would show of
 * them in the end.
 *
 * A terminal writes over the characters that are there, so what a shorter state does not cover stays. Columns are
 * counted in code points, on a terminal of unlimited width.
 */
import type { TextFilter } from '../secrets/lines.ts'

/** Bytes of a line without an end that are held: then they are written, and cannot be rewritten any more. */
const LINE_LIMIT = 1 << 16

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** Removes the earlier states of rewritten lines from a stream of bytes. */
export class RewrittenLines {
  /** Lines that were rewritten and have ended. */
  count = 0
  /** Rewritten lines in which their states together had a secret. */
  redacted = 0
  readonly #redact: TextFilter | undefined
  /** The characters of the line that has not ended, as Latin-1, with the colours before them. */
  #cells: string[] = []
  /** Bytes in them. */
  #size = 0
  /** The last state of the line. It is not in the cells yet. */
  #text = ''
  #isRewritten = false

  /** @param redact Applied to a line made of several states; absent if secrets are kept. */
  constructor(redact: TextFilter | undefined) {
    this.#redact = redact
  }

  /** Bytes that are held. */
  get pending(): number {
    return this.#size + this.#text.length
  }

  /** Take bytes, and return what can be written. */
  push(bytes: Buffer): Buffer {
    const hasEnd = bytes.includes(LINE_FEED)
    if (!hasEnd && !bytes.includes(CARRIAGE_RETURN) && this.pending + bytes.length <= LINE_LIMIT) {
      this.#text += bytes.toString('latin1')
      return EMPTY
    }
    const text = this.#text + bytes.toString('latin1')
    const end = hasEnd ? text.lastIndexOf('\n') + 1 : 0
    let written = ''
    if (!this.#isRewritten && !hasRewriting(text, end)) written = text.slice(0, end)
    else if (end > 0)
      for (const line of text.slice(0, end).match(/[^\n]*\n/g) ?? []) written += this.#line(line)
    this.#text = text.slice(end)
    this.#takeStates()
    if (this.pending > LINE_LIMIT) written += this.#part()
    return Buffer.from(written, 'latin1')
  }

  /** Leave out the line that has not ended. */
  skip(): void {
    this.#reset()
  }

  /** Return what is held at the end of the stream. */
  end(): Buffer {
    if (!this.#isRewritten) {
      const rest = Buffer.from(this.#text, 'latin1')
      this.#text = ''
      return rest
    }
    this.count++
    return Buffer.from(this.#part(), 'latin1')
  }

  /** Return what a terminal shows of a line that has not ended; `undefined` if it has no complete state. */
  shown(): Buffer | undefined {
    if (!this.#isRewritten && !this.#text.endsWith('\r')) return undefined
    const cells = [...this.#cells]
    const states = this.#text.split('\r')
    for (const state of states.slice(0, -1)) overlay(cells, state)
    const text = textOf(cells)
    return Buffer.from(this.#redact?.(text) ?? text, 'latin1')
  }

  /** Return a line that has ended as it is written. */
  #line(line: string): string {
    let end = line.length - 1
    while (end > 0 && line.charCodeAt(end - 1) === CARRIAGE_RETURN) end--
    const states = line.slice(0, end).split('\r')
    if (states.length === 1 && !this.#isRewritten) return line
    for (const state of states) overlay(this.#cells, state)
    this.count++
    const text = this.#composed(this.#cells) + (line.length - end > 1 ? '\r\n' : '\n')
    this.#reset()
    return text
  }

  /** Move the states that are complete into the cells. A carriage return at the end may belong to a line end. */
  #takeStates(): void {
    let at = this.#text.length
    while (at > 0 && this.#text.charCodeAt(at - 1) === CARRIAGE_RETURN) at--
    const last = this.#text.lastIndexOf('\r', at - 1)
    if (at === 0 || last < 0) return
    for (const state of this.#text.slice(0, last).split('\r')) this.#size += overlay(this.#cells, state)
    this.#text = this.#text.slice(last + 1)
    this.#isRewritten = true
  }

  /** Return a line without an end so far, and begin anew. */
  #part(): string {
    if (!this.#isRewritten && !this.#text.includes('\r')) {
      const text = this.#text
      this.#reset()
      return text
    }
    for (const state of this.#text.split('\r')) overlay(this.#cells, state)
    const text = this.#composed(this.#cells)
    this.#reset()
    return text
  }

  #composed(cells: readonly string[]): string {
    const text = textOf(cells)
    const clean = this.#redact?.(text) ?? text
    if (clean !== text) this.redacted++
    return clean
  }

  #reset(): void {
    this.#cells = []
    this.#size = 0
    this.#text = ''
    this.#isRewritten = false
  }
}

const EMPTY = Buffer.alloc(0)

/** Return the text of a line. Blanks at its end are what a program wrote over a longer state. */
function textOf(cells: readonly string[]): string {
  let end = cells.length
  while (end > 0 && cells[end - 1] === ' ') end--
  return cells.slice(0, end).join('')
}

/** Return whether a text has a carriage return before a position that does not belong to a line end. */
function hasRewriting(text: string, end: number): boolean {
  for (let at = text.indexOf('\r'); at >= 0 && at < end; at = text.indexOf('\r', at)) {
    while (text.charCodeAt(at) === CARRIAGE_RETURN) at++
    if (text.charCodeAt(at) !== LINE_FEED) return true
  }
  return false
}

/** A control sequence of a terminal. */
const CONTROL = /\u001B\[[0-?]{0,32}[ -/]{0,4}[@-~]/y

/** Bytes of control sequences that are kept with one character. */
const CONTROL_LIMIT = 256

/**
 * Write a state over the characters of a line, from the first column on.
 *
 * @returns By how many bytes the line grew.
 */
function overlay(cells: string[], state: string): number {
  let [column, grown, control] = [0, 0, '']
  const put = (at: number, text: string): void => {
    grown += text.length - (cells[at]?.length ?? 0)
    cells[at] = text
  }
  const cut = (length: number): void => {
    while (cells.length > length) grown -= cells.pop()?.length ?? 0
  }
  for (let at = 0; at < state.length;) {
    CONTROL.lastIndex = at
    const [sequence] = (state.charCodeAt(at) === 0x1b && CONTROL.exec(state)) || []
    if (sequence !== undefined) {
      at += sequence.length
      if (/^.\[0?K$/.test(sequence)) cut(column)
      else if (/^.\[2K$/.test(sequence)) {
        // It comes before or after a carriage return.
        cut(0)
        column = 0
      } else if (control.length < CONTROL_LIMIT) control += sequence
      continue
    }
    let end = at + 1
    if (state.charCodeAt(at) >= 0xc2) while (end < at + 4 && isContinuation(state.charCodeAt(end))) end++
    put(column++, control + state.slice(at, end))
    control = ''
    at = end
  }
  if (control !== '' && column > 0) put(column - 1, (cells[column - 1] ?? '') + control)
  return grown
}

/** Return whether a byte is not the first of a character in UTF-8. */
function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte < 0xc0
}
