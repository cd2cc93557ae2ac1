/** Output of `lineaprint diff` about runs, and the plot of their metrics. */
import { dirname, resolve } from 'node:path'
import { LineaprintError } from '../../../core/errors.ts'
import { diffCode } from '../../../diff/code.ts'
import { readSeries } from '../../../diff/series.ts'
import { plotSvg } from '../../../export/plot/svg.ts'
import { storeError, writeAtomic } from '../../../util/fs.ts'
import { makeFolders } from '../../../util/fs.ts'
import { SHOWN, cut, few, pair, verdict, wrap } from './text.ts'
import { count, escapeText, isTerminal, lineWidth, paint, printError, table } from '../../shared/output.ts'
import { positionOf } from '../../../diff/metrics.ts'
import { plural } from '../../../util/plural.ts'
import type {
  DigestDiff,
  FirstDivergence,
  MetricDiff,
  MetricSide,
  RunDiff,
  RunDifference,
} from '../../../diff/runs.ts'
import type { StoredRun } from '../../../store/runs.ts'

/** Format two runs: on a terminal by cause, in a pipe one line per difference. */
export function runLines(diff: RunDiff, all: boolean): string[] {
  if (!isTerminal()) return runRows(diff)
  const { before, after, differences, firstCause, metrics, digests, ignored, leftOut, notCompared } = diff
  const causes = new Set(differences.map(({ cause }) => cause))
  // These have tables of their own.
  for (const cause of ['metrics', 'digests'] as const) causes.delete(cause)
  const sections = [...causes].flatMap((cause) => [
    '',
    paint('bold', cause) + (cause === firstCause ? paint('yellow', '  ← most likely cause') : ''),
    ...few(
      differences.filter((difference) => difference.cause === cause),
      all,
      differenceLines,
    ),
  ])
  const notes = few(notCompared, all, ({ field, reason }) =>
    wrap(`${escapeText(field)}: ${escapeText(reason)}`, '  '),
  )
  const omissions = few(leftOut, all, ({ field, reason }) =>
    wrap(`${escapeText(field)}: ${escapeText(reason)}`, '  '),
  )
  const words = [
    ...(diff.same ? [] : [plural(differences.length, 'field')]),
    ...(ignored.length === 0 ? [] : [`${count(ignored.length)} not counted`]),
    ...(notCompared.length === 0 ? [] : [`${count(notCompared.length)} not compared`]),
  ]
  return [
    `${paint('bold', '-')} ${sideName(before)}`,
    `${paint('bold', '+')} ${sideName(after)}`,
    ...sections,
    ...(digests.length === 0 ? [] : ['', paint('bold', 'digests'), digestTable(digests, all)]),
    ...(metrics.length === 0 ? [] : ['', paint('bold', 'metrics'), metricTable(metrics, all)]),
    ...(omissions.length === 0 ? [] : ['', paint('bold', 'left out'), ...omissions]),
    ...(notes.length === 0 ? [] : ['', paint('bold', 'not compared'), ...notes]),
    ...firstDivergence(diff.firstDivergence),
    ...unexplainedLines(diff.unexplained, all),
    '',
    verdict(diff.same, words.join(', ')),
  ]
}

function sideName({ id, name, runName, status }: RunDiff['before']): string {
  const names = runName === undefined ? name : `${name} ${runName}`
  return `${id}  ${cut(escapeText(names), lineWidth() - id.length - status.length - 6)}  ${paint('dim', status)}`
}

function differenceLines({ field, before, after, detail }: RunDifference): string[] {
  const words = detail === undefined ? [] : wrap(`(${escapeText(detail)})`, '    ')
  return [...pair(escapeText(field), before, after, lineWidth() - 2).map((line) => `  ${line}`), ...words]
}

/** Say that no recorded cause explains the results. */
function unexplainedLines(sentences: readonly string[], all: boolean): string[] {
  if (sentences.length === 0) return []
  const lines = few(sentences, all, (sentence) => wrap(escapeText(sentence), '  '))
  return ['', paint('bold', NO_CAUSE), ...lines]
}

const NO_CAUSE = 'no recorded cause differs'

/** Return the first step at which two runs differ. */
function firstDivergence(divergence: FirstDivergence | null): string[] {
  if (divergence === null) return []
  const words = `step ${divergence.step} (${escapeText(divergenceNames(divergence))})`
  return ['', ...wrap(`${paint('bold', 'first divergence')}: ${words}`, '')]
}

/** A diverging loss affects every metric. */
const NAMES_SHOWN = 5

function divergenceNames({ digests, metrics }: FirstDivergence): string {
  const names = [...digests.map((name) => `digest ${name}`), ...metrics.map((name) => `metric ${name}`)]
  const shown = names.slice(0, NAMES_SHOWN).join(', ')
  return names.length > NAMES_SHOWN ? `${shown} and ${names.length - NAMES_SHOWN} more` : shown
}

