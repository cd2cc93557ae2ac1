/** Tables whose first column is the name of a tensor: its last part tells the rows apart. */
import { isTerminal, lineWidth, table } from './output.ts'

/** Names are not cut below this width. */
const NARROWEST_NAME = 12

/** Format rows as {@link table} does; on a terminal names lose their start until a line fits its width. */
export function nameTable(rows: readonly (readonly string[])[], head: readonly string[]): string {
  if (!isTerminal()) return table(rows)
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const others = widths.slice(1).reduce((sum, width) => sum + width + 2, 0)
  const room = Math.max(NARROWEST_NAME, lineWidth() - others)
  const cut = ([name = '', ...cells]: readonly string[]): string[] => [
    name.length <= room ? name : `…${name.slice(name.length - room + 1)}`,
    ...cells,
  ]
  return table(rows.map(cut), head)
}

/** Format a number with three digits. */
export function shortNumber(value: number | null | undefined): string {
  if (value === null || value === undefined) return 'none'
  const magnitude = Math.abs(value)
  const isDecimal = value === 0 || (magnitude >= 1e-3 && magnitude < 1e5) || !Number.isFinite(value)
  return isDecimal ? String(Number(value.toPrecision(3))) : value.toExponential(2)
}
