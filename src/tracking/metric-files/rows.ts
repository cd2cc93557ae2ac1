/** Lines of a file as rows of numbers: JSON lines, or a table with a header. */
import { LineaprintError } from '../../core/errors.ts'
import { parseRow, rowOfCells } from './values.ts'
import type { Row } from './values.ts'

/** The formats of files with metrics, by the extension of their names. */
const FORMATS = {
  '.json': 'json',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.csv': 'csv',
  '.tsv': 'tsv',
} as const

/** The format of a file with metrics. */
export type MetricFormat = (typeof FORMATS)[keyof typeof FORMATS]

/** Most characters of a header or a row that are quoted in an error. */
const QUOTED = 80

/** Most characters of a row of several lines. */
const ROW_LIMIT = 1 << 20

/**
 * Return the format of a file, by its name.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT for another one.
 */
export function metricFormat(path: string): MetricFormat {
  const match = Object.entries(FORMATS).find(([extension]) => path.toLowerCase().endsWith(extension))
  if (match !== undefined) return match[1]
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a file with metrics has another name', {
    path,
    field: 'metrics',
    expected: `a name that ends in ${Object.keys(FORMATS).join(', ')}`,
    received: JSON.stringify(path),
  })
}

/** A reader of the lines of one file, in their order. */
export interface RowReader {
  /**
   * Parse the next line.
   *
   * @returns `undefined` for a line without a row: an empty one, a header, or the beginning of a row.
   * @throws ERR_LINEAPRINT_FORMAT for a line that is no row.
   */
  row(line: string): Row | undefined
}

/** Return the reader of a format of lines. */
export function rowReader(format: Exclude<MetricFormat, 'json'>): RowReader {
  if (format !== 'jsonl') return new TableReader(format === 'tsv' ? '\t' : ',')
  return { row: (line) => (line.trim() === '' ? undefined : parseRow(line)) }
}

/** A reader of tables with a header. A cell in quotes may have line ends. */
class TableReader implements RowReader {
  #separator: string
  #names: readonly string[] | undefined
  /** The lines of a row whose last cell goes on in the next line. */
  #open: string[] = []
  #openLength = 0

  constructor(separator: string) {
    this.#separator = separator
  }

  row(line: string): Row | undefined {
    if (this.#open.length === 0 && line.trim() === '') return undefined
    const isFirst = this.#names === undefined && this.#open.length === 0
    const text = this.#whole(isFirst ? this.#firstLine(line) : line)
    if (text === undefined) return undefined
    if (this.#names === undefined) return this.#readHeader(text)
    const cells = cellsOf(text, this.#separator)
    if (cells.length <= this.#names.length) return rowOfCells(this.#names, cells)
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'a row has more cells than the header', {
      expected: `at most ${this.#names.length}`,
      received: String(cells.length),
    })
  }

  /**
   * Return the row that ends with a line; `undefined` if its last cell goes on. Each line is looked at once, and the row
   * is put together at its end: a quote that is never closed may have a million lines behind it.
   */
  #whole(line: string): string | undefined {
    const isOpen = endsInQuotes(line, this.#separator, this.#open.length > 0)
    if (!isOpen && this.#open.length === 0) return line
    this.#open.push(line)
    this.#openLength += line.length + 1
    if (isOpen && this.#openLength <= ROW_LIMIT) return undefined
    const text = this.#open.join('\n')
    this.#open = []
    this.#openLength = 0
    if (!isOpen) return text
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'a cell in quotes does not end', {
      expected: `the end of its row within ${ROW_LIMIT} characters`,
      received: JSON.stringify(text.slice(0, QUOTED)),
    })
  }

  /** Return the first line without a byte order mark, and take its separator. */
  #firstLine(line: string): string {
    const head = line.replace(/^\uFEFF/, '')
    // Tables of some languages and of Excel have semicolons.
    if (this.#separator === ',' && !head.includes(',') && head.includes(';')) this.#separator = ';'
    return head
  }

  #readHeader(head: string): undefined {
    const trimmed = cellsOf(head, this.#separator).map((name) => name.trim())
    if (trimmed.every((name) => name === '' || /^[-+0-9.]/.test(name)))
      throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'the table has no header', {
        expected: 'names of columns in the first line',
        received: JSON.stringify(head.slice(0, QUOTED)),
      })
    this.#names = trimmed
    return undefined
  }
}

/**
 * Return whether a line ends in the middle of a cell in quotes.
 *
 * @param isOpen Whether it begins in one.
 */
function endsInQuotes(line: string, separator: string, isOpen: boolean): boolean {
  if (!line.includes('"')) return isOpen
  let inQuotes = isOpen
  for (let at = 0; ;) {
    if (inQuotes || line[at] === '"') {
      at = endOfQuotes(line, inQuotes ? at : at + 1)
      if (at < 0) return true
      inQuotes = false
    }
    // What follows the quotes up to the separator belongs to the cell.
    const end = line.indexOf(separator, at)
    if (end < 0) return false
    at = end + 1
  }
}

/** Return the position behind the quote that closes a cell; -1 if none does. Two quotes are one of the cell. */
function endOfQuotes(text: string, start: number): number {
  for (let at = start; ;) {
    const quote = text.indexOf('"', at)
    if (quote < 0) return -1
    if (text[quote + 1] !== '"') return quote + 1
    at = quote + 2
  }
}

/** Return the cells of a row, in which all quotes are closed. */
function cellsOf(text: string, separator: string): string[] {
  if (!text.includes('"')) return text.split(separator)
  const cells: string[] = []
  let at = 0
  for (;;) {
    if (text[at] !== '"') {
      const end = text.indexOf(separator, at)
      cells.push(text.slice(at, end < 0 ? undefined : end))
      if (end < 0) return cells
      at = end + 1
      continue
    }
    const close = endOfQuotes(text, at + 1)
    const cell = text.slice(at + 1, close - 1).replaceAll('""', '"')
    // What follows the quotes up to the separator belongs to the cell, as most readers take it.
    const end = text.indexOf(separator, close)
    cells.push(cell + text.slice(close, end < 0 ? undefined : end))
    if (end < 0) return cells
    at = end + 1
  }
}
