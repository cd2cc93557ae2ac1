/** What differs between two runs, and which of it most likely explains that they ended differently. */
import { LineaprintError } from '../../errors.ts'
import { nearest } from '../../options.ts'
import { checkSeal } from '../../store/seal.ts'
import { compareUtf8 } from '../../text.ts'
import { comparedElsewhere, diffCaptures } from './captures.ts'
import { CAUSES, causeOf, isCause, joinParts } from './causes.ts'
import { checkPatterns, isIgnored } from './ignore.ts'
import { diffMetrics } from './metrics.ts'
import { diffSettings } from './settings.ts'
import { diffTracked } from './tracked.ts'
import type { Component } from '../../capture/component.ts'
import type { RunStatus } from '../../store/record.ts'
import type { StoredRun } from '../../store/runs.ts'
import type { Cause, NotCompared, Part, RunDifference } from './causes.ts'
import type { MetricDiff, MetricsDiff } from './metrics.ts'

export type { Cause, NotCompared, RunDifference } from './causes.ts'
export type { MetricDiff, MetricSide, Parting } from './metrics.ts'

/** Options of {@link diffRuns}. */
export interface RunDiffOptions {
  /** Patterns of fields that are no difference: `*` for any characters, `?` for one. @default none */
  readonly ignore?: readonly string[] | undefined
  /** Own trackers, to compare what they captured field by field. @default none */
  readonly trackers?: readonly Component[] | undefined
  /** Stops the work; the call then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** One of the two runs. */
export interface RunSide {
  readonly id: string
  readonly name: string
  readonly status: RunStatus
  readonly startedAt: string
  /** Absolute path. */
  readonly folder: string
}

/** The answer of {@link diffRuns}. */
export interface RunDiff {
  readonly kind: 'run'
  /** Whether no difference is left that is not ignored. */
  readonly same: boolean
  readonly before: RunSide
  readonly after: RunSide
  /** The cause to look at first; `null` if nothing differs that could explain anything. */
  readonly firstCause: Cause | null
  /** In the order of the causes, each sorted by field. */
  readonly differences: readonly RunDifference[]
  /** Differences that do not count: left out by `ignore`, or files of the work tree that are compared on their own. */
  readonly ignored: readonly RunDifference[]
  /** What is neither known to be equal nor to differ. */
  readonly notCompared: readonly NotCompared[]
  /** Every metric of either run, the equal ones as well. */
  readonly metrics: readonly MetricDiff[]
  readonly warnings: readonly string[]
}

/**
 * Compares two runs by what they recorded. Nothing that they used is read again. Ids, names, times, tags, notes,
 * process and host tell runs apart and are not compared, nor is what they printed.
 *
 * @param a From `findRun` or `readRun`, as `b`.
 * @throws ERR_LINEAPRINT_RECORD if what a run recorded is damaged.
 */
export async function diffRuns(a: StoredRun, b: StoredRun, options: RunDiffOptions = {}): Promise<RunDiff> {
  checkOptions(options)
  const { ignore = [], trackers = [], signal } = options
  checkPatterns(ignore)
  signal?.throwIfAborted()
  const metrics = await diffMetrics(a, b, signal)
  const { differences, notCompared } = joinParts([
    diffCaptures(a.record, b.record, trackers),
    diffSettings(a, b),
    await diffTracked(a, b),
    metricsPart(metrics),
  ])
  const all = differences.map((found) => ({ cause: causeOf(found.field), ...found })).toSorted(byRank)
  const elsewhere = comparedElsewhere(a.record, b.record)
  const isLeft = ({ field }: RunDifference): boolean =>
    !isIgnored(field, ignore) && elsewhere(field) === undefined
  const left = all.filter(isLeft)
  return {
    kind: 'run',
    same: left.length === 0,
    before: sideOf(a),
    after: sideOf(b),
    firstCause: left.find(({ cause }) => isCause(cause))?.cause ?? null,
    differences: left,
    ignored: all
      .filter((found) => !isLeft(found))
      .map((found) => ({ ...found, detail: elsewhere(found.field) ?? 'ignored' })),
    notCompared: notCompared.filter(({ field }) => !isIgnored(field, ignore)),
    metrics: metrics.metrics,
    warnings: [...sealWarnings('first', a), ...sealWarnings('second', b), ...metrics.warnings],
  }
}

const OPTIONS = ['ignore', 'trackers', 'signal'] as const

function checkOptions(options: RunDiffOptions): void {
  for (const key of Object.keys(options)) {
    if (OPTIONS.some((known) => known === key)) continue
    const near = nearest(key, OPTIONS)
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `unknown option ${JSON.stringify(key)}`, {
      field: key,
      hint: near === undefined ? `known are ${OPTIONS.join(', ')}` : `did you mean ${near}?`,
    })
  }
}

function byRank(a: RunDifference, b: RunDifference): number {
  return CAUSES.indexOf(a.cause) - CAUSES.indexOf(b.cause) || compareUtf8(a.field, b.field)
}

function sideOf({ id, folder, status, record: { name, startedAt } }: StoredRun): RunSide {
  return { id, name, status, startedAt, folder }
}

function sealWarnings(side: string, { id, record, journal }: StoredRun): string[] {
  const problems = (journal?.problems ?? []).map((problem) => `the journal of the ${side} run: ${problem}`)
  if (checkSeal(record) !== 'broken') return problems
  return [`the record of the ${side} run, ${id}, is not the one that was sealed`, ...problems]
}

function metricsPart({ metrics, reason }: MetricsDiff): Part {
  const differences = metrics
    .filter(({ same }) => !same)
    .map(({ name, before, after, parting, onlyBefore, onlyAfter }) => ({
      field: `metrics.${name}`,
      ...(before && { before: String(before.last) }),
      ...(after && { after: String(after.last) }),
      ...(before && after && { detail: metricDetail({ parting, onlyBefore, onlyAfter }) }),
    }))
  const notCompared = reason === undefined ? [] : [{ field: 'metrics', reason: `steps: ${reason}` }]
  return { differences, notCompared }
}

function metricDetail({
  parting,
  onlyBefore,
  onlyAfter,
}: Pick<MetricDiff, 'parting' | 'onlyBefore' | 'onlyAfter'>): string {
  const place = parting && (parting.step === null ? `value ${parting.index + 1}` : `step ${parting.step}`)
  const parts = [
    parting && `the values part at ${place}: ${parting.before} → ${parting.after}`,
    onlyBefore > 0 && `${onlyBefore} only in the first run`,
    onlyAfter > 0 && `${onlyAfter} only in the second run`,
  ]
  return parts.filter((part) => typeof part === 'string').join('; ') || 'the totals differ'
}
