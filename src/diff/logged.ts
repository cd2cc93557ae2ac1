/** Comparison of the values that two runs logged at their steps, read from both journals in parallel. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, storeError } from '../util/fs.ts'
import { decodeFloat } from '../json/special-floats.ts'
import { seriesKey } from '../record/series-keys.ts'
import { readJournal } from '../store/journal-read.ts'
import { JOURNAL_FILE } from '../store/store.ts'
import { diffDigests, equalDigests } from './digests.ts'
import { diffMetrics, equalNumbers } from './metrics.ts'
import { isRedacted } from '../secrets/redact.ts'
import { Merge } from '../compare/metric-steps.ts'
import type { DigestEvent, MetricEvent } from '../record/events.ts'
import type { RunRecord } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'
import type { NotCompared } from './causes.ts'
import type { DigestDiff } from './digests.ts'
import type { MetricDiff } from './metrics.ts'

/** The result of {@link diffLogged}. */
export interface LoggedDiff {
  readonly metrics: readonly MetricDiff[]
  readonly digests: readonly DigestDiff[]
  readonly notCompared: readonly NotCompared[]
  /** Sentences about damage in the journals. */
  readonly warnings: readonly string[]
}

/** The first step at which two runs diverge, and the names that diverge there. */
export interface FirstDivergence {
  readonly step: number
  readonly digests: readonly string[]
  readonly metrics: readonly string[]
}

/**
 * Compare all metrics and logged digests. Both journals are read once, in parallel. Only values whose
 * counterpart has not been read yet are held: memory does not grow with the length of the runs.
 */
export async function diffLogged(
  before: StoredRun,
  after: StoredRun,
  signal?: AbortSignal,
): Promise<LoggedDiff> {
  const numbers = new Map<string, Merge<number>>()
  const states = new Map<string, Merge<string>>()
  const names = [before, after].flatMap(({ record: { metrics, digests = {} } }) => [
    ...Object.keys(metrics),
    ...Object.keys(digests),
  ])
  const read = async (run: StoredRun, side: 0 | 1): Promise<readonly string[] | undefined> => {
    const keyOf = seriesKey(run.record)
    return visitLogged(run, signal, (event) => {
      const { step } = event
      const name = keyOf(event)
      if (event.type === 'metric')
        mergeOf(numbers, name, equalNumbers).add(side, { step, value: decodeFloat(event.value) })
      else mergeOf(states, name, equalDigests).add(side, { step, value: event.digest })
    })
  }
  const outcomes = names.length === 0 ? [] : await Promise.all([read(before, 0), read(after, 1)])
  const sides = outcomes.map((problems, index) => ({ problems, side: index === 0 ? 'first' : 'second' }))
  const missing = sides.find(({ problems }) => problems === undefined)
  const metrics = diffMetrics(before.record, after.record, missing ? undefined : numbers)
  const { digests, notCompared } = diffDigests(before.record, after.record, missing ? undefined : states)
  return {
    metrics,
    digests,
    notCompared: [
      ...notCompared,
      ...hiddenNames(before.record, after.record),
      ...(missing
        ? [{ field: 'metrics', reason: `steps: the journal of the ${missing.side} run is missing` }]
        : []),
    ],
    warnings: sides.flatMap(({ problems = [], side }) =>
      problems.map((problem) => `the journal of the ${side} run: ${problem}`),
    ),
  }
}

function mergeOf<T>(
  merges: Map<string, Merge<T>>,
  name: string,
  equal: ConstructorParameters<typeof Merge<T>>[0],
): Merge<T> {
  let merge = merges.get(name)
  if (merge === undefined) merges.set(name, (merge = new Merge(equal)))
  return merge
}

/** Return the first step at which any of these differ; `null` if none differs at a step. */
export function firstDivergence(
  metrics: readonly MetricDiff[],
  digests: readonly DigestDiff[],
): FirstDivergence | null {
  const steps = [...metrics, ...digests].flatMap(({ divergence }) => divergence?.step ?? [])
  if (steps.length === 0) return null
  const step = steps.reduce((least, other) => Math.min(least, other))
  const at = (compared: readonly (MetricDiff | DigestDiff)[]): string[] =>
    compared.filter(({ divergence }) => divergence?.step === step).map(({ name }) => name)
  return { step, digests: at(digests), metrics: at(metrics) }
}

/**
 * Read the values that a run logged at its steps.
 *
 * @returns Sentences about damage; `undefined` if there is no journal.
 */
export async function visitLogged(
  { folder }: StoredRun,
  signal: AbortSignal | undefined,
  visit: (event: MetricEvent | DigestEvent) => void,
): Promise<readonly string[] | undefined> {
  const path = join(folder, JOURNAL_FILE)
  try {
    await stat(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw storeError(path, 'cannot be read', error)
  }
  try {
    const report = await readJournal(path, (event) => {
      signal?.throwIfAborted()
      if (event.type === 'metric' || event.type === 'digest') visit(event)
    })
    return report.problems
  } catch (error) {
    // An error thrown in the reader would be reported as a failure to read.
    signal?.throwIfAborted()
    throw error
  }
}

/** Return the metrics and digests of both runs whose names held a secret: they may be others. */
function hiddenNames(before: RunRecord, after: RunRecord): NotCompared[] {
  return (['metrics', 'digests'] as const).flatMap((section) =>
    Object.keys(before[section] ?? {})
      .filter((name) => isRedacted(name) && Object.hasOwn(after[section] ?? {}, name))
      .map((name) => ({
        field: `${section}.${name}`,
        reason: 'its name held a secret, so it may be another one',
      })),
  )
}
