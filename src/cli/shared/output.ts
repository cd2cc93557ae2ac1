/** Output to the terminal: JSON, tables, colour and progress. */
import { once } from 'node:events'
import { env, stderr, stdout } from 'node:process'
import { stripVTControlCharacters, styleText } from 'node:util'
import { jsonPieces } from '../../json/pieces.ts'
import { escapeJson, escapeLines, escapeText } from '../../util/escape-text.ts'
import type { RunStatus } from '../../record/record.ts'

export { escapeText } from '../../util/escape-text.ts'

let beforePrint: () => void = () => undefined

/** Register what makes room before anything is printed: the bar of the progress. */
export function onPrint(makeRoom: () => void): void {
  beforePrint = makeRoom
}

let isUnread = false

/** Drop what is written to stdout from now on: its reader has ended. */
export function dropOutput(): void {
  isUnread = true
}

function writeTo(stream: NodeJS.WriteStream, text: string): void {
  beforePrint()
  if (stream !== stdout || !isUnread) stream.write(text)
}

/** Write one JSON document to stdout. */
export function printJson(value: unknown): void {
  for (const piece of jsonPieces(value)) printJsonText(piece)
}

/**
 * Write one JSON document to stdout that can be very long, no faster than it is read: what a pipe does not take yet stays
 * in memory.
 *
 * @throws The reason of `signal` if it stops the output.
 */
export async function printLongJson(value: unknown, signal: AbortSignal): Promise<void> {
  for (const piece of jsonPieces(value)) {
    printJsonText(piece)
    if (stdout.writableNeedDrain && !isUnread) await drained(signal)
  }
}

/**
 * Write bytes to stdout, no faster than they are read.
 *
 * @throws The reason of `signal` if it stops the output.
 */
export async function printBytes(piece: Uint8Array, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  beforePrint()
  if (!stdout.write(piece)) await drained(signal)
}

async function drained(signal: AbortSignal): Promise<void> {
  await once(stdout, 'drain', { signal }).catch((error: unknown) => {
    signal.throwIfAborted()
    if (!isUnread) throw error
  })
}

let jsonPrinted = false

/** Tell whether a document was written to stdout: there is only one. */
export function hasPrintedJson(): boolean {
  return jsonPrinted
}

/** Write JSON text to stdout: the same document, without characters that control a terminal. */
export function printJsonText(text: string): void {
  jsonPrinted = true
  writeTo(stdout, escapeJson(text))
}

/**
 * Write lines to stdout. Foreign text in them is escaped by the caller, which knows what a line is; what was
 * forgotten is escaped here.
 */
export function print(lines = ''): void {
  writeTo(stdout, `${escapeStyled(lines)}\n`)
}

/**
 * Write a line that another program reads to stdout: on a terminal with its foreign text escaped, in a pipe
 * or file as it is.
 */
export function printVerbatim(line: string): void {
  writeTo(stdout, `${isTerminal() ? escapeText(line) : line}\n`)
}

/** Write lines to stderr, with foreign text escaped. */
export function printError(lines: string): void {
  writeTo(stderr, `${escapeLines(lines)}\n`)
}

/** Escape lines except for tabs and, where {@link paint} colours, its colour codes. */
function escapeStyled(lines: string): string {
  const pieces = hasColour() ? lines.split(COLOUR_CODE) : [lines]
  // With one group in the pattern, every second piece is a colour code.
  return pieces.map((piece, index) => (index % 2 === 1 ? piece : escapeCells(piece))).join('')
}

/** Escape a cell of a pipe, tabs and line ends included, and keep the codes of forced colours. */
function escapeCell(cell: string, coloured: boolean): string {
  if (!coloured) return escapeText(cell)
  return cell
    .split(COLOUR_CODE)
    .map((piece, index) => (index % 2 === 1 ? piece : escapeText(piece)))
    .join('')
}

function escapeCells(text: string): string {
  return text
    .split('\t')
    .map((cell) => escapeLines(cell))
    .join('\t')
}

