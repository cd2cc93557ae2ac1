/** Reader of journals, which may be truncated by a crash, damaged or untrusted. */
import { LineaprintError } from '../core/errors.ts'
import { storeError } from '../util/fs.ts'
import { openRegular } from '../util/own-file.ts'
import { isEvent } from '../record/check-event.ts'
import type { FileHandle } from 'node:fs/promises'
import type { JournalEvent } from '../record/events.ts'

/** The result of reading a journal. */
export interface JournalReport {
  /** Number of events that could be read. */
  readonly events: number
  /** Bytes of an unfinished last line: the process ended while writing it. */
  readonly tornBytes: number
  /** Sentences about lines that are damaged or missing. */
  readonly problems: readonly string[]
}

/** Return all problems of a journal, as sentences. */
export function journalProblems({ problems, tornBytes }: JournalReport): string[] {
  return [...problems, ...(tornBytes > 0 ? ['the last line of the journal is incomplete'] : [])]
}

/** Longer lines count as damage: no event is as long, and memory is bounded. */
const LINE_LIMIT = 64 * 1024 * 1024

/** Bytes read at a time. */
const CHUNK = 256 << 10

/** Further problems add no information. */
const PROBLEM_LIMIT = 20

/**
 * Read the events of a journal in order. An unfinished last line is skipped and reported, and so is any other
 * line that is not an event.
 *
 * @param visit Called with each event.
 * @throws ERR_LINEAPRINT_STORE if the file cannot be read.
 */
export async function readJournal(
  path: string,
  visit: (event: JournalEvent) => void,
): Promise<JournalReport> {
  const lines = new LineReader(visit)
  let file: FileHandle | undefined
  try {
    file = await openRegular(path)
    const buffer = Buffer.allocUnsafeSlow(CHUNK)
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK)
      if (bytesRead === 0) break
      lines.add(buffer.subarray(0, bytesRead))
      // A sparse file can claim to have terabytes.
      if (lines.isTooLong) break
    }
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    throw storeError(path, 'the journal cannot be read', cause)
  } finally {
    await file?.close()
  }
  return lines.end()
}

/** Reader of the lines of a journal from parts of it. */
export class LineReader {
  readonly #visit: (event: JournalEvent) => void
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  readonly #problems: string[] = []
  #parts: Buffer[] = []
  #length = 0
  #line = 0
  #events = 0
  #sequence = 0

  constructor(visit: (event: JournalEvent) => void) {
    this.#visit = visit
  }

  /** Read the next bytes. They can be changed afterwards. */
  add(chunk: Buffer): void {
    const first = chunk.indexOf(0x0a)
    if (first < 0) return this.#keep(chunk)
    this.#keep(chunk.subarray(0, first))
    this.#take(this.#length <= LINE_LIMIT ? this.#decode(Buffer.concat(this.#parts)) : undefined)
    this.#parts = []
    this.#length = 0
    const last = chunk.lastIndexOf(0x0a)
    if (last > first) this.#takeAll(chunk.subarray(first + 1, last))
    this.#keep(chunk.subarray(last + 1))
  }

  /** True if the current line is longer than any event: the rest is not worth reading. */
  get isTooLong(): boolean {
    return this.#length > LINE_LIMIT
  }

  /** Return what was read so far. */
  end(): JournalReport {
    if (this.isTooLong) {
      this.#problem(`line ${this.#line + 1} is longer than any event, and the rest is not read`)
      return { events: this.#events, tornBytes: 0, problems: this.#problems }
    }
    return { events: this.#events, tornBytes: this.#length, problems: this.#problems }
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return
    this.#length += part.length
    // A copy: the next read overwrites the buffer.
    if (this.#length <= LINE_LIMIT) this.#parts.push(Buffer.from(part))
    else this.#parts = []
  }

  /** Decode all complete lines at once: a journal has millions. */
  #takeAll(bytes: Buffer): void {
    const text = this.#decode(bytes)
    if (text !== undefined) {
      for (const line of text.split('\n')) this.#take(line)
      return
    }
    // A byte is not UTF-8; only its line is damaged.
    let start = 0
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      this.#take(this.#decode(bytes.subarray(start, end)))
      start = end + 1
    }
    this.#take(this.#decode(bytes.subarray(start)))
  }

  #take(line: string | undefined): void {
    this.#line++
    const event = line === undefined ? undefined : parse(line)
    if (event === undefined) {
      this.#problem(`line ${this.#line} is damaged`)
      return
    }
    if (event.seq !== this.#sequence + 1) {
      this.#problem(`line ${this.#line} has sequence number ${event.seq} instead of ${this.#sequence + 1}`)
    }
    this.#sequence = event.seq
    this.#events++
    this.#visit(event)
  }

  #decode(bytes: Buffer): string | undefined {
    try {
      return this.#decoder.decode(bytes)
    } catch {
      return undefined
    }
  }

  #problem(sentence: string): void {
    if (this.#problems.length < PROBLEM_LIMIT) this.#problems.push(sentence)
    else if (this.#problems.length === PROBLEM_LIMIT) this.#problems.push('and more')
  }
}

function parse(line: string): JournalEvent | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isEvent(value) ? value : undefined
  } catch {
    return undefined
  }
}
