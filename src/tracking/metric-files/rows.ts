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

/** Longest line of a header that is quoted in an error. */
const QUOTED = 80

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
  /** The beginning of a row whose last cell goes on in the next line. */
  #open = ''

  constructor(separator: string) {
    this.#separator = separator
  }

  row(line: string): Row | undefined {
    if (this.#open === '' && line.trim() === '') return undefined
    const text = this.#open === '' ? line : `${this.#open}\n${line}`
    if (this.#names === undefined) return this.#readHeader(text)
    const cells = cellsOf(text, this.#separator)
    this.#open = cells === undefined ? text : ''
    if (cells === undefined) return undefined
    if (cells.length <= this.#names.length) return rowOfCells(this.#names, cells)
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'a row has more cells than the header', {
      expected: `at most ${this.#names.length}`,
      received: String(cells.length),
    })
  }

  #readHeader(text: string): undefined {
    const head = text.replace(/^\uFEFF/, '')
    // Tables of some languages and of Excel have semicolons.
    if (this.#separator === ',' && !head.includes(',') && head.includes(';')) this.#separator = ';'
    const names = cellsOf(head, this.#separator)
    this.#open = names === undefined ? text : ''
    if (names === undefined) return undefined
    const trimmed = names.map((name) => name.trim())
    if (trimmed.every((name) => name === '' || /^[-+0-9.]/.test(name)))
      throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'the table has no header', {
        expected: 'names of columns in the first line',
        received: JSON.stringify(head.slice(0, QUOTED)),
      })
    this.#names = trimmed
    return undefined
  }
}

/** Return the cells of a row; `undefined` if it ends in the middle of a cell in quotes. */
function cellsOf(text: string, separator: string): string[] | undefined {
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
    let cell = ''
    for (at++; ; at++) {
      const quote = text.indexOf('"', at)
      if (quote < 0) return undefined
      cell += text.slice(at, quote)
      at = quote + 1
      if (text[at] !== '"') break
      cell += '"'
    }
    // What follows the quotes up to the separator belongs to the cell, as most readers take it.
    const end = text.indexOf(separator, at)
    cells.push(cell + text.slice(at, end < 0 ? undefined : end))
    if (end < 0) return cells
    at = end + 1
  }
}
