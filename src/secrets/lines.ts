/**
 * A filter that removes secrets from a stream of text, line by line: the output of a program.
 *
 * A secret that arrives in pieces is seen as a whole, because a line is written when it is complete. A line
 * that is too long to be kept is written in parts, each cut where the cut separates no secret.
 */
import { REDACTED, redactText } from './redact.ts'

/** Bytes of an incomplete line at which a part of it is written. */
const PART_LENGTH = 1 << 18

/** Bytes of it that are kept: more than any known shape has. */
const KEPT_LENGTH = 1 << 15

/** Bytes at which a line is written even if every cut separates a secret: a value of this length. */
const LINE_LIMIT = 1 << 20

/** Positions that are tried for a cut. */
const CUTS = 5

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** Removes the secrets from a text; the number of line ends does not change. */
export type TextFilter = (text: string) => string

/** A filter for one stream of bytes in a superset of ASCII. */
export class LineFilter {
  /** Lines, or parts of long lines, in which something was replaced. */
  redacted = 0
  readonly #redact: TextFilter
  readonly #keys = new KeyLines()
  #rest: Buffer[] = []
  #restLength = 0
  /** True if a secret has been replaced whose end has not been seen. */
  #inSecret = false

  /** @param redact Applied to each line. @default redactText */
  constructor(redact: TextFilter = redactText) {
    this.#redact = redact
  }

  /** Bytes of the line that has not ended. */
  get pending(): number {
    return this.#restLength
  }

