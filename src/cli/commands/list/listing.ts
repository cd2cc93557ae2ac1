/** The table of runs of different experiments. */
import { stripVTControlCharacters } from 'node:util'
import {
  NARROWEST_COLUMN,
  escapeText,
  isTerminal,
  lineWidth,
  paintStatus,
  table,
} from '../../shared/output.ts'
import { duration, localTime } from '../../shared/time.ts'
import type { ListedRun } from '../../../store/runs.ts'

/** A column of a table of runs. */
export interface Column<Run extends ListedRun = ListedRun> {
  readonly title: string
  readonly cell: (run: Run) => string
  /** True if a narrow terminal may cut its texts. A part of a time or an id tells nothing. */
  readonly isCuttable?: boolean
}

/** The common fields of runs. */
export const COLUMNS: Readonly<Record<CommonColumn, Column>> = {
  id: { title: 'id', cell: ({ id }) => id },
  name: { title: 'name', cell: ({ name }) => escapeText(name), isCuttable: true },
  runName: { title: 'run name', cell: ({ runName }) => escapeText(runName ?? ''), isCuttable: true },
  status: { title: 'status', cell: ({ status }) => paintStatus(status) },
  started: { title: 'started', cell: ({ startedAt }) => escapeText(localTime(startedAt)) },
  took: {
    title: 'run took',
    cell: ({ durationMs }) =>
      durationMs === null ? '' : isTerminal() ? duration(durationMs) : String(durationMs),
  },
  tags: { title: 'tags', cell: ({ tags }) => escapeText(tags.join(', ')), isCuttable: true },
  ranks: { title: 'ranks', cell: ({ launch }) => escapeText(describeRanks(launch)), isCuttable: true },
}

type CommonColumn = 'id' | 'name' | 'runName' | 'status' | 'started' | 'took' | 'tags' | 'ranks'

/** Columns that a terminal leaves out if no run has a value. A pipe always has the same columns. */
const OPTIONAL: ReadonlySet<Column> = new Set([COLUMNS.runName, COLUMNS.tags, COLUMNS.ranks])

/** Columns that a terminal without room for them leaves out, the first ones first. */
const DISPENSABLE: readonly Column[] = [
  COLUMNS.took,
  COLUMNS.ranks,
  COLUMNS.tags,
  COLUMNS.started,
  COLUMNS.runName,
  COLUMNS.name,
]

/** Describe which ranks a run has: `from 0 of 8 on node1`. */
function describeRanks(launch: ListedRun['launch']): string {
  if (launch === null) return ''
  const { rank, size, node } = launch
  return `from ${rank}${size === null ? '' : ` of ${size}`} on ${node}`
}

/** Format runs as a table of their common fields. */
export function listing(runs: readonly ListedRun[]): string {
  const all: readonly Column[] = Object.values(COLUMNS)
  return formatted(isTerminal() ? fitting(all, runs, DISPENSABLE) : all, runs)
}

/** Format columns of runs. */
export function formatted<Run extends ListedRun>(
  columns: readonly Column<Run>[],
  runs: readonly Run[],
): string {
  const cuttable = new Set(columns.flatMap(({ isCuttable }, index) => (isCuttable === true ? [index] : [])))
  const cells = runs.map((run) => columns.map(({ cell }) => cell(run)))
  return table(
    cells,
    columns.map(({ title }) => title),
    cuttable,
  )
}

/**
 * Return the columns for which a line has room.
 *
 * @param dispensable Those that are left out, the first ones first.
 */
export function fitting<Run extends ListedRun>(
  all: readonly Column<Run>[],
  runs: readonly Run[],
  dispensable: readonly Column<Run>[],
): readonly Column<Run>[] {
  const optional: ReadonlySet<Column<Run>> = OPTIONAL
  const least = new Map(
    all.map((column) => {
      const width = runs.reduce(
        (most, run) => Math.max(most, stripVTControlCharacters(column.cell(run)).length),
        0,
      )
      const whole = Math.max(width, column.title.length)
      return [
        column,
        width === 0 ? 0 : column.isCuttable === true ? Math.min(whole, NARROWEST_COLUMN) : whole,
      ]
    }),
  )
  let shown = all.filter((column) => !optional.has(column) || least.get(column) !== 0)
  const room = (): number => shown.reduce((sum, column) => sum + 2 + (least.get(column) ?? 0), -2)
  for (const column of dispensable)
    if (room() > lineWidth()) shown = shown.filter((other) => other !== column)
  return shown
}
