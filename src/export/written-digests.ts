/** Digests of a record, parsed from their written form. */
import { trackedFacts } from './facts.ts'
import type { TrackedRecord, TrackedSection } from '../record/record.ts'

/** Kind, hash function and hexadecimal digits of a written digest. */
const WRITTEN = /^((?:[^:]*\.)?[a-z0-9]+):([0-9a-f]{64})$/

/**
 * Return every digest of a tracked entry: of a file `sha256` and `blake3`, of others under their kind,
 * `tree.v1.sha256`.
 */
export function digestsOf(
  section: TrackedSection,
  name: string,
  entry: TrackedRecord,
): Record<string, string> {
  return Object.assign({}, ...writtenDigests(section, name, entry).map(digestSet)) as Record<string, string>
}

function writtenDigests(section: TrackedSection, name: string, entry: TrackedRecord): string[] {
  if (section === 'models') {
    const model = trackedFacts(section, name, entry)
    if (model === undefined) return []
    const { architecture, weights, digests = {} } = model
    return [architecture, weights, ...Object.values(digests).flatMap((all) => Object.values(all))]
  }
  const tracked = trackedFacts(section, name, entry)
  return tracked === undefined ? [] : [tracked.digest, ...Object.values(tracked.digests ?? {})]
}

/** Return a written digest as `{ kind: hex }`; empty for anything else. */
export function digestSet(written: string): Record<string, string> {
  const [, kind, hex] = WRITTEN.exec(written) ?? []
  return kind === undefined || hex === undefined ? {} : { [kind]: hex }
}
