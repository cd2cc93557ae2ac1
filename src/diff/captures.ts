/** Comparison of code, environment, seeds and custom trackers of two runs, as captured at the start. */
import { join } from 'node:path'
import { isInside } from '../util/paths.ts'
import { LineaprintError } from '../core/errors.ts'
import { componentsByName } from '../capture/components.ts'
import { captureNamed, workTreeRoot } from '../capture/records.ts'
import { unlessDamaged } from '../json/read-fields.ts'
import { reasonOf } from '../record/failure.ts'
import { trackedPath } from '../record/tracked.ts'
import { NOTHING, compareText, joinParts } from './causes.ts'
import { isProduct } from '../record/products.ts'
import type { Captured, Comparison, Component } from '../core/component.ts'
import type { CaptureRecord, RunRecord } from '../record/record.ts'
import type { Part } from './causes.ts'

const BUILT_IN = ['git', 'environment', 'seeds'] as const

/** Compare every capture of two runs, field by field. */
export function diffCaptures(before: RunRecord, after: RunRecord, trackers: readonly Component[]): Part {
  const components = componentsByName(trackers)
  const recorded = [...Object.keys(before.captures), ...Object.keys(after.captures)]
  // A built-in capture that neither run has was not compared either.
  const names = [...new Set([...BUILT_IN, ...recorded])].toSorted()
  const parts = names.map((name) =>
    diffCapture(name, captureNamed(before, name), captureNamed(after, name), components.get(name)),
  )
  return joinParts(parts)
}

/**
 * Return an own property. A name from a record can also be that of an inherited property, such as
 * `constructor`.
 */
export function ownProperty<T>(values: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined
}

function diffCapture(
  name: string,
  before: CaptureRecord | undefined,
  after: CaptureRecord | undefined,
  component: Component | undefined,
): Part {
  if (before?.status !== 'captured' || after?.status !== 'captured') {
    const [statusBefore, statusAfter] = [missing(before), missing(after)]
    return notCompared(
      name,
      statusBefore === statusAfter
        ? `both runs: ${statusBefore}`
        : `first run: ${statusBefore}; second run: ${statusAfter}`,
    )
  }
  if (component === undefined) {
    const same = before.digest === after.digest
    if (same) return NOTHING
    return { differences: compareText(`${name}.digest`, before.digest, after.digest), notCompared: [] }
  }
  const { status, reason, differences, notChecked = [] } = compareBothWays(name, component, before, after)
  if (status === 'same') return NOTHING
  const parts = notChecked.map((part) => ({ field: `${name}.${part.field}`, reason: part.reason }))
  if (status === 'not-checked')
    return parts.length > 0
      ? { differences: [], notCompared: parts }
      : notCompared(name, reason ?? 'it cannot be compared')
  if (differences.length === 0) {
    const detail = reason ?? 'it differs'
    const digests = compareText(`${name}.digest`, before.digest, after.digest)
    return { differences: digests.map((difference) => ({ ...difference, detail })), notCompared: parts }
  }
  return {
    differences: differences.flatMap((difference) =>
      compareText(`${name}.${difference.field}`, difference.before, difference.after),
    ),
    notCompared: parts,
  }
}

function missing(capture: CaptureRecord | undefined): string {
  if (capture === undefined) return 'not captured'
  if (capture.status === 'failed') return `failed: ${capture.reason}`
  return capture.status === 'off' ? 'disabled' : 'captured'
}

function notCompared(field: string, reason: string): Part {
  return { differences: [], notCompared: [{ field, reason }] }
}

/**
 * Compare two captures in both directions. Components compare a recorded state with a later one, and need no
 * fields for a missing repository or seed. Between two runs those count, so the reverse comparison adds them.
 */
function compareBothWays(name: string, component: Component, before: Captured, after: Captured): Comparison {
  try {
    const answer = component.compare(before, after)
    if (answer.status !== 'missing' && answer.status !== 'not-checked') return answer
    const back = component.compare(after, before)
    if (back.status !== 'changed') return answer
    const differences = back.differences.map(({ field, before: valueAfter, after: valueBefore }) => ({
      field,
      before: valueBefore,
      after: valueAfter,
    }))
    return { ...back, differences }
  } catch (error) {
    if (LineaprintError.is(error)) throw error
    // A custom tracker may not support values that another version of it recorded.
    return { status: 'not-checked', reason: `${name} cannot compare: ${reasonOf(error)}`, differences: [] }
  }
}

/**
 * Return a function that tells why a field is compared elsewhere. Such files of the work tree are no
 * differences of the code: outputs of the first run exist when the second one starts, and a dataset can be
 * part of the repository.
 *
 * @returns The reason; `undefined` if the field is not compared elsewhere.
 */
export function comparedElsewhere(
  before: RunRecord,
  after: RunRecord,
): (field: string) => string | undefined {
  const roots = [before, after].flatMap((record) => unlessDamaged(() => workTreeRoot(record)) ?? [])
  const outputs = [before, after].flatMap(({ outputs: recordedOutputs, models }) =>
    [...Object.values(recordedOutputs), ...Object.values(models).filter(isProduct)].flatMap(
      (entry) => trackedPath(entry) ?? [],
    ),
  )
  // An item that only one run tracked has no counterpart to compare with.
  const datasets = Object.entries(before.datasets).flatMap(([name, entry]) => {
    const counterpart = ownProperty(after.datasets, name)
    return entry.status === 'tracked' && counterpart?.status === 'tracked'
      ? [entry, counterpart].flatMap((record) => trackedPath(record) ?? [])
      : []
  })
  return (field) => {
    const relativePath = /^git\.(?:untracked|changed)\.(.+)$/s.exec(field)?.[1]
    if (relativePath === undefined) return undefined
    const isIn = (paths: readonly string[]): boolean =>
      roots.some((root) => paths.some((path) => isInside(path, join(root, relativePath))))
    if (isIn(outputs)) return 'an output of one of the runs'
    return isIn(datasets) ? 'compared as a dataset' : undefined
  }
}
