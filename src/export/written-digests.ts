/** Digests of a record, parsed from their written form. */
import { objectOf, textOf } from './facts.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { TrackedRecord } from '../record/record.ts'

/** Kind, hash function and hexadecimal digits of a written digest. */
const WRITTEN = /^((?:[^:]*\.)?[a-z0-9]+):([0-9a-f]{64})$/

/**
 * Return every digest of a tracked item: of a file under `sha256` and `blake3`, of others under their kind,
 * `tree.v1.sha256`.
 */
export function digestsOf(entry: TrackedRecord): Record<string, string> {
  if (entry.status !== 'tracked') return {}
  const { digest, architecture, weights, digests } = entry
  const written = [digest, architecture, weights, ...leaves(digests)]
  return Object.assign({}, ...written.map(digestSet)) as Record<string, string>
}

/** Return a written digest as `{ kind: hex }`; empty for anything else. */
export function digestSet(written: unknown): Record<string, string> {
  const [, kind, hex] = WRITTEN.exec(textOf(written) ?? '') ?? []
  return kind === undefined || hex === undefined ? {} : { [kind]: hex }
}

function leaves(value: JsonValue | undefined): JsonValue[] {
  if (typeof value === 'string') return [value]
  return Object.values(objectOf(value)).flatMap(leaves)
}
