/** Series that go on in a run that continues another. */
import { dirname, join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { isRunId } from '../../core/run-id.ts'
import { readRun } from '../read.ts'
import type { StoredRun } from '../read.ts'
import type { SeriesColumns } from './column-reader.ts'

/** A part of a series: the values that one run logged. */
export interface SeriesPart {
  /** Id of the run. */
  readonly run: string
  /** Number of its values in the series. */
  readonly count: number
  /** Number of its values that are left out, because a later run has values at their step or before it. */
  readonly replaced: number
}

/** Most runs that one run is read together with. */
const LONGEST = 1000

/**
 * Return the runs that a run continues, the oldest first, and the run itself. They lie beside it.
 *
 * @param warnings Gets a sentence about a run that cannot be read. The series then begin after it.
 */
export async function runsBefore(run: StoredRun, warnings: string[]): Promise<StoredRun[]> {
  const chain = [run]
  const seen = new Set<string>([run.id])
  for (let at = run; at.record.continues !== undefined;) {
    const id = at.record.continues
    const problem = !isRunId(id)
      ? 'which is not an id of a run'
      : seen.has(id)
        ? 'which continues it'
        : chain.length === LONGEST
          ? `and is the ${LONGEST}th of its series`
          : undefined
    const before = problem ?? (await readBefore(at, id))
    if (typeof before === 'string') {
      warnings.push(`${run.id}: its series are not complete: ${at.id} continues ${id}, ${before}`)
      break
    }
    seen.add(id)
    chain.unshift(before)
    at = before
  }
  return chain
}

async function readBefore({ folder }: StoredRun, id: string): Promise<StoredRun | string> {
  try {
    return await readRun(join(dirname(folder), id))
  } catch (error) {
    if (!LineaprintError.isFinding(error)) throw error
    return `which cannot be read: ${error.message}`
  }
}

/** The values that one run logged under one name. */
export interface RunColumns {
  readonly run: string
  readonly columns: SeriesColumns
}

/**
 * Join what several runs logged under one name. A value is left out if a later run has a value at its step or before it: the
 * later run went back there. Values without a step are never left out.
 *
 * @param runs The oldest first.
 */
export function joinSeries(
  runs: readonly RunColumns[],
): SeriesColumns & { readonly parts: readonly SeriesPart[] } {
  const [single] = runs
  // Most runs continue no other, and each value of a long series would be looked at.
  if (single !== undefined && runs.length === 1)
    return {
      ...single.columns,
      parts: [{ run: single.run, count: single.columns.values.length, replaced: 0 }],
    }
  const kept: SeriesColumns[] = []
  const parts: SeriesPart[] = []
  // The smallest step of the later runs.
  let limit = Infinity
  for (const { run, columns } of runs.toReversed()) {
    const before = columnsBefore(columns, limit)
    const count = before.values.length
    kept.unshift(before)
    parts.unshift({ run, count, replaced: columns.values.length - count })
    for (const step of columns.steps) if (step < limit) limit = step
  }
  const joined = (key: keyof SeriesColumns): Float64Array => concatenated(kept.map((part) => part[key]))
  return { values: joined('values'), steps: joined('steps'), times: joined('times'), parts }
}

function columnsBefore(columns: SeriesColumns, limit: number): SeriesColumns {
  const { steps } = columns
  if (!steps.some((step) => step >= limit)) return columns
  const only = (values: Float64Array): Float64Array =>
    values.filter((_, index) => !((steps[index] ?? NaN) >= limit))
  return { values: only(columns.values), steps: only(steps), times: only(columns.times) }
}

/** Return arrays as one. */
export function concatenated(arrays: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(arrays.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const array of arrays) {
    all.set(array, at)
    at += array.length
  }
  return all
}
