/** What `lineaprint diff` writes about runs, and the plot of their metrics. */
import { dirname, resolve } from 'node:path'
import { mkdir } from 'node:fs/promises'
import { readSeries } from '../experiment/diff/series.ts'
import { plotSvg } from '../export/plot.ts'
import { storeError, writeAtomic } from '../store/atomic.ts'
import { SHOWN, WIDTH, cut, few, pair, verdict, wrap } from './diff-text.ts'
import { count, escapeText, isTerminal, paint, table } from './output.ts'
import type { MetricDiff, MetricSide, RunDiff, RunDifference } from '../experiment/diff/runs.ts'
import type { StoredRun } from '../store/runs.ts'

/** Two runs: on a terminal by cause, in a pipe one line per difference. */
export function runLines(diff: RunDiff, all: boolean): string[] {
  if (!isTerminal()) return runRows(diff)
  const { before, after, differences, firstCause, metrics, ignored, notCompared } = diff
  const causes = new Set(differences.map(({ cause }) => cause))
  // They have a table of their own.
  causes.delete('metrics')
  const sections = [...causes].flatMap((cause) => [
    '',
    paint('bold', cause) + (cause === firstCause ? paint('yellow', '  ← look here first') : ''),
    ...few(
      differences.filter((found) => found.cause === cause),
      all,
      differenceLines,
    ),
  ])
  const notes = few(notCompared, all, ({ field, reason }) =>
    wrap(`${escapeText(field)}: ${escapeText(reason)}`, '  '),
  )
  const words = [
    ...(diff.same ? [] : [`${count(differences.length)} ${differences.length === 1 ? 'field' : 'fields'}`]),
    ...(ignored.length === 0 ? [] : [`${count(ignored.length)} not counted`]),
    ...(notCompared.length === 0 ? [] : [`${count(notCompared.length)} not compared`]),
  ]
  return [
    `${paint('bold', '-')} ${runName(before)}`,
    `${paint('bold', '+')} ${runName(after)}`,
    ...sections,
    ...(metrics.length === 0 ? [] : ['', paint('bold', 'metrics'), metricTable(metrics, all)]),
    ...(notes.length === 0 ? [] : ['', paint('bold', 'not compared'), ...notes]),
    '',
    verdict(diff.same, words.join(', ')),
  ]
}

function runName({ id, name, status }: RunDiff['before']): string {
  return `${id}  ${cut(escapeText(name), WIDTH - id.length - status.length - 6)}  ${paint('dim', status)}`
}

function differenceLines({ field, before, after, detail }: RunDifference): string[] {
  const words = detail === undefined ? [] : wrap(`(${escapeText(detail)})`, '    ')
  return [...pair(escapeText(field), before, after, WIDTH - 2).map((line) => `  ${line}`), ...words]
}

/** Both runs below each other, in one line where they are equal: side by side would not fit the width. */
function metricTable(metrics: readonly MetricDiff[], all: boolean): string {
  const shown = all ? metrics : metrics.slice(0, SHOWN)
  const rows = shown.flatMap(({ name, before, after, same, parting, onlyBefore, onlyAfter }) => {
    const label = `  ${cut(escapeText(name), 24)}`
    if (same && after !== null) return [[label, '=', ...cells(after), '']]
    const place = parting && (parting.step === null ? `value ${parting.index + 1}` : `step ${parting.step}`)
    const parts = place ?? (before && after && onlyBefore + onlyAfter > 0 ? 'other steps' : '')
    return [
      ...(before === null ? [] : [[label, paint('red', '-'), ...cells(before), paint('yellow', parts)]]),
      ...(after === null ? [] : [[before === null ? label : '', paint('green', '+'), ...cells(after), '']]),
    ]
  })
  const rest = metrics.length - shown.length
  const more = rest === 0 ? '' : `\n  … and ${count(rest)} more (--all shows them)`
  return table(rows, ['  name', '', 'last', 'min', 'max', 'count', 'part at']) + more
}

function cells({ last, min, max, count: values }: MetricSide): string[] {
  return [number(last), number(min), number(max), String(values)]
}

function number(value: number | null): string {
  // Four digits fit the table; a pipe and `--json` have all of them.
  return value === null ? '-' : String(Number(value.toPrecision(4)))
}

function runRows({ differences, notCompared }: RunDiff): string[] {
  const rows = [
    ...differences.map(({ cause, field, before, after, detail }) => [
      cause,
      field,
      before ?? '',
      after ?? '',
      detail ?? '',
    ]),
    ...notCompared.map(({ field, reason }) => ['not compared', field, '', '', reason]),
  ]
  return rows.length === 0 ? [] : [table(rows)]
}

/**
 * Plots all metrics that both runs have, each in a panel of its own.
 *
 * @param path Replaced at once, or not at all.
 */
export async function writePlot(
  path: string,
  a: StoredRun,
  b: StoredRun,
  signal: AbortSignal,
): Promise<void> {
  const [before, after] = [await readSeries(a, signal), await readSeries(b, signal)]
  const names = [...before.keys()].filter((name) => after.has(name)).toSorted()
  const svg = plotSvg({
    title: a.record.name === b.record.name ? a.record.name : `${a.record.name} and ${b.record.name}`,
    xLabel: 'step',
    legend: [a, b].map(({ id, record }) => `${record.name}  ${id}`),
    panels: names.map((name) => ({
      title: name,
      series: [{ points: before.get(name) ?? [] }, { points: after.get(name) ?? [] }],
    })),
  })
  const folder = dirname(resolve(path))
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw storeError(folder, 'the folder of the plot cannot be made', cause)
  })
  await writeAtomic(path, svg)
}