/** The codes that `styleText` writes. */
const COLOUR_CODE = /(\u001b\[[0-9]{1,2}m)/

/**
 * Tell whether output has colours: never with `NO_COLOR`; otherwise always with `FORCE_COLOR`, also in a pipe; otherwise
 * on a terminal that has colours. Node decides the same, but for both variables, of which it warns on stderr.
 */
function hasColour(): boolean {
  const { NO_COLOR: no = '', FORCE_COLOR: force } = env
  if (no !== '') return false
  if (force !== undefined) return force !== '0' && force !== 'false'
  return isTerminal() && stdout.getColorDepth() > 2
}

/** Colours and weights of text. */
export type Style = 'green' | 'red' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'dim' | 'bold'

/** Colour a text where output has colours. */
export function paint(style: Style, text: string): string {
  return hasColour() ? styleText(style, text, { validateStream: false }) : text
}

/** Check whether stdout is a terminal; otherwise tables become tab-separated lines. */
export function isTerminal(): boolean {
  return stdout.isTTY === true
}

/** Widths of terminals below which lines are not shortened further. */
const NARROWEST = 40

/** Return the columns of a line: those of the terminal, and no limit in a pipe, where nothing is cut or broken. */
export function lineWidth(): number {
  return isTerminal() ? Math.max(NARROWEST, stdout.columns) : Infinity
}

/** Shorten the digests in a text for display on a terminal. A pipe and `--json` have all of them. */
export function shortDigests(text: string): string {
  return isTerminal() ? text.replace(/([0-9a-f]{12})[0-9a-f]{20,}/g, '$1…') : text
}

/**
 * Format rows as aligned columns on a terminal, as tab-separated lines in a pipe.
 *
 * @param rows Cells; colour codes do not count as width.
 * @param head Titles, shown on a terminal only.
 * @param cuttable Columns that are cut on a terminal, the widest first, until a line fits its width.
 */
export function table(
  rows: readonly (readonly string[])[],
  head?: readonly string[],
  cuttable: ReadonlySet<number> = new Set(),
): string {
  if (!isTerminal()) {
    const coloured = hasColour()
    return rows.map((row) => row.map((cell) => escapeCell(cell, coloured)).join('\t')).join('\n')
  }
  const all = head === undefined ? rows : [head.map((title) => paint('dim', title)), ...rows]
  const widths: number[] = []
  for (const row of all) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, stripVTControlCharacters(cell).length)
    })
  }
  narrow(widths, cuttable)
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return cutCell(cell, width) + ' '.repeat(Math.max(0, width - stripVTControlCharacters(cell).length))
      })
      .join('  ')
      .trimEnd()
  return all.map(line).join('\n')
}

/** Columns are not cut below this width. */
export const NARROWEST_COLUMN = 8

/** Narrow the widest of the columns that may be cut, until all fit on a line. */
function narrow(widths: number[], cuttable: ReadonlySet<number>): void {
  const separators = 2 * (widths.length - 1)
  let total = widths.reduce((sum, width) => sum + width, separators)
  while (total > lineWidth()) {
    const widest = [...cuttable].reduce<number | undefined>(
      (most, column) => (most === undefined || (widths[column] ?? 0) > (widths[most] ?? 0) ? column : most),
      undefined,
    )
    if (widest === undefined || (widths[widest] ?? 0) <= NARROWEST_COLUMN) return
    widths[widest] = (widths[widest] ?? 0) - 1
    total--
  }
}

/** Cut the text of a cell. Its colour codes are kept. */
function cutCell(cell: string, width: number): string {
  if (stripVTControlCharacters(cell).length <= width) return cell
  let room = width - 1
  const pieces = cell.split(COLOUR_CODE).map((piece, index) => {
    if (index % 2 === 1) return piece
    const kept = piece.slice(0, room)
    room -= kept.length
    return room === 0 && kept !== '' ? `${kept}…` : kept
  })
  return pieces.join('')
}

/** Format a length in bytes for people: `1.5 MB` (powers of ten, as disks are sold). */
export function bytes(length: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let value = length
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`
}

/** Format a count for people: `22,713,216`. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** Return the status of a run in its colour. */
export function paintStatus(status: RunStatus): string {
  const styles = {
    finished: 'green',
    running: 'bold',
    failed: 'red',
    killed: 'yellow',
    lost: 'yellow',
  } as const
  return paint(styles[status], status)
}
