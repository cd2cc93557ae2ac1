/** Comparison of metrics of two runs, and the step at which their values diverge. */
import { decodeFloat } from '../json/special-floats.ts'
import { ownProperty } from './captures.ts'
import { withoutOrigin } from '../record/series-keys.ts'
import type { MetricRecord, RunRecord } from '../record/record.ts'
import type { RunDifference } from './causes.ts'
import type { Divergence, Merge, StepsDiff } from '../compare/metric-steps.ts'

/** The summary of a metric of one run. */
export interface MetricSide {
  readonly count: number
  readonly nanCount: number
  readonly last: number
  readonly min: number | null
  readonly max: number | null
}

/** The comparison of one metric. */
export interface MetricDiff extends Pick<StepsDiff<number>, 'onlyBefore' | 'onlyAfter'> {
  readonly name: string
  readonly same: boolean
  /** The metric of the first run; `null` if it has none of that name. */
  readonly before: MetricSide | null
  readonly after: MetricSide | null
  /** The first divergence; `null` if all values at common steps are equal. */
  readonly divergence: Divergence | null
}

/** Compare two numbers. NaN is equal to NaN: two losses that became NaN at the same step agree. */
export function equalNumbers(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b))
}

/** The result if nothing was compared step by step. */
export const NO_STEPS = { divergence: null, onlyBefore: 0, onlyAfter: 0, incomparable: 0 } as const

/**
 * Compare all metrics of two records.
 *
 * @param merges The joined values by name; absent if a journal is missing.
 */
export function diffMetrics(
  { metrics: metricsBefore }: RunRecord,
  { metrics: metricsAfter }: RunRecord,
  merges: ReadonlyMap<string, Merge<number>> | undefined,
): MetricDiff[] {
  const names = [...new Set([...Object.keys(metricsBefore), ...Object.keys(metricsAfter)])].toSorted()
  return names.map((name) => {
    const { divergence, onlyBefore, onlyAfter } = merges?.get(name)?.end() ?? NO_STEPS
    const same =
      divergence === null &&
      onlyBefore === 0 &&
      onlyAfter === 0 &&
      totals(metricsBefore, name) === totals(metricsAfter, name)
    const [before, after] = [
      sideOf(ownProperty(metricsBefore, name)),
      sideOf(ownProperty(metricsAfter, name)),
    ]
    return { name, same, before, after, divergence, onlyBefore, onlyAfter }
  })
}

function totals(metrics: RunRecord['metrics'], name: string): string {
  return JSON.stringify(withoutOrigin(ownProperty(metrics, name)))
}

function sideOf(metric: MetricRecord | undefined): MetricSide | null {
  if (metric === undefined) return null
  const { count, nanCount, last, min, max } = metric
  return { count, nanCount, last: decodeFloat(last), min: bound(min), max: bound(max) }
}

function bound(value: MetricRecord['min']): number | null {
  return value === null ? null : decodeFloat(value)
}

/** Return the differing metrics as fields. */
export function metricFields(metrics: readonly MetricDiff[]): Omit<RunDifference, 'cause'>[] {
  return metrics
    .filter(({ same }) => !same)
    .map(({ name, before, after, divergence, ...counts }) => ({
      field: `metrics.${name}`,
      ...(before && { before: String(before.last) }),
      ...(after && { after: String(after.last) }),
      ...(before && after && { detail: stepsDetail(divergenceText(divergence), counts) }),
    }))
}

function divergenceText(divergence: Divergence | null): string | null {
  return (
    divergence &&
    `the values diverge at ${positionOf(divergence)}: ${divergence.before} → ${divergence.after}`
  )
}

/** Describe a comparison by steps: the divergence, and values that only one run has. */
export function stepsDetail(
  divergence: string | null,
  { onlyBefore, onlyAfter }: Pick<StepsDiff<unknown>, 'onlyBefore' | 'onlyAfter'>,
): string {
  const parts = [
    divergence,
    onlyBefore > 0 && `${onlyBefore} only in the first run`,
    onlyAfter > 0 && `${onlyAfter} only in the second run`,
  ]
  return parts.filter((part) => typeof part === 'string').join('; ') || 'the totals differ'
}

/** Return `step 40`, or `value 3` if there are no steps. */
export function positionOf({ step, index }: Pick<Divergence, 'step' | 'index'>): string {
  return step === null ? `value ${index + 1}` : `step ${step}`
}
