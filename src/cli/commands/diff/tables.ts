/** Output of `lineaprint diff` about tables. */
import { cut, few, verdict } from './text.ts'
import { plural } from '../../../util/plural.ts'
import { count, escapeText, isTerminal, lineWidth, paint, table } from '../../shared/output.ts'
import { isOrderCertain } from '../../../dataset/table-rows.ts'
import type { ColumnChange, TableDiff } from '../../../dataset/table-diff.ts'
import type { ComparedRows, RowChange, RowComparison } from '../../../dataset/table-rows.ts'

const STYLES = { added: 'green', removed: 'red', changed: 'yellow' } as const

/** Format two tables, column by column. */
export function tableLines(diff: TableDiff, all: boolean): string[] {
  if (!isTerminal()) return pipeLines(diff)
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
  return [
    ...lines,
    ...(diff.same ? [] : rowLines(diff.rows, all)),
    verdict(diff.same, diff.same ? same : parts.filter((part) => part !== '').join('; ')),
  ]
}

/** Format the rows that differ, after the number of them. */
function rowLines(compared: RowComparison, all: boolean): string[] {
  if (compared.status === 'not-checked') return [`rows not checked: ${escapeText(compared.reason)}`]
  const { removed, added, changed, sameOrder } = compared
  const order = isOrderCertain(compared) ? 'in another order' : 'perhaps in another order'
  const numbers = [
    [changed, 'changed'],
    [removed, 'removed'],
    [added, 'added'],
  ].flatMap(([number, word]) => (number === 0 ? [] : [`${count(Number(number))} ${word}`]))
  const words = numbers.length === 0 ? 'no row differs' : numbers.join(', ')
  const summary = sameOrder ? words : `${words}; ${order}`
  return [
    ...compared.listed.flatMap((row) => listedLines(row)),
    `rows     ${summary}`,
    ...few(compared.columns, all, ({ name, rows: cells }) => [
      `cells    ${escapeText(name)}  ${count(cells)}`,
    ]),
    ...notes(compared),
  ]
}

/** Return what else is to say of a comparison. */
function notes(compared: ComparedRows): string[] {
  const { changed, examined, duplicateKeys } = compared
  const { before = 0, after = 0 } = duplicateKeys ?? {}
  return [
    ...(isOrderCertain(compared)
      ? []
      : ['of equal rows the first are paired: if others of them are left, the order can be the same']),
    ...(examined < changed ? [`cells were compared in the first ${count(examined)} changed rows`] : []),
    ...(before + after > 0
      ? [
          `keys that occur several times: ${count(before)} before, ${count(after)} after`,
          'of their rows, only equal ones are paired',
        ]
      : []),
  ]
}

const MARKS = { added: '+', removed: '-', changed: '~' } as const

/** Format a row: its position, its key, and a line for each cell. */
function listedLines({ status, before, after, key = [], cells }: RowChange): string[] {
  const position =
    before === undefined || after === undefined || before === after
      ? count(before ?? after ?? 0)
      : `${count(before)} → ${count(after)}`
  const names = key.map(({ column, value }) => `${escapeText(column)}=${cellText(value)}`)
  const head = [`${MARKS[status]} row ${position}`, ...names].join('  ')
  return [
    paint(STYLES[status], cut(head, lineWidth())),
    ...cells.flatMap(({ column, before: old, after: current }) =>
      old === undefined || current === undefined
        ? [cut(`    ${escapeText(column)}: ${cellText(old ?? current ?? null)}`, lineWidth())]
        : pairLines(escapeText(column), old, current),
    ),
  ]
}

/** Characters before the first difference of two long cells that are shown. */
const LEAD = 10

/** Format a cell of both tables: on one line, or where there is no room on one line each, from where they differ. */
function pairLines(column: string, old: string | null, current: string | null): string[] {
  const [a, b] = [cellText(old), cellText(current)]
  const both = `    ${column}: ${a} → ${b}${unseen(old, current)}`
  if (both.length <= lineWidth()) return [both]
  const room = lineWidth() - '      - '.length
  const from = Math.max(a.length, b.length) > room ? firstShown(a, b) : 0
  const part = (text: string): string => cut(from === 0 ? text : `…${text.slice(from)}`, room)
  return [
    cut(`    ${column}:${unseen(old, current)}`, lineWidth()),
    `      - ${part(a)}`,
    `      + ${part(b)}`,
  ]
}

/** Return the position from which two long texts are shown, which is never inside a character. */
function firstShown(a: string, b: string): number {
  let end = 0
  while (end < a.length && a[end] === b[end]) end++
  const from = Math.max(0, end - LEAD)
  return /^[\udc00-\udfff]/.test(a.slice(from)) ? from - 1 : from
}

/** Return what differs in two cells that look the same. */
function unseen(old: string | null, current: string | null): string {
  if (old === null || current === null) return ''
  if (old === current) return ' (other bits)'
  return old.normalize('NFC') === current.normalize('NFC') ? ' (another Unicode form)' : ''
}

/** Return the text of a cell: in quotes where it could be taken for another one. */
function cellText(value: string | null): string {
  if (value === null) return 'null'
  const isClear = value !== '' && value !== 'null' && value.trim() === value && !value.startsWith('"')
  return escapeText(isClear ? value : JSON.stringify(value))
}

/** Return status, name, type before and after, and the rows that contain the first difference. */
function pipeLines({ same, columns, before, after, sameOrder, rows: compared }: TableDiff): string[] {
  const cells = [
    ...(before.rows === after.rows ? [] : [['rows', '', String(before.rows), String(after.rows), '']]),
    ...columns.map((change) => [
      change.status,
      escapeText(change.name),
      change.before ?? '',
      change.after ?? '',
      rowsText(change),
    ]),
    ...(sameOrder ? [] : [['order', '', '', '', '']]),
    ...(same ? [] : rowCells(compared)),
  ]
  return cells.length === 0 ? [] : [table(cells)]
}

/** Return the numbers of rows that differ, the cells by column, and the rows that are listed. */
function rowCells(compared: RowComparison): string[][] {
  if (compared.status === 'not-checked')
    return [['rows not-checked', escapeText(compared.reason), '', '', '']]
  const { changed, removed, added, sameOrder, columns, listed, duplicateKeys } = compared
  return [
    ['rows changed', '', '', String(changed), ''],
    ['rows removed', '', '', String(removed), ''],
    ['rows added', '', '', String(added), ''],
    ...(sameOrder ? [] : [['rows order', '', '', isOrderCertain(compared) ? 'changed' : 'uncertain', '']]),
    ...(duplicateKeys === undefined || duplicateKeys.before + duplicateKeys.after === 0
      ? []
      : [['keys repeated', '', String(duplicateKeys.before), String(duplicateKeys.after), '']]),
    ...columns.map(({ name, rows: cells }) => ['cells changed', escapeText(name), '', String(cells), '']),
    ...listed.flatMap(({ status, before, after, cells }) =>
      cells.map(({ column, before: old, after: current }) => [
        `row ${status}`,
        escapeText(column),
        old === undefined ? '' : cellText(old),
        current === undefined ? '' : cellText(current),
        String(before ?? after ?? ''),
      ]),
    ),
  ]
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
