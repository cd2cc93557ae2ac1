/** What the built-in captures share: reading recorded values back, and comparing them field by field. */
import { Digest, primary } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { jsonDigest } from '../json/digest.ts'
import { compareUtf8 } from '../util/text-order.ts'
import type { Algorithm, AlgorithmChoice, Digests } from '../core/digest.ts'
import type { JsonObject, JsonValue } from '../core/json-value.ts'
import type { JsonKind } from '../json/digest.ts'
import type { Captured, Comparison, Difference } from '../core/component.ts'

/** Written digests of one thing, one per hash function asked for. */
export type WrittenDigests = { readonly blake3?: string; readonly sha256?: string }

/** Digests as they stand in a record. */
export function writeDigests(digests: Digests): WrittenDigests {
  return {
    ...(digests.blake3 && { blake3: digests.blake3.toString() }),
    ...(digests.sha256 && { sha256: digests.sha256.toString() }),
  }
}

/** The hash function of the one digest that a capture has. */
export function mainAlgorithm(algorithm: AlgorithmChoice): Algorithm {
  return algorithm === 'sha256' ? 'sha256' : 'blake3'
}

/** Hashes stable fields and puts the capture together. */
export function toCaptured(
  kind: JsonKind,
  stable: JsonValue,
  value: JsonObject,
  warnings: readonly string[],
  algorithm: AlgorithmChoice,
): Captured {
  return { digest: primary(jsonDigest(kind, stable, mainAlgorithm(algorithm))).toString(), value, warnings }
}

/** The fields of a recorded object; an error if it is none. */
export function asObject(value: JsonValue | undefined, field: string): JsonObject {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as JsonObject
  throw damaged(field, 'an object', value)
}

/** A recorded array; an error if it is none. */
export function asArray(value: JsonValue | undefined, field: string): readonly JsonValue[] {
  if (Array.isArray(value)) return value as readonly JsonValue[]
  throw damaged(field, 'an array', value)
}

/** A recorded text; an error if it is none. */
export function asText(value: JsonValue | undefined, field: string): string {
  if (typeof value === 'string') return value
  throw damaged(field, 'text', value)
}

/** The error for a record that does not have the form it was written in. */
export function damaged(field: string, expected: string, received: unknown): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_RECORD', `the field ${field} of a capture is damaged`, {
    field,
    expected,
    received: received === undefined ? 'nothing' : JSON.stringify(received)?.slice(0, 80),
  })
}

/** Fields by their path, in words for people. */
export type FieldMap = ReadonlyMap<string, string>

/** Every leaf of a value by its path; an array of plain values is one leaf. */
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

/** The fields that differ, sorted by path. */
export function differences(before: FieldMap, after: FieldMap): Difference[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((field) => before.get(field) !== after.get(field))
    .toSorted(compareUtf8)
    .map((field) => ({ field, before: before.get(field), after: after.get(field) }))
}

/** The answer that follows from the fields alone, with a look at the digests. */
export function compareFields(
  before: Captured,
  after: Captured,
  fieldsBefore: FieldMap,
  fieldsAfter: FieldMap,
): Comparison {
  const found = differences(fieldsBefore, fieldsAfter)
  if (found.length > 0) return { status: 'changed', differences: found }
  const [was, is] = [Digest.parse(before.digest), Digest.parse(after.digest)]
  // Equal fields have equal digests; otherwise one of the records was edited.
  if (was.type === is.type && !was.equals(is)) {
    return {
      status: 'changed',
      reason: 'the fields agree, but a digest does not belong to them',
      differences: [],
    }
  }
  return { status: 'same', differences: [] }
}
