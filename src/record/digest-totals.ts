/** Summaries of logged digests: count, first and last. */
import type { DigestEvent } from './events.ts'
import type { DigestRecord } from './record.ts'

/** Add one digest to the summary of its name. */
export function addDigest(totals: Map<string, DigestRecord>, { name, digest, step }: DigestEvent): void {
  const { count = 0, first = digest, lastStep = null } = totals.get(name) ?? {}
  totals.set(name, { count: count + 1, first, last: digest, lastStep: step ?? lastStep })
}
