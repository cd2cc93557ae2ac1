/** `lineaprint dataset --leaks`: rows and files that are in several splits. */
import { findLeaks } from '../../../dataset/leaks.ts'
import { LineaprintError } from '../../../core/errors.ts'
import { count, escapeText, print, printJson, table } from '../../shared/output.ts'
import { progressBar } from '../../shared/progress.ts'
import type { LeakReport, NearLeaks } from '../../../dataset/leaks.ts'
import type { TableOptions } from '../../../dataset/table.ts'
import type { CommandContext } from '../../shared/context.ts'

/** Arguments of the command. */
export interface LeakArguments {
  /** Splits as `NAME=PATH`. */
  readonly splits: readonly string[]
  readonly text: readonly string[] | undefined
  readonly near: boolean | number | undefined
  readonly examples: number | undefined
  readonly json: boolean
  readonly table: Pick<TableOptions, 'schema' | 'delimiter' | 'quote' | 'threads'>
}

/** Find what is in several splits, print it, and exit with 1 if there is something. */
export async function printLeaks(
  { splits, text, near, examples, json, table: options }: LeakArguments,
  context: CommandContext,
): Promise<void> {
  const named = toSplits(splits)
  const progress = progressBar('comparing')
  const report = await findLeaks(named, {
    ...options,
    text,
    near,
    examples,
    signal: context.signal,
    onProgress: progress.onProgress,
  }).finally(progress.end)
  context.exit(report.disjoint ? 0 : 1)
  if (json) printJson(report)
  else print(table(rows(report)))
}

/** Split each argument at its first `=`. */
function toSplits(splits: readonly string[]): Record<string, string> {
  const named = new Map<string, string>()
  for (const split of splits) {
    const end = split.indexOf('=')
    const [name, path] = [split.slice(0, Math.max(0, end)), split.slice(end + 1)]
    if (name === '' || path === '')
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a split needs a name', {
        field: '--leaks',
        expected: 'NAME=PATH, for example train=data/train.parquet',
        received: JSON.stringify(split),
      })
    if (named.has(name))
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'two splits have one name', {
        field: '--leaks',
        expected: 'a name of its own for each split',
        received: `${JSON.stringify(name)} twice`,
      })
    named.set(name, path)
  }
  return Object.fromEntries(named)
}

function rows({ unit, splits, pairs, examples, near }: LeakReport): string[][] {
  const units = `${unit}s`
  return [
    ...splits.flatMap(({ name, items, duplicates }) => [
      [units, escapeText(name), count(items)],
      ['duplicates', escapeText(name), count(duplicates)],
    ]),
    ...pairs.flatMap(({ first, second, firstItems, secondItems }) => [
      ['leaks', `${escapeText(first)} in ${escapeText(second)}`, count(firstItems)],
      ['leaks', `${escapeText(second)} in ${escapeText(first)}`, count(secondItems)],
    ]),
    ...examples.map(({ first, firstItem, second, secondItem }) => [
      'example',
      `${escapeText(first)} ${unit} ${item(firstItem)}`,
      `${escapeText(second)} ${unit} ${item(secondItem)}`,
    ]),
    ...(near === undefined ? [] : nearRows(near)),
  ]
}

/** Return what is equal or near, after how it was looked for. */
function nearRows({ threshold, recall, splits, pairs, examples }: NearLeaks): string[][] {
  return [
    ['near', `similarity at least ${threshold}`, `recall there ${recall.toFixed(4)}`],
    ...splits.map(({ name, duplicates }) => ['near duplicates', escapeText(name), count(duplicates)]),
    ...pairs.flatMap(({ first, second, firstItems, secondItems }) => [
      ['near leaks', `${escapeText(first)} in ${escapeText(second)}`, count(firstItems)],
      ['near leaks', `${escapeText(second)} in ${escapeText(first)}`, count(secondItems)],
    ]),
    ...examples.map(({ first, firstItem, second, secondItem, similarity }) => [
      'near example',
      `${escapeText(first)} row ${item(firstItem)}`,
      `${escapeText(second)} row ${item(secondItem)}`,
      similarity.toFixed(3),
    ]),
  ]
}

function item(value: number | string): string {
  return typeof value === 'number' ? String(value) : escapeText(value)
}
