/** `lineaprint diff` of any number of runs against one of them. */
import { diffRuns } from '../../../diff/runs.ts'
import { tableOfRuns } from '../../../database/stored.ts'
import { cellText, jsonValues } from '../../shared/csv.ts'
import { escapeText, isTerminal, paint, print, printError, printJson, table } from '../../shared/output.ts'
import { plural } from '../../../util/plural.ts'
import type { RunTable } from '../../../database/stored.ts'
import type { RunDiff, RunDiffOptions } from '../../../diff/runs.ts'
import type { StoredRun } from '../../../store/runs.ts'

/** Options of {@link diffSeveral}. */
export interface SeveralOptions extends RunDiffOptions {
  readonly columns: readonly string[]
  readonly format: 'text' | 'markdown' | 'json'
  /** Every difference, not the first ones of each run. */
  readonly all: boolean
}

/** Differences of one run that a report names. */
const SHOWN = 20

/**
 * Compare runs with a base, and print a table with a row for each.
 *
 * @returns Whether all of them are the same.
 */
export async function diffSeveral(
  base: StoredRun,
  others: readonly StoredRun[],
  { columns, format, all, ...options }: SeveralOptions,
): Promise<boolean> {
  const diffs: RunDiff[] = []
  for (const run of others) diffs.push(await diffRuns(base, run, options))
  const values = await tableOfRuns([base, ...others], columns)
  if (format === 'json') printJson(jsonOf(base, values, diffs))
  else if (format === 'markdown') print(markdown(base, values, diffs, all))
  else print(textTable(base, values, diffs))
  // Each side has warnings of its own, and the base is a side of every pair.
  for (const warning of new Set(diffs.flatMap(({ warnings }) => warnings)))
    printError(`lineaprint: warning: ${escapeText(warning)}`)
  return diffs.every(({ same }) => same)
}

function jsonOf({ id }: StoredRun, { columns, rows }: RunTable, diffs: readonly RunDiff[]): object {
  return {
    base: { id, values: jsonValues(rows[0] ?? {}) },
    columns,
    runs: diffs.map(({ after, same, firstCause, differences, notCompared, firstDivergence }, index) => ({
      ...after,
      same,
      firstCause,
      differences,
      notCompared,
      firstDivergence,
      values: jsonValues(rows[index + 1] ?? {}),
    })),
  }
}

/** Return the cells before those of the columns. */
function headCells({ after: { id, runName = '' }, same, firstCause, differences }: RunDiff): string[] {
  return [id, runName, same ? 'same' : plural(differences.length, 'field'), firstCause ?? '']
}

const HEAD = ['run', 'run name', 'differs in', 'first cause']

function baseCells({ id, record }: StoredRun): string[] {
  return [id, record.runName ?? '', 'base', '']
}

function textTable(base: StoredRun, { columns, rows }: RunTable, diffs: readonly RunDiff[]): string {
  const cells = [baseCells(base), ...diffs.map(headCells)].map((head, index) => [
    ...head.map(escapeText),
    ...columns.map((column) => escapeText(cellText(rows[index]?.[column] ?? null, isTerminal()))),
  ])
  const painted = cells.map(([id = '', name = '', differs = '', cause = '', ...rest]) => [
    id,
    name,
    differs === 'same' ? paint('green', differs) : differs,
    paint('yellow', cause),
    ...rest,
  ])
  const cuttable = new Set([1, ...columns.map((_, index) => HEAD.length + index)])
  return table(painted, [...HEAD, ...columns.map(escapeText)], cuttable)
}

function markdown(
  base: StoredRun,
  { columns, rows }: RunTable,
  diffs: readonly RunDiff[],
  all: boolean,
): string {
  const summary = [baseCells(base), ...diffs.map(headCells)].map((head, index) => [
    ...head,
    ...columns.map((column) => cellText(rows[index]?.[column] ?? null, true)),
  ])
  const sections = diffs.flatMap(
    ({ after, same, differences, firstDivergence, notCompared, unexplained }) => {
      if (same) return []
      const shown = all ? differences : differences.slice(0, SHOWN)
      const hidden = differences.length - shown.length
      return [
        '',
        `## ${markdownText([after.id, after.runName ?? ''].join(' ').trim())}`,
        '',
        ...markdownTable(
          ['cause', 'field', 'base', 'run'],
          shown.map(({ cause, field, before, after: value }) => [cause, field, before ?? '', value ?? '']),
        ),
        ...(hidden === 0 ? [] : ['', `${plural(hidden, 'more field')}; \`--all\` shows all.`]),
        ...(firstDivergence === null ? [] : ['', `First divergence: step ${firstDivergence.step}.`]),
        ...(notCompared.length === 0 ? [] : ['', `Not compared: ${plural(notCompared.length, 'field')}.`]),
        ...(unexplained.length === 0 ? [] : ['', 'No recorded cause differs:', '']),
        ...unexplained.map((sentence) => `- ${markdownText(sentence)}`),
      ]
    },
  )
  return [
    `# Runs compared with ${markdownText(base.id)}`,
    '',
    ...markdownTable([...HEAD, ...columns], summary),
    ...sections,
  ].join('\n')
}

function markdownTable(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [markdownRow(titles), `| ${titles.map(() => '---').join(' | ')} |`, ...rows.map(markdownRow)]
}

function markdownRow(cells: readonly string[]): string {
  return `| ${cells.map(markdownText).join(' | ')} |`
}

/** Return text that Markdown shows as it is: nothing in it is a mark, a tag or the end of a cell. */
function markdownText(text: string): string {
  return escapeText(text).replace(/[\\`*_[\]<>|#~&!]/g, (mark) =>
    mark === '<' ? '&lt;' : mark === '&' ? '&amp;' : `\\${mark}`,
  )
}
