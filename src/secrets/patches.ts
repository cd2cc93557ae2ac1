/**
 * A filter that removes secrets from the added lines of a patch as it streams through.
 *
 * Only added lines change: the number of lines stays the same, so the patch still applies, and context and
 * removed lines are in the history of the repository anyway. Only secrets of known shapes are replaced,
 * because an assignment such as `password = ask()` is program text.
 */
import { REDACTED, redactTokens } from './redact.ts'

const PLUS = 0x2b
const LINE_END = 0x0a
/** Longer lines pass without a check: the author of the patch would otherwise decide on the memory needed. */
const LINE_LIMIT = 4 << 20

/** A filter for one patch. */
export class PatchFilter {
  /** Lines in which a secret was replaced. */
  redacted = 0
  /** Lines too long to check. */
  unread = 0
  /** Remaining lines of the current hunk, on the old and on the new side. */
  #old = 0
  #new = 0
  #rest: Buffer[] = []
  #restLength = 0
  /** True if a part of the current line has already been written. */
  #passing = false
  #privateKey = false

  /** Filter a chunk of the patch, and return the part that can be written. */
  push(piece: Buffer): Buffer {
    const written: Buffer[] = []
    let start = 0
    for (let end = piece.indexOf(LINE_END); end >= 0; end = piece.indexOf(LINE_END, start)) {
      const part = piece.subarray(start, end + 1)
      written.push(this.#passing ? part : this.#line(Buffer.concat([...this.#rest, part])))
      this.#passing = false
      this.#clear()
      start = end + 1
    }
    const part = piece.subarray(start)
    if (this.#passing) written.push(part)
    else if (part.length > 0) {
      // A copy: the stream may reuse the chunk.
      this.#rest.push(Buffer.from(part))
      this.#restLength += part.length
      if (this.#restLength > LINE_LIMIT) {
        this.unread++
        this.#passing = true
        const line = Buffer.concat(this.#rest)
        this.#count(line)
        written.push(line)
        this.#clear()
      }
    }
    return Buffer.concat(written)
  }

  /** Return the rest at the end of the patch. */
  end(): Buffer {
    const line = Buffer.concat(this.#rest)
    this.#clear()
    return line.length === 0 ? line : this.#line(line)
  }

  #clear(): void {
    this.#rest = []
    this.#restLength = 0
  }

  #line(line: Buffer): Buffer {
    const inHunk = this.#old > 0 || this.#new > 0
    this.#count(line)
    if (!inHunk || line[0] !== PLUS) {
      this.#privateKey = false
      return line
    }
    // Latin-1 maps every byte to one character and back; all shapes of secrets are ASCII.
    const text = line.toString('latin1', 1)
    const clean = this.#clean(text)
    if (clean === text) return line
    this.redacted++
    return Buffer.from(`+${clean}`, 'latin1')
  }

  #clean(text: string): string {
    const end = /(\r?\n)?$/.exec(text)?.[0] ?? ''
    if (/-----BEGIN [A-Z0-9 ]*PRIVATE KEY/.test(text)) {
      // A private key spans several lines; the following ones have no shape of their own.
      this.#privateKey = !text.includes('-----END ')
      return text.slice(0, text.indexOf('-----BEGIN ')) + REDACTED + end
    }
    if (this.#privateKey) {
      if (text.includes('-----END ')) this.#privateKey = false
      return REDACTED + end
    }
    return redactTokens(text)
  }

  /** Track hunk headers, so that a line `+++ b/file` is never treated as an added line. */
  #count(line: Buffer): void {
    if (this.#old > 0 || this.#new > 0) {
      const mark = line[0]
      // `\ No newline at end of file` counts for neither side.
      if (mark === 0x5c) return
      if (mark !== PLUS) this.#old--
      if (mark !== 0x2d) this.#new--
      return
    }
    const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line.toString('latin1', 0, 80))
    if (!hunk) return
    this.#old = Number(hunk[1] ?? 1)
    this.#new = Number(hunk[2] ?? 1)
  }
}