function digestTable(digests: readonly DigestDiff[], all: boolean): string {
  const shown = all ? digests : digests.slice(0, SHOWN)
  const rows = shown.map(({ name, before, after, same, divergence, onlyBefore, onlyAfter }) => {
    const [countBefore, countAfter] = [before, after].map((side) =>
      side === null ? 'none' : String(side.count),
    )
    const rest = onlyBefore + onlyAfter > 0 ? 'other steps' : ''
    const position = divergence === null ? rest : positionOf(divergence)
    const counts = countBefore === countAfter ? countBefore : `${countBefore} → ${countAfter}`
    return [`  ${cut(escapeText(name), 40)}`, same ? '=' : '', counts ?? '', paint('yellow', position)]
  })
  const hidden = digests.length - shown.length
  const more = hidden === 0 ? '' : `\n  … and ${count(hidden)} more (--all shows them)`
  return table(rows, ['  name', '', 'count', 'diverges at']) + more
}

/**
 * Format the metrics of both runs below each other, or in one line if equal: two columns would not fit the
 * width.
 */
function metricTable(metrics: readonly MetricDiff[], all: boolean): string {
  const shown = all ? metrics : metrics.slice(0, SHOWN)
  const rows = shown.flatMap(({ name, before, after, same, divergence, onlyBefore, onlyAfter }) => {
    const label = `  ${cut(escapeText(name), 24)}`
    if (same && after !== null) return [[label, '=', ...cells(after), '']]
    const parts =
      (divergence && positionOf(divergence)) ??
      (before && after && onlyBefore + onlyAfter > 0 ? 'other steps' : '')
    return [
      ...(before === null ? [] : [[label, paint('red', '-'), ...cells(before), paint('yellow', parts)]]),
      ...(after === null ? [] : [[before === null ? label : '', paint('green', '+'), ...cells(after), '']]),
    ]
  })
  const rest = metrics.length - shown.length
  const more = rest === 0 ? '' : `\n  … and ${count(rest)} more (--all shows them)`
  return table(rows, ['  name', '', 'last', 'min', 'max', 'count', 'diverges at']) + more
}

function cells({ last, min, max, count: values }: MetricSide): string[] {
  return [number(last), number(min), number(max), String(values)]
}

function number(value: number | null): string {
  // Four digits fit the table; a pipe and `--json` have all of them.
  return value === null ? '-' : String(Number(value.toPrecision(4)))
}

function runRows(diff: RunDiff): string[] {
  const { differences, leftOut, notCompared, firstDivergence: divergence, unexplained } = diff
  const rows = [
    ...differences.map(({ cause, field, before, after, detail }) => [
      cause,
      field,
      before ?? '',
      after ?? '',
      detail ?? '',
    ]),
    ...leftOut.map(({ field, reason }) => ['left out', field, '', '', reason]),
    ...notCompared.map(({ field, reason }) => ['not compared', field, '', '', reason]),
    ...(divergence === null
      ? []
      : [['first divergence', `step ${divergence.step}`, '', '', divergenceNames(divergence)]]),
    ...unexplained.map((sentence) => [NO_CAUSE, '', '', '', sentence]),
  ]
  return rows.length === 0 ? [] : [table(rows)]
}

/**
 * Plot all metrics present in both runs, each in a panel of its own.
 *
 * @param path Replaced atomically.
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
  await writeWithFolders(path, svg)
}

/**
 * Write the patch between the code of two runs.
 *
 * @param path Replaced atomically.
 * @throws ERR_LINEAPRINT_STATE if the code cannot be compared.
 */
export async function writePatch(
  path: string,
  before: StoredRun,
  after: StoredRun,
  signal: AbortSignal,
): Promise<void> {
  const code = await diffCode(before, after, { signal })
  if (code.status === 'not-compared') {
    throw new LineaprintError('ERR_LINEAPRINT_STATE', `no patch can be made: ${code.reason}`, {
      field: 'git',
      hint: 'the repository of the runs must be at its recorded path and contain both commits',
    })
  }
  for (const sentence of code.incomplete)
    printError(`lineaprint: warning: not in the patch: ${escapeText(sentence)}`)
  await writeWithFolders(path, code.patch)
}

/** Write a file, and the folders above it. */
export async function writeWithFolders(path: string, content: string | Uint8Array): Promise<void> {
  const folder = dirname(resolve(path))
  await makeFolders(folder).catch((cause: unknown) => {
    throw storeError(folder, 'the folder of the file cannot be created', cause)
  })
  await writeAtomic(path, content)
}
