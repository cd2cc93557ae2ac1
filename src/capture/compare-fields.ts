/** Comparison of captures by their fields: each leaf of a value has a path and a display text. */
import { parseRecordedDigest } from '../record/recorded-digest.ts'
import { isRedacted } from '../secrets/redact.ts'
import { compareUtf8 } from '../util/text-order.ts'
import type { Captured, Comparison, Difference, NotChecked } from '../core/component.ts'
import type { JsonObject, JsonValue } from '../core/json-value.ts'

/** Display texts of fields by their path. */
export type FieldMap = ReadonlyMap<string, string>

/** Return every leaf of a value by its path; an array is one leaf. */
export function flatten(value: JsonValue, path = ''): Map<string, string> {
  const fields = new Map<string, string>()
  if (Array.isArray(value)) fields.set(path, value.map((item) => leaf(item as JsonValue)).join(', '))
  else if (value !== null && typeof value === 'object') {
    for (const [key, member] of Object.entries(value as JsonObject)) {
      for (const [name, text] of flatten(member, path === '' ? key : `${path}.${key}`)) fields.set(name, text)
    }
  } else fields.set(path, leaf(value))
  return fields
}

function leaf(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Return the fields that differ, sorted by path. */
export function fieldDifferences(before: FieldMap, after: FieldMap): Difference[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((field) => before.get(field) !== after.get(field))
    .toSorted(compareUtf8)
    .map((field) => ({ field, before: before.get(field), after: after.get(field) }))
}

/**
 * Compare two captures by their fields, and check the result against the digests.
 *
 * @param notChecked Parts that are in neither map, because one side did not capture them.
 */
export function compareFields(
  before: Captured,
  after: Captured,
  fieldsBefore: FieldMap,
  fieldsAfter: FieldMap,
  unseen: readonly NotChecked[] = [],
): Comparison {
  const differences = fieldDifferences(fieldsBefore, fieldsAfter)
  const notChecked = [...unseen, ...hiddenFields(fieldsBefore, fieldsAfter)]
  const parts = notChecked.length === 0 ? {} : { notChecked }
  if (differences.length > 0) return { status: 'changed', differences, ...parts }
  if (notChecked.length > 0)
    return { status: 'not-checked', reason: reasonOfParts(notChecked), differences, ...parts }
  const [digestBefore, digestAfter] = [
    parseRecordedDigest(before.digest, 'digest'),
    parseRecordedDigest(after.digest, 'digest'),
  ]
  // Equal fields have equal digests; otherwise one of the records was edited.
  if (digestBefore.type === digestAfter.type && !digestBefore.equals(digestAfter)) {
    return {
      status: 'changed',
      reason: 'the fields are equal, but a recorded digest does not match its fields',
      differences: [],
    }
  }
  return { status: 'same', differences: [] }
}

/** Return the equal fields in which a secret was replaced on both sides, which may have been different ones. */
function hiddenFields(before: FieldMap, after: FieldMap): NotChecked[] {
  return [...before]
    .filter(([field, text]) => isRedacted(text) && after.get(field) === text)
    .map(([field]) => ({ field, reason: 'a secret in it is not kept' }))
}

/** Number of parts that a sentence names. */
const NAMED = 3

/** Return one sentence about the parts that could not be compared. */
function reasonOfParts(parts: readonly NotChecked[]): string {
  const named = parts.slice(0, NAMED).map(({ field, reason }) => `${field}: ${reason}`)
  const more = parts.length > NAMED ? [`and ${parts.length - NAMED} more`] : []
  return `${[...named, ...more].join('; ')}; everything else is the same`
}
