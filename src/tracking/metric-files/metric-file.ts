/**
 * A file in which a program writes metrics. Rows are recorded while it grows, and the whole is read again at the end if
 * anything before was not what had been read: a file that was replaced, truncated or written again.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { LineaprintError } from '../../core/errors.ts'
import { stampText } from '../../util/file-stamp.ts'
import { isMissing, systemReason } from '../../util/fs.ts'
import { plural } from '../../util/plural.ts'
import { metricFormat, rowReader } from './rows.ts'
import { describeBeyond, parseMetrics, rowOf } from './values.ts'
import type { Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { ParsedJson } from '../../json/parse.ts'
import type { MetricFileRecord } from '../../record/record.ts'
import type { MetricFormat, RowReader } from './rows.ts'
import type { Row } from './values.ts'

/** Largest file in bytes: of rows, and of one document, which is parsed at once. */
const ROWS_LIMIT = 256 << 20
const DOCUMENT_LIMIT = 64 << 20

/** Largest file in bytes that is read again while the run is running, if it was written again. */
const LIVE_LIMIT = 16 << 20

/** Bytes that are read at a time, and so the longest line. */
const PIECE = 1 << 20

/** Largest numbers of what is recorded of a file. Each name is a series, which is kept in memory. */
const LIMITS = { rows: 1_000_000, values: 2_000_000, names: 100_000 }

/** Bytes before the end of what was read that are compared before more is read. */
const TAIL = 4096

/** A FIFO must not block, and what is opened is checked before it is read. */
const FLAGS = constants.O_RDONLY | (process.platform === 'win32' ? 0 : constants.O_NONBLOCK)

/** The receiver of the values of a file. */
export interface MetricSink {
  readonly log: (name: string, value: number, step: number | undefined) => void
  readonly warn: (sentence: string) => void
}

/** The part of a file of rows that was read. */
interface Progress {
  readonly reader: RowReader
  /** Bytes up to the last line end that was read. */
  offset: number
  /** The hash of these bytes. */
  readonly hash: Hash
  tail: Buffer
  rows: number
  lines: number
}

/** One file. Its faults are warnings. */
export class MetricFile {
  /** Absolute. */
  readonly path: string
  /** As it was given: the source of its values. */
  readonly source: string
  readonly #format: MetricFormat
  readonly #sink: MetricSink
  readonly #limits: typeof LIMITS
  /** The file before the run. */
  #before: Info | undefined
  /** The rows that it had then. */
  #old: { readonly rows: number; readonly isKept: boolean } = { rows: 0, isKept: false }
  #seen: string | undefined
  #progress: Progress
  /** Hashes of the values of each row; those before the run, too, as long as they stand. */
  #rows: (string | undefined)[] = []
  #values = 0
  readonly #names = new Set<string>()
  #changedRows = 0
  #refused: Faults | undefined
  /** Rows with numbers that are beyond a double. */
  #beyond: Faults | undefined
  #isFull = false

  /** @throws ERR_LINEAPRINT_ARGUMENT for a file of an unknown format. */
  constructor(path: string, source: string, sink: MetricSink, limits: typeof LIMITS = LIMITS) {
    this.path = path
    this.source = source
    this.#sink = sink
    this.#limits = limits
    this.#format = metricFormat(source)
    this.#progress = this.#fresh()
  }

