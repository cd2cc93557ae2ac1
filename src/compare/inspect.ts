/**
 * Compares a recorded capture with the present. Nothing is started because the record names it; see `docs/security.md`.
 */
import { recordedAlgorithm } from '../record/configuration.ts'
import { inspectOtherPythons, inspectPython } from './recorded-python.ts'
import { item } from './check-item.ts'
import { nameList } from '../util/name-list.ts'
import { compareCaptured } from './redacted.ts'
import type { Captured, Comparison, Component, Difference } from '../core/component.ts'
import type { MadeCapture } from '../capture/records.ts'
import type { RunRecord } from '../record/record.ts'
import type { CheckedItem } from './check-item.ts'

/** A recorded capture. */
interface RecordedCapture {
  readonly section: string
  readonly name: string
  readonly before: MadeCapture
  /** Captures the present. */
  readonly component: Component
}

/** Choices of the person. */
export interface InspectionOptions {
  /** Absolute path of the folder whose code and environment are compared. */
  readonly directory: string
  /** The command that is to be run; absent, that of the run is used as data. */
  readonly command: readonly string[] | undefined
  readonly signal: AbortSignal | undefined
}

/** A field that was not captured, and everything below it. */
interface Unchecked {
  readonly field: string
  readonly reason: string
  readonly when: 'always' | 'added'
}

/**
 * Captures the present state and compares it with a capture of the record.
 *
 * @param more Returns further differences between the captured environments. @default none
 * @returns One item for the capture, and others for what was not checked.
 */
export async function inspectCapture(
  { section, name, before, component }: RecordedCapture,
  record: RunRecord,
  options: InspectionOptions,
  more: (before: Captured, current: Captured) => Difference[] = () => [],
): Promise<CheckedItem[]> {
  const algorithm = recordedAlgorithm(record)
  const { argv, wrapped } = record.command
  const unchecked: Unchecked[] = []
  const { directory, command, signal } = options
  const current = await component.capture({
    directory,
    command,
    signal,
    algorithm,
    inspection: {
      recordedCommand: wrapped ? argv : undefined,
      reportUnchecked: (field, reason, when = 'always') => void unchecked.push({ field, reason, when }),
    },
  })
  if (name !== 'environment')
    return compareCaptures(section, name, compareCaptured(component, before, current), unchecked)
  const { items, compared: first } = await inspectPython(before, current, record, { ...options, algorithm })
  const compared = await inspectOtherPythons(before, first, { algorithm, signal })
  const comparison = withMore(compareCaptured(component, before, compared), more(before, compared))
  return [...items, ...compareCaptures(section, name, comparison, unchecked)]
}

function withMore(comparison: Comparison, more: readonly Difference[]): Comparison {
  const { status, differences, notChecked } = comparison
  if (more.length === 0 || status === 'missing') return comparison
  if (status === 'not-checked' && (notChecked ?? []).length === 0) return comparison
  return { status: 'changed', differences: [...differences, ...more], notChecked }
}

/** Return the items of a comparison: a difference in a field that was not captured is none. */
function compareCaptures(
  section: string,
  name: string,
  { status, reason = '', differences, notChecked = [] }: Comparison,
  unchecked: readonly Unchecked[],
): CheckedItem[] {
  const reasonFor = ({ field, before }: Difference): string | undefined =>
    unchecked.find(
      (entry) =>
        (field === entry.field || field.startsWith(`${entry.field}.`)) &&
        (entry.when === 'always' || before === undefined),
    )?.reason
  const remaining = differences.filter((difference) => reasonFor(difference) === undefined)
  const parts = notChecked.map((part) => item(section, part.field, 'not-checked', part.reason))
  if (remaining.length === differences.length) {
    const whole = item(section, name, status, reason, differences)
    // A capture that was not checked at all says so for its parts.
    return status === 'not-checked' ? [whole] : [whole, ...parts]
  }
  const reasons = new Map<string, string[]>()
  for (const difference of differences) {
    const why = reasonFor(difference)
    if (why !== undefined) reasons.set(why, [...(reasons.get(why) ?? []), difference.field])
  }
  const details = [...reasons].map(([why, fields]) => `${nameList(fields)}: ${why}`)
  const rest = remaining.length > 0 ? 'changed' : 'same'
  return [
    item(
      section,
      name,
      rest,
      rest === 'same' ? 'everything that was checked is the same' : reason,
      remaining,
    ),
    item(section, `${name} (in part)`, 'not-checked', details.join('; ')),
    ...parts,
  ]
}
