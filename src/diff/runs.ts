/** The differences between two runs, and which of them most likely explains different results. */
import { checkRun } from '../store/read.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkKnown } from '../core/options.ts'
import { parseRecordedDigest } from '../record/recorded-digest.ts'
import { checkSeal } from '../record/seal.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { comparedElsewhere, diffCaptures } from './captures.ts'
import { CAUSES, causeOf, isCause, joinParts } from './causes.ts'
import { isDurationName } from '../record/duration-names.ts'
import { SYSTEM_METRICS, isSystemMetric } from '../record/system-metric-names.ts'
import { checkPatterns, isIgnored } from './ignore.ts'
import { digestFields } from './digests.ts'
import { diffLogged, firstDivergence } from './logged.ts'
import { metricFields } from './metrics.ts'
import { diffOwnSeeds, seedWithoutEffect } from './seeds.ts'
import { diffExecution } from './execution.ts'
import { unexplained } from './unexplained.ts'
import { diffSettings } from './settings.ts'
import { diffTracked } from './tracked.ts'
import type { Component } from '../core/component.ts'
import type { RunRecord, RunStatus } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'
import { leftoverFiles } from './leftovers.ts'
import type { Cause, FieldDifference, NotCompared, RunDifference } from './causes.ts'
import type { DigestDiff } from './digests.ts'
import type { FirstDivergence } from './logged.ts'
import type { MetricDiff } from './metrics.ts'

export type { Cause, NotCompared, RunDifference } from './causes.ts'
export type { DigestDiff } from './digests.ts'
export type { FirstDivergence } from './logged.ts'
export type { MetricDiff, MetricSide } from './metrics.ts'
export type { Divergence } from '../compare/metric-steps.ts'

/** Options of {@link diffRuns}. */
export interface RunDiffOptions {
  /** Patterns of ignored fields: `*` for any characters, `?` for one. @default none */
  readonly ignore?: readonly string[] | undefined
  /**
   * Patterns of files of output folders that are left out, in the syntax of gitignore, in addition to the built-in
   * ones. @default none
   */
  readonly outputIgnore?: readonly string[] | undefined
  /** Custom trackers, to compare their captures field by field. @default none */
  readonly trackers?: readonly Component[] | undefined
  /** Stops the work. The call then throws the reason of the signal. */
  readonly signal?: AbortSignal | undefined
}

/** One of the two runs. */
export interface RunSide {
  readonly id: string
  readonly name: string
  /** Name of the run beside its experiment; absent if it has none. */
  readonly runName?: string
  readonly status: RunStatus
  readonly startedAt: string
  /** Absolute path. */
  readonly folder: string
}

/** The result of {@link diffRuns}. */
export interface RunDiff {
  readonly kind: 'run'
  /** True if every difference is ignored, or there is none. */
  readonly same: boolean
  readonly before: RunSide
  readonly after: RunSide
  /** The most likely cause; `null` if no difference could explain a result. */
  readonly firstCause: Cause | null
  /** Differences in the order of the causes, sorted by field within a cause. */
  readonly differences: readonly RunDifference[]
  /**
   * Differences that do not count: ignored by a pattern, or files of the work tree that are compared
   * separately.
   */
  readonly ignored: readonly RunDifference[]
  /** Outputs that differ in volatile parts alone, such as TensorBoard files, and these parts. */
  readonly leftOut: readonly NotCompared[]
  /** Fields that could not be compared. */
  readonly notCompared: readonly NotCompared[]
  /**
   * If results differ and no recorded cause does: sentences about possible causes, and about what could not be seen;
   * otherwise empty.
   */
  readonly unexplained: readonly string[]
  /** Every metric of either run, including equal ones. */
  readonly metrics: readonly MetricDiff[]
  /** Every logged digest of either run, including equal ones. */
  readonly digests: readonly DigestDiff[]
  /**
   * The first step at which a metric or logged digest that is not ignored differs; `null` if none differs at
   * a step.
   */
  readonly firstDivergence: FirstDivergence | null
  readonly warnings: readonly string[]
}

/**
 * Compare two runs by their records. Nothing that they used is read again. IDs, names, times, tags, notes,
 * process and host identify a run and are not compared, nor is its printed output.
 *
 * @param a From `findRun` or `readRun`, as `b`.
 * @throws ERR_LINEAPRINT_RECORD if a record is damaged.
 */
