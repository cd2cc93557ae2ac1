/**
 * Comparison with what a record holds without its secrets. A text with `<redacted>` equals no other text for sure,
 * so equality is only reported where a digest saw the secrets.
 */
import { isRedacted } from '../secrets/redact.ts'
import { redactJson } from '../secrets/values.ts'
import type { Captured, Comparison, Component } from '../core/component.ts'

/** Why something is not compared. */
export const SECRET_NOT_KEPT = 'a secret in it is not kept, so it cannot be compared'

/** Captures of known fields, none of which has a secret name. */
const BUILT_IN: ReadonlySet<string> = new Set(['environment', 'git', 'seeds'])

/**
 * Compare a recorded capture with the present. If the record holds no secrets of it, the present is compared without
 * them as well.
 */
export function compareCaptured(component: Component, before: Captured, current: Captured): Comparison {
  if (!isRedacted(JSON.stringify(before.value))) return component.compare(before, current)
  const value = redactJson(current.value, { byName: !BUILT_IN.has(component.name) })
  const comparison = component.compare(before, { ...current, value })
  const { status, differences, notChecked } = comparison
  const isHidden = differences.length === 0 && before.digest !== current.digest
  if (!isHidden || (status !== 'same' && status !== 'changed')) return comparison
  // Nothing that is recorded differs, and the digests do.
  return { status: 'not-checked', reason: SECRET_NOT_KEPT, differences, ...(notChecked && { notChecked }) }
}