  /** Filter a chunk, and return what can be written. */
  push(chunk: Buffer): Buffer {
    const end = lastLineEnd(chunk)
    const written: Buffer[] = []
    if (end > 0) {
      const lines = Buffer.concat([...this.#rest, chunk.subarray(0, end)])
      this.#rest = []
      this.#restLength = 0
      written.push(this.#lines(lines))
    }
    if (end < chunk.length) {
      // A copy: the stream may reuse the chunk.
      this.#rest.push(Buffer.from(chunk.subarray(end)))
      this.#restLength += chunk.length - end
    }
    if (this.#restLength > PART_LENGTH) written.push(this.#longLine())
    return written.length === 1 ? (written[0] ?? EMPTY) : Buffer.concat(written)
  }

  /** Return the rest at the end of the stream. */
  end(): Buffer {
    const rest = Buffer.concat(this.#rest)
    this.#rest = []
    this.#restLength = 0
    return rest.length === 0 ? rest : this.#lines(rest)
  }

  /** Leave out the line that has not ended and what follows of it and behind it, up to a line end. */
  skip(bytes: Buffer): void {
    this.#keys.skip(this.#rest.length === 0 ? bytes : Buffer.concat([...this.#rest, bytes]))
    this.#rest = []
    this.#restLength = 0
    this.#inSecret = false
  }

  #lines(bytes: Buffer): Buffer {
    // Latin-1 maps every byte to one character and back; all secrets that can be recognised are ASCII.
    const text = bytes.toString('latin1')
    let clean = ''
    for (const line of text.match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$/g) ?? []) clean += this.#line(line)
    return clean === text ? bytes : Buffer.from(clean, 'latin1')
  }

  #line(line: string): string {
    const whole = this.#inSecret ? this.#afterSecret(line) : line
    const clean = this.#keys.filter(whole) ?? this.#redact(whole)
    if (clean !== line) this.redacted++
    return clean
  }

  /** Write a part of a line that has not ended, and keep the rest. */
  #longLine(): Buffer {
    const bytes = Buffer.concat(this.#rest)
    let text = bytes.toString('latin1')
    if (this.#inSecret) text = this.#afterSecret(text)
    const clean = this.#redact(text)
    let cut = this.#cutOf(text, clean)
    let written = cut === undefined ? '' : this.#redact(text.slice(0, cut))
    if (cut === undefined && text.length > LINE_LIMIT) {
      cut = text.length
      written = clean
      this.#inSecret = clean.endsWith(REDACTED)
    }
    if (cut !== undefined && written !== text.slice(0, cut)) this.redacted++
    const rest = Buffer.from(text.slice(cut ?? 0), 'latin1')
    this.#rest = rest.length === 0 ? [] : [rest]
    this.#restLength = rest.length
    return Buffer.from(written, 'latin1')
  }

  /** Return a position that separates no secret: both parts alone give the same as the whole. */
  #cutOf(text: string, clean: string): number | undefined {
    for (let attempt = 0; attempt < CUTS; attempt++) {
      // The rest stays longer than any shape, so that the beginning of a secret at its end is not written.
      const near = Math.floor(((text.length - KEPT_LENGTH) * (CUTS - attempt)) / CUTS)
      const space = text.lastIndexOf(' ', near)
      const cut = space > near / 2 ? space : near
      if (cut > 0 && this.#redact(text.slice(0, cut)) + this.#redact(text.slice(cut)) === clean) return cut
    }
    return undefined
  }

  /** Drop the rest of a secret that was replaced already. */
  #afterSecret(text: string): string {
    const end = /[\s"',;&<>]/.exec(text)?.index
    this.#inSecret = end === undefined
    return text.slice(end ?? text.length)
  }
}

const EMPTY = Buffer.alloc(0)

/** Return the position behind the last line end. A carriage return alone ends a line of a progress bar. */
function lastLineEnd(chunk: Buffer): number {
  const feed = chunk.lastIndexOf(LINE_FEED)
  // One at the end may be the first half of a line end.
  const carriage = chunk.lastIndexOf(CARRIAGE_RETURN, chunk.length - 2)
  return Math.max(feed, chunk.length > 1 ? carriage : -1) + 1
}

/** A line that can be a part of a private key in PEM form. */
const KEY_LINE =
  /^[ \t>|+#"'-]{0,16}(?:[A-Za-z0-9+/=]{1,80}|(?:Proc-Type|DEK-Info|Version|Comment):.{0,200})?(?:\\n)?["',\\]{0,4}[ \t]*\r?\n?$/

/** Longest text before the lines of a key. */
const PREFIX_LIMIT = 256

/** Recognises the lines of a private key, which have no shape of their own. */
export class KeyLines {
  #inKey = false
  /** Characters before the first line, such as the name of a process, which the other lines have as well. */
  #before = 0

  /** Return a line of a key without it; `undefined` for any other line. */
  filter(line: string): string | undefined {
    if (this.#inKey) {
      if (line.includes('-----END ')) {
        this.#inKey = false
        return REDACTED + line.slice(endOfKey(line))
      }
      if (KEY_LINE.test(line)) return REDACTED + lineEnd(line)
      if (this.#before < PREFIX_LIMIT && KEY_LINE.test(line.slice(this.#before)))
        return line.slice(0, this.#before) + REDACTED + lineEnd(line)
      this.#inKey = false
    }
    const begin = KEY_BEGIN.exec(line)
    if (begin === null) return undefined
    // A key with its end on the same line is a text as any other.
    if (line.includes('-----END ', begin.index)) return undefined
    this.#inKey = true
    this.#before = begin.index
    return line.slice(0, begin.index) + REDACTED + lineEnd(line)
  }

  /** Take lines that nobody will see: a key may have begun in them. One that began before may go on. */
  skip(lines: Buffer): void {
    if (!lines.includes('-----')) return
    const end = lines.lastIndexOf('-----END ')
    for (let at = lines.lastIndexOf('-----BEGIN '); at >= 0; at = lines.lastIndexOf('-----BEGIN ', at - 1)) {
      if (at < end) {
        this.#inKey = false
        return
      }
      if (KEY_BEGIN.test(lines.toString('latin1', at, at + KEY_BEGIN_LENGTH))) {
        this.#inKey = true
        return
      }
      if (at === 0) break
    }
    if (end >= 0) this.#inKey = false
  }

  /** Forget the key: other text follows. */
  reset(): void {
    this.#inKey = false
  }
}

const KEY_BEGIN = /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY/

/** More characters than a match of it has. */
const KEY_BEGIN_LENGTH = 128

function endOfKey(line: string): number {
  const end = /-----END [A-Z0-9 ]{0,40}-----/.exec(line)
  return end === null ? line.length - lineEnd(line).length : end.index + end[0].length
}

function lineEnd(line: string): string {
  return /(?:\r\n|\r|\n)?$/.exec(line)?.[0] ?? ''
}
