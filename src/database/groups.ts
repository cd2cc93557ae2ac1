/** Runs in groups by the values of a field, with the range of another field in each. */
import { checkStore } from '../store/store.ts'
import { hasRuns } from '../store/runs.ts'
import { LineaprintError } from '../core/errors.ts'
import { parseField } from './expression/fields.ts'
import { checkFilter } from './filter.ts'
import { readFolders, selectRuns } from './folders.ts'
import { valueOf } from './columns.ts'
import { valued } from './valued.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { GroupQuery } from './query.ts'
import type { Store } from '../store/store.ts'
import { GROUP_LIMIT, inOrder } from './group-order.ts'
import type { MarkedGroups, RunGroup } from './group-order.ts'
import type { GroupField, MeasureField } from './query.ts'

/** The groups that are asked for. */
export interface GroupOptions {
  /** Only runs of which it is true. */
  readonly where?: string | undefined
  /** Field of the groups. */
  readonly by: string
  /** Field of numbers whose range is wanted. */
  readonly measure?: string | undefined
}

/** Check a question about groups. @throws ERR_LINEAPRINT_ARGUMENT. */
export function checkGroups(options: GroupOptions): GroupQuery {
  const { where } = checkFilter({ where: options.where })
  const by = groupField(options.by)
  return { where, by, measure: options.measure === undefined ? undefined : measureField(options.measure) }
}

/**
 * Return the runs that an expression selects in groups.
 *
 * @param options.by Field of the groups: a parameter, a tag, a status or a name.
 * @param options.measure Field of numbers whose range in each group is wanted: a metric, a parameter or the duration.
 * @param kept An earlier answer to the same question. Where no row of the index changed since, it is the answer again.
 * @throws ERR_LINEAPRINT_ARGUMENT for another field, ERR_LINEAPRINT_STORE if the store cannot be read.
 */
export async function groupRuns(
  store: Store,
  options: GroupOptions,
  kept?: MarkedGroups,
): Promise<MarkedGroups> {
  checkStore(store)
  const { where, by, measure } = checkGroups(options)
  if (!(await hasRuns(store))) return { groups: [], count: 0, mark: undefined }
  const { groupsIndexed } = await import('./indexed.ts')
  const indexed = await groupsIndexed(store, { where, by, measure }, kept)
  if (!('reason' in indexed)) return indexed
  const { runs } = await readFolders(store)
  const byValue = new Map<string, number[]>()
  const counts = new Map<string, number>()
  for (const match of selectRuns(runs, checkFilter({ where: options.where }))) {
    const run = valued(match)
    const value = valueOf(by, run)
    const values = by.kind === 'list' && Array.isArray(value) ? [...new Set(value as JsonValue[])] : [value]
    const number = measure === undefined ? null : valueOf(measure, run)
    for (const each of values.length === 0 ? [null] : values) {
      const key = JSON.stringify(each)
      counts.set(key, (counts.get(key) ?? 0) + 1)
      const numbers = byValue.get(key) ?? []
      byValue.set(key, numbers)
      if (typeof number === 'number' && Number.isFinite(number)) numbers.push(number)
    }
  }
  const groups = [...counts].map(([key, count]) => groupOf(key, count, byValue.get(key) ?? []))
  return { groups: inOrder(groups).slice(0, GROUP_LIMIT), count: groups.length, mark: undefined }
}

function groupOf(key: string, runs: number, numbers: readonly number[]): RunGroup {
  const measured = numbers.length
  let [least, greatest, sum] = [Infinity, -Infinity, 0]
  for (const number of numbers) {
    least = Math.min(least, number)
    greatest = Math.max(greatest, number)
    sum += number
  }
  const value = JSON.parse(key) as JsonValue
  if (measured === 0) return { value, runs, measured, least: null, mean: null, greatest: null }
  return { value, runs, measured, least, mean: sum / measured, greatest }
}

const COLUMNS = ['name', 'run_name', 'status', 'parent', 'continues'] as const

function groupField(text: string): GroupField {
  const field = parseField(text, 'by')
  if (field.kind === 'parameter') return field
  if (field.kind === 'list' && field.column === 'tags') return { kind: 'list', column: 'tags' }
  const column = field.kind === 'text' ? COLUMNS.find((known) => known === field.column) : undefined
  if (column !== undefined) return { kind: 'text', column }
  throw wrongField('by', text, `a parameter, tags, ${COLUMNS.join(', ')}`)
}

function measureField(text: string): MeasureField {
  const field = parseField(text, 'measure')
  if (field.kind === 'metric' || field.kind === 'parameter' || field.kind === 'duration') return field
  throw wrongField('measure', text, 'a metric, a parameter or duration')
}

function wrongField(field: string, text: string, expected: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} is not a field of this kind`, {
    field,
    expected,
    received: JSON.stringify(text.slice(0, 80)),
  })
}