  /** Take what is there before the run: its rows are not those of the run. */
  async begin(): Promise<void> {
    await this.#inspect(async (file, info) => {
      this.#before = info
      if (this.#format === 'json' || info.size > ROWS_LIMIT) return
      await this.#readRows(file, () => undefined)
      this.#old = { rows: this.#progress.rows, isKept: true }
      this.#refused = undefined
      this.#beyond = undefined
    }).catch(() => undefined)
    this.#seen = this.#before?.stamp
  }

  /** Record what was added since the last poll. What cannot be read now is read at the end. */
  async poll(): Promise<void> {
    if (this.#format === 'json') return
    await this.#inspect(async (file, info) => {
      if (info.stamp === this.#seen || info.size > ROWS_LIMIT) return
      const isNew = !(await this.#goesOn(file, info))
      if (isNew && info.size > LIVE_LIMIT) return
      if (isNew) this.#startAgain()
      await this.#readRows(file, (row) => this.#take(row))
      this.#seen = info.stamp
    }).catch(() => undefined)
  }

  /** Record the rest, and return what is known of the file. */
  async finish(): Promise<MetricFileRecord> {
    const { path, source } = this
    const format = this.#format
    try {
      const reason = await this.#inspect((file, info) =>
        format === 'json' ? this.#readDocument(file, info) : this.#finishRows(file, info),
      )
      if (reason !== undefined) return this.#notChecked(reason)
    } catch (error) {
      return this.#notChecked(fileReason(error))
    }
    this.#warn()
    const rows = format === 'json' ? {} : { rows: Math.max(0, this.#progress.rows - this.#oldRows) }
    return { path, source, status: 'read', format, ...rows, values: this.#values }
  }

  /** Rows that were there before the run, and still are. */
  get #oldRows(): number {
    return this.#old.isKept ? this.#old.rows : 0
  }

  #notChecked(reason: string): MetricFileRecord {
    const { path, source } = this
    this.#sink.warn(`the metrics of ${source} were not${this.#values > 0 ? ' all' : ''} read: ${reason}`)
    return { path, source, status: 'not-checked', reason, values: this.#values }
  }

  #warn(): void {
    const { source } = this
    const say = (sentence: string): void => this.#sink.warn(`${source}: ${sentence}`)
    if (this.#refused !== undefined) {
      const { count, first } = this.#refused
      say(`${plural(count, 'row')} could not be read; the first: ${first}`)
    }
    if (this.#beyond !== undefined) {
      const { count, first } = this.#beyond
      say(`numbers of ${plural(count, 'row')} were left out; the first: ${first}`)
    }
    if (this.#isFull) {
      const { rows, values, names } = this.#limits
      say(`it has more than ${rows} rows, ${values} values or ${names} names, and only these are recorded`)
    }
    if (this.#changedRows > 0)
      say(`${plural(this.#changedRows, 'row')} changed while the run went on; both values are recorded`)
    if (this.#oldRows > 0)
      say(
        `it had ${plural(this.#oldRows, 'row')} before the run, which are not recorded as values of the run`,
      )
    if (this.#values === 0 && this.#refused === undefined && this.#beyond === undefined)
      say('it has no numbers of this run')
  }

  /** Open the file, and check what it is before anything is read. */
  async #inspect<T>(work: (file: FileHandle, info: Info) => Promise<T>): Promise<T> {
    const file = await open(this.path, FLAGS)
    try {
      const info = await file.stat({ bigint: true })
      if (!info.isFile())
        throw new LineaprintError(
          'ERR_LINEAPRINT_NOT_REGULAR',
          info.isFIFO() ? 'it is a FIFO' : 'it is not a file',
        )
      return await work(file, { size: Number(info.size), ino: info.ino, stamp: stampText(info) })
    } finally {
      await file.close()
    }
  }

  #fresh(): Progress {
    const format = this.#format === 'json' ? 'jsonl' : this.#format
    return {
      reader: rowReader(format),
      offset: 0,
      hash: createHash('sha256'),
      tail: Buffer.alloc(0),
      rows: 0,
      lines: 0,
    }
  }

  /** Begin at the first row again: the file is another one, or has other content. */
  #startAgain(): void {
    this.#progress = this.#fresh()
    this.#refused = undefined
    this.#beyond = undefined
    // It may have been full of rows that are gone.
    this.#isFull = false
    // What was there before the run has been written again, and is of the run now.
    if (this.#old.isKept) this.#rows.fill(undefined, 0, this.#old.rows)
    this.#old = { rows: 0, isKept: false }
  }

  /**
   * Tell whether the file begins with what was read of it, so that only the rest is new.
   *
   * While the run is running, the last bytes that were read are compared; at its end, all of them.
   */
  async #goesOn(file: FileHandle, { size, ino }: Info, isEnd = false): Promise<boolean> {
    const { offset, tail, hash } = this.#progress
    if (offset === 0) return true
    if (size < offset) return false
    // A file of the time before the run that is another file now, or not longer, was written by the run as a whole.
    if (this.#old.isKept && (ino !== this.#before?.ino || size <= this.#before.size)) return false
    if (!isEnd) return (await readAt(file, offset - tail.length, tail.length)).equals(tail)
    const all = createHash('sha256')
    for (let at = 0; at < offset; at += PIECE)
      all.update(await readAt(file, at, Math.min(PIECE, offset - at)))
    return all.digest('hex') === hash.copy().digest('hex')
  }

  /** Read the lines behind those that were read. A last line without an end is left, unless this is the end. */
  async #readRows(file: FileHandle, take: (row: Row) => void, isEnd = false): Promise<void> {
    const progress = this.#progress
    while (!this.#isFull) {
      const piece = await readAt(file, progress.offset, PIECE)
      const lineEnd = piece.lastIndexOf(LINE_FEED) + 1
      const length = lineEnd > 0 ? lineEnd : isEnd ? piece.length : 0
      if (length === 0 && piece.length === PIECE)
        throw new LineaprintError(
          'ERR_LINEAPRINT_FORMAT',
          `line ${progress.lines + 1} is longer than ${PIECE} bytes`,
        )
      if (length === 0) return
      const part = piece.subarray(0, length)
      progress.offset += length
      progress.hash.update(part)
      progress.tail = Buffer.concat([progress.tail, part]).subarray(-TAIL)
      const lines = part.toString().split('\n')
      if (lineEnd > 0) lines.pop()
      for (const line of lines) this.#readLine(line.replace(/\r$/, ''), take)
    }
  }

  #readLine(line: string, take: (row: Row) => void): void {
    const progress = this.#progress
    if (this.#isFull) return
    progress.lines++
    let row: Row | undefined
    try {
      row = progress.reader.row(line)
    } catch (error) {
      this.#refuse(`line ${progress.lines}: ${fileReason(error)}`)
    }
    if (row === undefined) return
    take(row)
    progress.rows++
    if (progress.rows >= this.#limits.rows) this.#isFull = true
  }

  #refuse(sentence: string): void {
    this.#refused = counted(this.#refused, sentence)
  }

  /** Record a row, unless the same one was recorded at its place. */
  #take(row: Row): void {
    const index = this.#progress.rows
    const hash = hashOf(row)
    const known = this.#rows[index]
    if (known === hash) return
    if (known !== undefined) this.#changedRows++
    this.#rows[index] = hash
    this.#log(row, index)
  }

  #log(row: Row, index?: number): void {
    const { values, step } = row
    const beyond = describeBeyond(row)
    if (beyond !== undefined) {
      const position = index === undefined ? '' : `row ${index + 1}: `
      this.#beyond = counted(this.#beyond, `${position}${beyond}`)
    }
    for (const [name, value] of values) {
      const { values: most, names } = this.#limits
      const isFull = this.#values >= most || (this.#names.size >= names && !this.#names.has(name))
      if (isFull) {
        this.#isFull = true
        return
      }
      try {
        this.#sink.log(name, value, step ?? index)
        this.#names.add(name)
        this.#values++
      } catch (error) {
        if (!LineaprintError.is(error) || error.code !== 'ERR_LINEAPRINT_ARGUMENT') throw error
        this.#refuse(fileReason(error))
      }
    }
  }

  /** Return why nothing of it can be recorded; `undefined` if all was. */
  async #finishRows(file: FileHandle, info: Info): Promise<string | undefined> {
    if (info.stamp === this.#before?.stamp) return UNTOUCHED
    if (info.size > ROWS_LIMIT) return tooLarge(info.size, ROWS_LIMIT)
    if (!(await this.#goesOn(file, info, true))) this.#startAgain()
    await this.#readRows(file, (row) => this.#take(row))
    await this.#readRows(file, (row) => this.#take(row), true)
    return undefined
  }

  async #readDocument(file: FileHandle, info: Info): Promise<string | undefined> {
    if (info.stamp === this.#before?.stamp) return UNTOUCHED
    if (info.size > DOCUMENT_LIMIT) return tooLarge(info.size, DOCUMENT_LIMIT)
    const document = parseMetrics(await readAt(file, 0, info.size))
    const { value } = document
    const rows: readonly ParsedJson[] = Array.isArray(value) ? value : [value]
    for (const [index, row] of rows.entries()) {
      if (!(row instanceof Map)) {
        this.#refuse(Array.isArray(value) ? `element ${index} is not an object` : 'it is not an object')
        continue
      }
      this.#log(rowOf(row, document), Array.isArray(value) ? index : undefined)
    }
    return undefined
  }
}

/** The facts of an open file that are compared. */
interface Info {
  readonly size: number
  readonly ino: bigint
  /** Differs if the file is another one or was written. */
  readonly stamp: string
}

/** Faults of one kind: how many, and the first as a sentence. */
interface Faults {
  readonly count: number
  readonly first: string
}

function counted(faults: Faults | undefined, sentence: string): Faults {
  return { count: (faults?.count ?? 0) + 1, first: faults?.first ?? sentence }
}

const LINE_FEED = 0x0a

const UNTOUCHED = 'it was there before the run, which did not write it'

function tooLarge(size: number, limit: number): string {
  return `it has ${size} bytes, and at most ${limit} are read`
}

function hashOf({ values, step, beyond }: Row): string {
  const texts = values.map(([name, value]) => [name, String(value)])
  const text = JSON.stringify([step ?? null, texts, ...(beyond.length > 0 ? [beyond] : [])])
  return createHash('sha256').update(text).digest('base64').slice(0, 16)
}

/** Read bytes of a file; fewer at its end. */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return buffer.subarray(0, done)
}

function fileReason(error: unknown): string {
  if (isMissing(error)) return 'there is no such file'
  return LineaprintError.is(error) ? error.message : systemReason(error)
}
