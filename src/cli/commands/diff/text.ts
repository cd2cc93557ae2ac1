/** Output of `lineaprint diff` about folders and files, and what all outputs share: cutting, wrapping, counting. */
import {
  bytes,
  count,
  escapeText,
  isTerminal,
  lineWidth,
  paint,
  shortDigests,
  table,
} from '../../shared/output.ts'
import type { TreeChange, TreeDiff } from '../../../hash/tree-diff.ts'

/** Findings shown on a terminal, unless all are requested. */
export const SHOWN = 20

/** Colours of what happened to an item. */
export const STYLES = { added: 'green', removed: 'red', changed: 'yellow', renamed: 'dim' } as const

/** Truncate a text to a width. */
export function cut(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, Math.max(1, room - 1))}…`
}

/** Format the first few items, and the number of the others. */
export function few<T>(items: readonly T[], all: boolean, line: (item: T) => readonly string[]): string[] {
  const shown = all || !isTerminal() ? items : items.slice(0, SHOWN)
  const rest = items.length - shown.length
  return [
    ...shown.flatMap(line),
    ...(rest === 0 ? [] : [paint('dim', `… and ${count(rest)} more (--all shows them)`)]),
  ]
}

/** Format a verdict in green or red, with a summary. */
export function verdict(same: boolean, words: string): string {
  return `${paint(same ? 'green' : 'red', same ? 'the same' : 'different')}${words === '' ? '' : `: ${words}`}`
}

/** Count items by what happened to them. */
export function counted(counts: Readonly<Record<TreeChange['status'], number>>, noun: string): string {
  const parts = (['changed', 'renamed', 'added', 'removed'] as const).flatMap((status) =>
    counts[status] === 0 ? [] : [`${count(counts[status])} ${status}`],
  )
  const total = Object.values(counts).reduce((sum, number) => sum + number, 0)
  return parts.length === 0 ? '' : `${parts.join(', ')} ${noun}${total === 1 ? '' : 's'}`
}

/** Format two folders or files. */
export function treeLines(diff: TreeDiff, all: boolean): string[] {
  if (!isTerminal()) {
    return diff.changes.map(({ status, path, from, before, after }) =>
      table([[status, path === '' ? diff.after.path : path, from ?? '', size(before), size(after)]]),
    )
  }
  const lines = few(diff.changes, all, (change) => treeLine(change, diff))
  return [...lines, verdict(diff.same, diff.kind === 'file' ? '' : counted(diff.counts, 'file'))]
}

function treeLine({ status, path, from, before, after }: TreeChange, diff: TreeDiff): string[] {
  const name = escapeText(path === '' ? diff.after.path : path)
  const sizes =
    before && after && before.size !== after.size ? `  ${bytes(before.size)} → ${bytes(after.size)}` : ''
  const head = `${paint(STYLES[status], status.padEnd(7))}  ${cut(name, lineWidth() - 9 - sizes.length)}${sizes}`
  return [head, ...(from === undefined ? [] : [`         was ${cut(escapeText(from), lineWidth() - 13)}`])]
}

function size(entry: { readonly size: number } | undefined): string {
  return entry === undefined ? '' : String(entry.size)
}

/** Format a field with its earlier and later value: in one line if it fits, else below each other. */
export function pair(
  name: string,
  before: string | undefined,
  after: string | undefined,
  width: number = lineWidth(),
): string[] {
  const [textBefore, textAfter] = [before, after].map((text) =>
    text === undefined ? undefined : shortDigests(escapeText(text)),
  )
  const line = `${name}: ${textBefore ?? 'absent'} → ${textAfter ?? 'absent'}`
  if (line.length <= width) return [line]
  return [
    cut(name, width),
    `  - ${textBefore === undefined ? paint('dim', 'absent') : cut(textBefore, width - 4)}`,
    `  + ${textAfter === undefined ? paint('dim', 'absent') : cut(textAfter, width - 4)}`,
  ]
}

/** Wrap words into lines. */
export function wrap(text: string, indent: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > lineWidth()) {
      lines.push(indent + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, indent + line]
}
