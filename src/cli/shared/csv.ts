/** Cells of values, and CSV (RFC 4180). */
import { encodeFloat } from '../../json/special-floats.ts'
import { printVerbatim } from './output.ts'
import type { JsonValue } from '../../core/json-value.ts'

/** Return a value as the text of a cell. @param short Numbers with six digits, for people. */
export function cellText(value: JsonValue, short: boolean = false): string {
  if (value === null) return ''
  if (typeof value === 'number') return short ? String(Number(value.toPrecision(6))) : String(value)
  if (typeof value === 'string') return value
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join(', ')
  return JSON.stringify(value)
}

/** Return values by name for JSON, with NaN and the infinities as a record has them. */
export function jsonValues(values: Readonly<Record<string, JsonValue>>): Record<string, JsonValue> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      typeof value === 'number' ? encodeFloat(value) : value,
    ]),
  )
}

/** Print rows as CSV. */
export function printCsv(titles: readonly string[], rows: Iterable<readonly JsonValue[]>): void {
  printVerbatim(titles.map(csvCell).join(','))
  for (const row of rows) printVerbatim(row.map(csvCell).join(','))
}

/**
 * Return the cell of a value. A text that a spreadsheet would execute as a formula begins with an apostrophe, which
 * spreadsheets take for text.
 */
export function csvCell(value: JsonValue): string {
  const text = cellText(value)
  const safe = typeof value !== 'number' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
