/**
 * Comparison of the last values of metrics. The metrics of a command include those of the runs that it made.
 */
import { decodeFloat } from '../../json/special-floats.ts'
import { listRuns, readRun } from '../../store/runs.ts'
import { isSystemMetric } from '../../record/system-metric-names.ts'
import { distance } from '../../compare/numbers.ts'
import { item } from '../types.ts'
import type { StoredRun } from '../../store/runs.ts'
import type { Store } from '../../store/store.ts'
import type { ReproduceItem } from '../types.ts'

/** Last values by name. */
export type LastValues = ReadonlyMap<string, number>

/**
 * Read the last value of every metric that a run, or a run made by its command, logged.
 *
 * If there are several such runs, the name of the run precedes that of the metric.
 *
 * @param stores Stores that may contain runs of the command.
 */
export async function lastValues(run: StoredRun, stores: readonly Store[]): Promise<LastValues> {
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
  const values = new Map<string, number>()
  const add = ({ record }: StoredRun, prefix: string): void => {
    for (const [name, { last }] of Object.entries(record.metrics))
      if (!isSystemMetric(name)) values.set(prefix + name, decodeFloat(last))
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
  return values
}

function startOf({ record: { startedAt, id } }: StoredRun): string {
  return `${startedAt} ${id}`
}

/** Compare last values by name. */
export function compareMetrics(
  before: LastValues,
  after: LastValues,
  tolerance: number | undefined,
): ReproduceItem[] {
  const items = [...before].map(([name, valueBefore]) => {
    const valueAfter = after.get(name)
    if (valueAfter === undefined) return item('metrics', name, 'missing', 'it was not logged')
    if (Object.is(valueBefore, valueAfter) || valueBefore === valueAfter)
      return item('metrics', name, 'same', String(valueAfter))
    const difference = distance(valueBefore, valueAfter)
    const within = tolerance !== undefined && difference <= tolerance
    const differences = [{ field: 'last', before: String(valueBefore), after: String(valueAfter) }]
    const verdict = within ? 'within-tolerance' : 'different'
    return item('metrics', name, verdict, `${valueBefore} → ${valueAfter}`, differences, difference)
  })
  const added = [...after.keys()].filter((name) => !before.has(name))
  return [
    ...items,
    ...added.map((name) => item('metrics', name, 'different', 'it is not in the recorded run')),
  ]
}
