/** Output of `lineaprint diff` about tables. */
import { cut, few, verdict } from './text.ts'
import { plural } from '../../../util/plural.ts'
import { count, escapeText, isTerminal, lineWidth, paint, table } from '../../shared/output.ts'
import type { ColumnChange, TableDiff } from '../../../dataset/table-diff.ts'

const STYLES = { added: 'green', removed: 'red', changed: 'yellow' } as const

/** Format two tables, column by column. */
export function tableLines(diff: TableDiff, all: boolean): string[] {
  if (!isTerminal()) return rows(diff)
  const lines = few(diff.columns, all, (change) => [line(change)])
  const { before, after } = diff
  // Columns of both tables: a renamed one is gone from the first and new in the second.
  const total = after.columns + diff.columns.filter(({ status }) => status === 'removed').length
  const parts = [
    before.rows === after.rows ? '' : `${plural(before.rows, 'row')} → ${count(after.rows)}`,
    diff.sameOrder ? '' : 'columns in another order',
    diff.columns.length === 0 ? '' : `${count(diff.columns.length)} of ${plural(total, 'column')}`,
  ]
  const same = `${plural(after.rows, 'row')}, ${plural(after.columns, 'column')}`
  return [...lines, verdict(diff.same, diff.same ? same : parts.filter((part) => part !== '').join('; '))]
}

/** Return status, name, type before and after, and the rows that contain the first difference. */
function rows({ columns, before, after, sameOrder }: TableDiff): string[] {
  const cells = columns.map((change) => [
    change.status,
    escapeText(change.name),
    change.before ?? '',
    change.after ?? '',
    rowsText(change),
  ])
  if (before.rows !== after.rows) cells.unshift(['rows', '', String(before.rows), String(after.rows), ''])
  if (!sameOrder) cells.push(['order', '', '', '', ''])
  return cells.length === 0 ? [] : [table(cells)]
}

function rowsText({ firstRows }: ColumnChange): string {
  return firstRows === undefined ? '' : `${firstRows.start}-${firstRows.end - 1}`
}

function line(change: ColumnChange): string {
  const { status, before, after, differs, firstRows, changedBlocks = 0 } = change
  const types = differs === 'type' ? `${before} → ${after}` : (after ?? before ?? '')
  const more = changedBlocks > 1 ? `, and ${plural(changedBlocks - 1, 'more block')}` : ''
  const where =
    firstRows === undefined ? '' : `  in rows ${count(firstRows.start)}–${count(firstRows.end - 1)}${more}`
  const words = `${escapeText(change.name)}  ${escapeText(types)}${where}`
  return `${paint(STYLES[status], status.padEnd(7))}  ${cut(words, lineWidth() - 9)}`
}
