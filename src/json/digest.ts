/** Digests of JSON records: `environment`, `family`, `git`, `seeds` and `run`. */
import { toDigests } from '../core/digest.ts'
import { canonicalBytes } from './canonical.ts'
import { native } from '../native/load.ts'
import type { AlgorithmChoice, DigestKind, Digests } from '../core/digest.ts'

/** The kinds whose single item is the plain digest of canonical JSON. */
export type JsonKind = Extract<DigestKind, 'environment' | 'family' | 'git' | 'seeds' | 'run'>

/**
 * Compute the structured digest of a record (section 3 of `docs/format.md`).
 *
 * @param kind The content that the record describes.
 * @param value The digest fields, any JSON value.
 * @param algorithm One hash function, or both.
 */
export function jsonDigest(kind: JsonKind, value: unknown, algorithm: AlgorithmChoice = 'blake3'): Digests {
  return toDigests(native.jsonDigest(kind, canonicalBytes(value), algorithm), kind)
}
