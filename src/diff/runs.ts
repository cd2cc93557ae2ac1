/** What differs between two runs, and which of it most likely explains that they ended differently. */
import { checkKnown } from '../core/options.ts'
import { checkSeal } from '../record/seal.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { comparedElsewhere, diffCaptures } from './captures.ts'
import { CAUSES, causeOf, isCause, joinParts } from './causes.ts'
import { SYSTEM_METRICS, isSystemMetric } from '../record/system-metric-names.ts'
import { checkPatterns, isIgnored } from './ignore.ts'
import { digestFields } from './digests.ts'
import { diffLogged, firstParting } from './logged.ts'
import { metricFields } from './metrics.ts'
import { diffOwnSeeds, seedWithoutEffect } from './seeds.ts'
import { diffSettings } from './settings.ts'
import { diffTracked } from './tracked.ts'
import type { Component } from '../core/component.ts'
import type { RunStatus } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'
import type { Cause, NotCompared, RunDifference } from './causes.ts'
import type { DigestDiff } from './digests.ts'
import type { FirstParting } from './logged.ts'
import type { MetricDiff } from './metrics.ts'

export type { Cause, NotCompared, RunDifference } from './causes.ts'
export type { DigestDiff } from './digests.ts'
export type { FirstParting } from './logged.ts'
export type { MetricDiff, MetricSide } from './metrics.ts'
export type { Parting } from '../compare/metric-steps.ts'

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
  /** Every logged digest of either run, the equal ones as well. */
  readonly digests: readonly DigestDiff[]
  /** The first step at which any metric or logged digest that is not ignored differs; `null` if none does at a step. */
  readonly firstParting: FirstParting | null
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
  checkKnown(options, OPTIONS)
  const { ignore = [], trackers = [], signal } = options
  checkPatterns(ignore)
  signal?.throwIfAborted()
  const logged = await diffLogged(a, b, signal)
  const { differences, notCompared } = joinParts([
    diffCaptures(a.record, b.record, trackers),
    diffOwnSeeds(a.record, b.record),
    diffSettings(a, b),
    await diffTracked(a, b),
    { differences: digestFields(logged.digests), notCompared: logged.notCompared },
    { differences: metricFields(logged.metrics), notCompared: [] },
  ])
  const all = differences.map((found) => ({ cause: causeOf(found.field), ...found })).toSorted(byRank)
  const comparedAlone = comparedElsewhere(a.record, b.record)
  const withoutEffect = seedWithoutEffect(a.record, b.record)
  const elsewhere = (field: string): string | undefined =>
    field.startsWith(`metrics.${SYSTEM_METRICS}`)
      ? 'system metric'
      : (comparedAlone(field) ?? withoutEffect(field))
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
    metrics: logged.metrics,
    digests: logged.digests,
    firstParting: firstParting(
      logged.metrics.filter(({ name }) => !isSystemMetric(name) && !isIgnored(`metrics.${name}`, ignore)),
      logged.digests.filter(({ name }) => !isIgnored(`digests.${name}`, ignore)),
    ),
    warnings: [...warningsOf('first', a), ...warningsOf('second', b), ...logged.warnings],
  }
}

const OPTIONS = ['ignore', 'trackers', 'signal'] as const

function byRank(a: RunDifference, b: RunDifference): number {
  return CAUSES.indexOf(a.cause) - CAUSES.indexOf(b.cause) || compareUtf8(a.field, b.field)
}

function sideOf({ id, folder, status, record: { name, startedAt } }: StoredRun): RunSide {
  return { id, name, status, startedAt, folder }
}

/** What makes a record less to be relied on: its seal, its journal, and inputs that changed under it. */
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
