/**
 * Comparison of metrics by what a record says of each: its first, last, smallest and largest value, their number and
 * the last step. The metrics of a command include those of the runs that it made.
 */
import { decodeFloat } from '../../json/special-floats.ts'
import { listRuns } from '../../database/runs.ts'
import { readRun } from '../../store/read.ts'
import { isDurationName } from '../../record/duration-names.ts'
import { isSystemMetric } from '../../record/system-metric-names.ts'
import { distance } from '../../compare/numbers.ts'
import { item } from '../types.ts'
import type { MetricRecord } from '../../record/record.ts'
import type { StoredRun } from '../../store/runs.ts'
import type { Store } from '../../store/store.ts'
import type { ReproduceItem } from '../types.ts'

/** The fields of a metric that are compared; the last value comes first, because it is the one to show. */
const VALUES = ['last', 'first', 'min', 'max'] as const
const NUMBERS = ['count', 'nanCount', 'lastStep'] as const

/** The compared part of one metric. */
export type MetricSummary = Pick<MetricRecord, (typeof VALUES)[number] | (typeof NUMBERS)[number] | 'sources'>

/** Metrics by name. */
export type Metrics = ReadonlyMap<string, MetricSummary>

/**
 * Read the summary of every metric that a run, or a run made by its command, logged.
 *
 * If there are several such runs, the name of the run precedes that of the metric.
 *
 * @param stores Stores that may contain runs of the command.
 */
export async function readMetrics(run: StoredRun, stores: readonly Store[]): Promise<Metrics> {
  const children: StoredRun[] = []
  const seen = new Set<string>([run.folder])
  for (const store of stores) {
    const { runs } = await listRuns(store)
    for (const { parent, folder } of runs) {
      if (parent !== run.id || seen.has(folder)) continue
      seen.add(folder)
      children.push(await readRun(folder))
    }
  }
  const metrics = new Map<string, MetricSummary>()
  const add = ({ record }: StoredRun, prefix: string): void => {
    for (const [name, metric] of Object.entries(record.metrics))
      if (!isSystemMetric(name)) metrics.set(prefix + name, metric)
  }
  add(run, '')
  const [only, ...others] = children
  if (only !== undefined && others.length === 0) add(only, '')
  else {
    const counts = new Map<string, number>()
    for (const child of children.toSorted((a, b) => (startOf(a) < startOf(b) ? -1 : 1))) {
      const { name } = child.record
      const number = (counts.get(name) ?? 0) + 1
      counts.set(name, number)
      add(child, number === 1 ? `${name}/` : `${name}#${number}/`)
    }
  }
  return metrics
}

function startOf({ record: { startedAt, id } }: StoredRun): string {
  return `${startedAt} ${id}`
}

/** Compare metrics by name. */
export function compareMetrics(
  before: Metrics,
  after: Metrics,
  tolerance: number | undefined,
): ReproduceItem[] {
  const items = [...before].map(([name, metric]) => {
    const present = after.get(name)
    if (isDuration(name, metric)) return item('metrics', name, 'not-compared', 'it measures time')
    return present === undefined
      ? item('metrics', name, 'missing', 'it was not logged')
      : compareMetric(name, metric, present, tolerance)
  })
  const added = [...after].filter(([name, metric]) => !before.has(name) && !isDuration(name, metric))
  return [
    ...items,
    ...added.map(([name]) => item('metrics', name, 'different', 'it is not in the recorded run')),
  ]
}

/** Check whether a program reported how long something took, without a thought of comparing it. */
function isDuration(name: string, { sources }: MetricSummary): boolean {
  return sources !== undefined && isDurationName(name)
}

function compareMetric(
  name: string,
  before: MetricSummary,
  after: MetricSummary,
  tolerance: number | undefined,
): ReproduceItem {
  const distances = VALUES.map((field) => distance(numberOf(before[field]), numberOf(after[field])))
  const differences = [...VALUES, ...NUMBERS].flatMap((field, index) => {
    const isSame = index < VALUES.length ? distances[index] === 0 : before[field] === after[field]
    return isSame ? [] : [{ field, before: textOf(before[field]), after: textOf(after[field]) }]
  })
  const [first] = differences
  if (first === undefined) return item('metrics', name, 'same', textOf(after.last))
  const isNear = tolerance !== undefined && distances.every((value) => value <= tolerance)
  const within = isNear && NUMBERS.every((field) => before[field] === after[field])
  const changes = differences.map((change) => `${change.field} ${change.before} → ${change.after}`)
  const detail =
    first.field === 'last'
      ? `${first.before} → ${first.after}`
      : `the last value is the same, the earlier ones are not: ${changes.join(', ')}`
  const verdict = within ? 'within-tolerance' : 'different'
  return item('metrics', name, verdict, detail, differences, Math.max(...distances))
}

/** Return a recorded value; NaN if there is none, because each value was NaN. */
function numberOf(value: MetricSummary['min']): number {
  return value === null ? NaN : decodeFloat(value)
}

function textOf(value: MetricSummary['min']): string {
  return value === null ? 'none' : String(decodeFloat(value))
}