export async function diffRuns(a: StoredRun, b: StoredRun, options: RunDiffOptions = {}): Promise<RunDiff> {
  checkRun(a, 'a')
  checkRun(b, 'b')
  checkKnown(options, OPTIONS)
  const { ignore = [], outputIgnore = [], trackers = [], signal } = options
  checkPatterns(ignore)
  signal?.throwIfAborted()
  for (const run of [a, b]) checkDigests(run)
  const logged = await diffLogged(a, b, signal)
  const {
    differences,
    notCompared,
    leftOut = [],
  } = joinParts([
    diffCaptures(a.record, b.record, trackers),
    diffOwnSeeds(a.record, b.record),
    diffSettings(a, b),
    diffExecution(a.record, b.record),
    await diffTracked(a, b, outputIgnore),
    { differences: digestFields(logged.digests), notCompared: logged.notCompared },
    { differences: metricFields(logged.metrics), notCompared: [] },
  ])
  const leftBy = leftoverFiles(a.record, b.record)
  const ranked = differences
    .map((difference) => ranking(difference, leftBy(difference.field)))
    .toSorted(byRank)
  const comparedAlone = comparedElsewhere(a.record, b.record)
  const withoutEffect = seedWithoutEffect(a.record, b.record)
  const elsewhere = (field: string): string | undefined =>
    field.startsWith(`metrics.${SYSTEM_METRICS}`)
      ? 'system metric'
      : isDuration(field)
        ? 'it measures time'
        : (comparedAlone(field) ?? withoutEffect(field))
  const isDuration = reportedDurations(a.record, b.record)
  const isCounted = ({ field }: RunDifference): boolean =>
    !isIgnored(field, ignore) && elsewhere(field) === undefined
  const counted = ranked.filter(isCounted)
  const uncompared = notCompared.filter(({ field }) => !isIgnored(field, ignore))
  return {
    kind: 'run',
    same: counted.length === 0,
    before: sideOf(a),
    after: sideOf(b),
    firstCause: counted.find(({ cause }) => isCause(cause))?.cause ?? null,
    differences: counted,
    ignored: ranked
      .filter((difference) => !isCounted(difference))
      .map((difference) => ({ ...difference, detail: elsewhere(difference.field) ?? 'ignored' })),
    leftOut,
    notCompared: uncompared,
    unexplained: unexplained([a.record, b.record], counted, uncompared) ?? [],
    metrics: logged.metrics,
    digests: logged.digests,
    firstDivergence: firstDivergence(
      logged.metrics.filter(
        ({ name }) =>
          !isSystemMetric(name) && !isDuration(`metrics.${name}`) && !isIgnored(`metrics.${name}`, ignore),
      ),
      logged.digests.filter(({ name }) => !isIgnored(`digests.${name}`, ignore)),
    ),
    warnings: [...warningsOf('first', a), ...warningsOf('second', b), ...logged.warnings],
  }
}

/** Return a check for fields of metrics that a program reported, and that measure time by their names. */
function reportedDurations(...records: readonly RunRecord[]): (field: string) => boolean {
  const names = records.flatMap(({ metrics }) =>
    Object.entries(metrics).flatMap(([name, { sources }]) =>
      sources !== undefined && isDurationName(name) ? [`metrics.${name}`] : [],
    ),
  )
  return (field) => names.some((name) => field === name || field.startsWith(`${name}.`))
}

/** Check that the digests of the captures are digests. The error names the run: it is one of two. */
function checkDigests({ folder, record }: StoredRun): void {
  for (const [name, capture] of Object.entries(record.captures)) {
    if (capture.status !== 'captured') continue
    const field = `captures.${name}.digest`
    try {
      parseRecordedDigest(capture.digest, field)
    } catch (cause) {
      const { message } = cause as LineaprintError
      throw new LineaprintError('ERR_LINEAPRINT_RECORD', message, {
        path: folder,
        field,
        cause,
      })
    }
  }
}

const OPTIONS = ['ignore', 'outputIgnore', 'trackers', 'signal'] as const

/** Return a difference with its cause. A file that one of the runs left behind explains less than what was set. */
function ranking(difference: FieldDifference, leftBy: string | undefined): RunDifference {
  if (leftBy === undefined) return { cause: causeOf(difference.field), ...difference }
  return { ...difference, cause: 'leftover files', detail: `it appeared while the ${leftBy} run ran` }
}

function byRank(a: RunDifference, b: RunDifference): number {
  return CAUSES.indexOf(a.cause) - CAUSES.indexOf(b.cause) || compareUtf8(a.field, b.field)
}

function sideOf({ id, folder, status, record: { name, runName, startedAt } }: StoredRun): RunSide {
  return { id, name, ...(runName !== undefined && { runName }), status, startedAt, folder }
}

/**
 * Return warnings about anything that makes a record less reliable: its seal, its journal, and inputs that
 * changed during the run.
 */
function warningsOf(side: string, { id, record, journal }: StoredRun): string[] {
  const isBroken = checkSeal(record) === 'broken'
  const flags = (record.flags ?? []).filter(
    ({ kind }) => !kind.startsWith('undeclared') && kind !== 'output-existed',
  )
  return [
    ...(isBroken ? [`the record of the ${side} run, ${id}, does not match its seal`] : []),
    ...(journal?.problems ?? []).map((problem) => `the journal of the ${side} run: ${problem}`),
    ...flags.map(({ message }) => `the ${side} run: ${message}`),
  ]
}
