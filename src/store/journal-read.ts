/** Reading a journal, whatever a crash or a stranger left of it. */
import { createReadStream } from 'node:fs'
import { LineaprintError } from '../errors.ts'
import { errorCode } from './atomic.ts'
import { isEvent } from './events.ts'
import type { JournalEvent } from './events.ts'

/** What was found in a journal. */
export interface JournalReport {
  /** Events that could be read. */
  readonly events: number
  /** Bytes of an unfinished last line: the process ended while it wrote. */
  readonly tornBytes: number
  /** Plain sentences about lines that are damaged or missing. */
  readonly problems: readonly string[]
}

/** Longer lines are damage: no event comes near, and memory has an end. */
const LINE_LIMIT = 64 * 1024 * 1024

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
  try {
    for await (const chunk of createReadStream(path)) lines.add(chunk as Buffer)
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    throw new LineaprintError(
      'ERR_LINEAPRINT_STORE',
      `the journal cannot be read: ${errorCode(cause) ?? String(cause)}`,
      {
        path,
        cause,
      },
    )
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
    let start = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      this.#keep(chunk.subarray(start, end))
      this.#take()
      start = end + 1
    }
    this.#keep(chunk.subarray(start))
  }

  end(): JournalReport {
    return { events: this.#events, tornBytes: this.#length, problems: this.#problems }
  }

  #keep(part: Buffer): void {
    this.#length += part.length
    if (this.#length <= LINE_LIMIT) this.#parts.push(part)
    else this.#parts = []
  }

  #take(): void {
    this.#line++
    const event = this.#length <= LINE_LIMIT ? this.#parse(Buffer.concat(this.#parts)) : undefined
    this.#parts = []
    this.#length = 0
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

  #parse(bytes: Buffer): JournalEvent | undefined {
    try {
      const value: unknown = JSON.parse(this.#decoder.decode(bytes))
      return isEvent(value) ? value : undefined
    } catch {
      return undefined
    }
  }

  #problem(sentence: string): void {
    if (this.#problems.length < PROBLEM_LIMIT) this.#problems.push(sentence)
    else if (this.#problems.length === PROBLEM_LIMIT) this.#problems.push('and more')
  }
}
