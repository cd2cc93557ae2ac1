/** The table of runs of one experiment: it names the runs by what varies in them, and hides what does not. */
import { plural } from '../../../util/plural.ts'
import { cellText } from '../../shared/csv.ts'
import { escapeText, paint, paintStatus } from '../../shared/output.ts'
import { COLUMNS, fitting, formatted } from './listing.ts'
import type { RunOfList } from '../../../database/runs.ts'
import type { Column } from './listing.ts'

/** Largest number of runs whose values are compared without being asked for. */
const MOST = 1000

/** Tell whether runs are shown as a sweep: a few runs of one experiment, none of them spread over several runs. */
export function isSweep(runs: readonly RunOfList[]): boolean {
  const [first] = runs
  return (
    first !== undefined &&
    runs.length > 1 &&
    runs.length <= MOST &&
    runs.every(({ name, launch }) => name === first.name && launch === null)
  )
}

/** A table, and the number of varying fields for which it has no room. */
interface SweepTable {
  readonly text: string
  readonly omitted: number
}

/**
 * Format the runs of a sweep.
 *
 * @param runs With the values of `fields`.
 * @param fields Names of the fields in which they differ.
 */
export function sweepTable(runs: readonly RunOfList[], fields: readonly string[]): SweepTable {
  const [first] = runs
  const values = fields.map((field): Column<RunOfList> => ({
    title: escapeText(titleOf(field, fields)),
    cell: (run) => escapeText(cellText(run.values?.[field] ?? null, true)),
    isCuttable: true,
  }))
  const status: Column<RunOfList> = { title: 'status', cell: (run) => paintStatus(run.status) }
  const haveOneStatus = runs.every((run) => run.status === first?.status)
  const haveOneSetOfTags = new Set(runs.map(({ tags }) => JSON.stringify(tags))).size === 1
  const columns = [
    COLUMNS.id,
    COLUMNS.runName,
    ...(haveOneStatus ? [] : [status]),
    ...values,
    ...(haveOneSetOfTags ? [] : [COLUMNS.tags]),
    COLUMNS.started,
    COLUMNS.took,
  ]
  const dispensable = [
    COLUMNS.took,
    COLUMNS.started,
    COLUMNS.tags,
    ...values.slice(1).toReversed(),
    COLUMNS.runName,
    ...values.slice(0, 1),
  ]
  const shown = fitting<RunOfList>(columns, runs, dispensable)
  const all = haveOneStatus ? `, all ${first?.status ?? ''}` : ''
  const head = paint('bold', escapeText(`${first?.name ?? ''}: ${plural(runs.length, 'run')}${all}`))
  return {
    text: `${head}\n${formatted(shown, runs)}`,
    omitted: values.filter((column) => !shown.includes(column)).length,
  }
}

/** Return the name of a parameter or metric, without its kind where no other field has that name. */
function titleOf(field: string, fields: readonly string[]): string {
  const bare = bareName(field)
  return fields.filter((other) => bareName(other) === bare).length === 1 ? bare : field
}

function bareName(field: string): string {
  return field.replace(/^(?:params|metrics)\./, '')
}
