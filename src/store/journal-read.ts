/** Reading a journal, whatever a crash or a stranger left of it. */
import { open, stat } from 'node:fs/promises'
import { LineaprintError } from '../core/errors.ts'
import { storeError } from '../util/fs.ts'
import { isEvent } from '../record/events.ts'
import type { FileHandle } from 'node:fs/promises'
import type { JournalEvent } from '../record/events.ts'

/** What was found in a journal. */
export interface JournalReport {
  /** Events that could be read. */
  readonly events: number
  /** Bytes of an unfinished last line: the process ended while it wrote. */
  readonly tornBytes: number
  /** Plain sentences about lines that are damaged or missing. */
  readonly problems: readonly string[]
}

/** Everything that is wrong with a journal, as plain sentences. */
export function journalProblems({ problems, tornBytes }: JournalReport): string[] {
  return [...problems, ...(tornBytes > 0 ? ['its last line is unfinished'] : [])]
}

/** Longer lines are damage: no event comes near, and memory has an end. */
const LINE_LIMIT = 64 * 1024 * 1024

/** Bytes read at a time. */
const CHUNK = 256 << 10

/** More than a few problems say no more than a few. */
const PROBLEM_LIMIT = 20

/**
 * Reads the events of a journal in order. An unfinished last line is left out and reported; so is a line in
 * the middle that is no event.
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
    // Opening a FIFO would wait for whoever writes into it.
    if (!(await stat(path)).isFile()) throw new Error('it is not a regular file')
    file = await open(path, 'r')
    const buffer = Buffer.allocUnsafeSlow(CHUNK)
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK)
      if (bytesRead === 0) break
      lines.add(buffer.subarray(0, bytesRead))
    }
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    throw storeError(path, 'the journal cannot be read', cause)
  } finally {
    await file?.close()
  }
  return lines.end()
}

class LineReader {
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

  end(): JournalReport {
    return { events: this.#events, tornBytes: this.#length, problems: this.#problems }
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return
    this.#length += part.length
    // The next read goes into the same memory.
    if (this.#length <= LINE_LIMIT) this.#parts.push(Buffer.from(part))
    else this.#parts = []
  }

  /** Whole lines, decoded at once: a journal has millions. */
  #takeAll(bytes: Buffer): void {
    const text = this.#decode(bytes)
    if (text !== undefined) {
      for (const line of text.split('\n')) this.#take(line)
      return
    }
    // Somewhere is a byte that is no UTF-8, and only its line is damaged.
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
      this.#problem(`line ${this.#line} has number ${event.seq} where ${this.#sequence + 1} is due`)
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
