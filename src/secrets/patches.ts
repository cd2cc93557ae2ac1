/**
 * A filter that removes secrets from the added lines of a patch as it streams through.
 *
 * The number of lines stays the same, so the patch still applies. Only secrets of known shapes and passwords in
 * addresses are replaced, because an assignment such as `password = ask()` is program text.
 *
 * Context lines, removed lines and names of files must stay as they are for the patch to apply. A file with a
 * secret in one of them is listed, so that the caller can make the patch again without it.
 */
import { KeyLines, LineFilter } from './lines.ts'
import { redactCode } from './redact.ts'

const PLUS = 0x2b
const LINE_END = 0x0a
/** A longer line is filtered in parts: the author of the patch would otherwise decide on the memory needed. */
const LINE_LIMIT = 1 << 20

const EMPTY = Buffer.alloc(0)

/** A filter for one patch. */
export class PatchFilter {
  /** Lines in which a secret was replaced. */
  redacted = 0
  /** The files of these lines, in the form of {@link pathOfHeader}. */
  readonly redactedFiles: Set<string> = new Set<string>()
  /** Files that have a secret where none can be replaced, in the same form. */
  readonly unusableFiles: Set<string> = new Set<string>()
  /** Path of the current file. */
  #path = ''
  /** Remaining lines of the current hunk, on the old and on the new side. */
  #old = 0
  #new = 0
  #rest: Buffer[] = []
  #restLength = 0
  /** Filter of the current line, a part of which has already been written. */
  #long: { readonly filter: LineFilter; readonly isAdded: boolean } | undefined
  readonly #added = new KeyLines()
  /** Keys in lines that cannot be replaced, one line of which has no shape of its own. */
  readonly #fixed = new KeyLines()

  /** Filter a chunk of the patch, and return the part that can be written. */
  push(piece: Buffer): Buffer {
    const written: Buffer[] = []
    let start = 0
    for (let end = piece.indexOf(LINE_END); end >= 0; end = piece.indexOf(LINE_END, start)) {
      const part = piece.subarray(start, end + 1)
      if (this.#long === undefined) written.push(this.#line(Buffer.concat([...this.#rest, part])))
      else {
        written.push(this.#part(this.#long, part))
        this.#endLong()
      }
      this.#clear()
      start = end + 1
    }
    const part = piece.subarray(start)
    if (this.#long !== undefined) written.push(this.#part(this.#long, part))
    else if (part.length > 0) {
      // A copy: the stream may reuse the chunk.
      this.#rest.push(Buffer.from(part))
      this.#restLength += part.length
      if (this.#restLength > LINE_LIMIT) written.push(this.#beginLong())
    }
    return Buffer.concat(written)
  }

  /** Return the rest at the end of the patch. */
  end(): Buffer {
    if (this.#long !== undefined) {
      const rest = this.#long.isAdded ? this.#long.filter.end() : (this.#long.filter.end(), EMPTY)
      this.#endLong()
      return rest
    }
    const line = Buffer.concat(this.#rest)
    this.#clear()
    return line.length === 0 ? line : this.#line(line)
  }

  #clear(): void {
    this.#rest = []
    this.#restLength = 0
  }

  #beginLong(): Buffer {
    const line = Buffer.concat(this.#rest)
    const isAdded = this.#isInHunk() && line[0] === PLUS
    this.#count(line)
    this.#clear()
    this.#long = { filter: new LineFilter(redactCode), isAdded }
    const mark = line.subarray(0, isAdded ? 1 : 0)
    return Buffer.concat([mark, this.#part(this.#long, line.subarray(mark.length))])
  }

  #part({ filter, isAdded }: { filter: LineFilter; isAdded: boolean }, part: Buffer): Buffer {
    const clean = filter.push(part)
    return isAdded ? clean : part
  }

  #endLong(): void {
    if (this.#long !== undefined && this.#long.filter.redacted > 0) this.#found(this.#long.isAdded)
    this.#long = undefined
  }

  #found(isAdded: boolean): void {
    if (!isAdded) this.unusableFiles.add(this.#path)
    else {
      this.redacted++
      this.redactedFiles.add(this.#path)
    }
  }

  #isInHunk(): boolean {
    return this.#old > 0 || this.#new > 0
  }

  #line(line: Buffer): Buffer {
    const isInHunk = this.#isInHunk()
    this.#count(line)
    if (!isInHunk || line[0] !== PLUS) {
      this.#added.reset()
      const text = line.toString('latin1', isInHunk ? 1 : 0)
      if (!isInHunk) this.#fixed.reset()
      const isScanned = isInHunk || FILE_LINE.test(text)
      if (isScanned && (this.#fixed.filter(text) ?? redactCode(text)) !== text) this.#found(false)
      return line
    }
    // Latin-1 maps every byte to one character and back; all shapes of secrets are ASCII.
    const text = line.toString('latin1', 1)
    const clean = this.#added.filter(text) ?? redactCode(text)
    if (clean === text) return line
    this.#found(true)
    return Buffer.from(`+${clean}`, 'latin1')
  }

  /** Track hunk headers, so that a line `+++ b/file` is never treated as an added line. */
  #count(line: Buffer): void {
    if (this.#isInHunk()) {
      const mark = line[0]
      // `\ No newline at end of file` counts for neither side.
      if (mark === 0x5c) return
      if (mark !== PLUS) this.#old--
      if (mark !== 0x2d) this.#new--
      return
    }
    const head = line.toString('latin1', 0, 80)
    if (head.startsWith(HEADER)) this.#path = pathOfHeader(line.toString('latin1'))
    const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(head)
    if (!hunk) return
    this.#old = Number(hunk[1] ?? 1)
    this.#new = Number(hunk[2] ?? 1)
  }
}

const HEADER = 'diff --git '

/** Lines about a file that have text of it. Binary content is compressed, and looks like anything. */
const FILE_LINE = /^(?:diff --git |--- |\+\+\+ |@@ )/

/**
 * Return the path in the first line about a file, one character for each byte. Without renames both paths are the
 * same one.
 *
 * @param line `diff --git a/PATH b/PATH`, or both in quotes with escapes.
 */
export function pathOfHeader(line: string): string {
  const both = line.slice(HEADER.length).replace(/\r?\n$/, '')
  const half = both.slice(0, (both.length - 1) / 2)
  if (!half.startsWith('"')) return half.slice('a/'.length)
  return half
    .slice('"a/'.length, -1)
    .replace(/\\(?:([0-7]{3})|(.))/g, (_, octal: string | undefined, char: string) =>
      octal === undefined ? (ESCAPES[char] ?? char) : String.fromCharCode(Number.parseInt(octal, 8)),
    )
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}
