/** The result of a built-in capture, with the digest of its digest fields. */
import { primary } from '../core/digest.ts'
import { jsonDigest } from '../json/digest.ts'
import type { Captured } from '../core/component.ts'
import type { Algorithm, AlgorithmChoice } from '../core/digest.ts'
import type { JsonObject, JsonValue } from '../core/json-value.ts'
import type { JsonKind } from '../json/digest.ts'

/** Return the hash function of the digest of a capture, which is always a single digest. */
export function mainAlgorithm(algorithm: AlgorithmChoice): Algorithm {
  return algorithm === 'sha256' ? 'sha256' : 'blake3'
}

/** Compute the digest of the digest fields, and return the capture. */
export function toCaptured(
  kind: JsonKind,
  digestFields: JsonValue,
  value: JsonObject,
  warnings: readonly string[],
  algorithm: AlgorithmChoice,
): Captured {
  return {
    digest: primary(jsonDigest(kind, digestFields, mainAlgorithm(algorithm))).toString(),
    value,
    warnings,
  }
}
