/** Summaries of logged digests: count, first and last. */
import type { DigestEvent } from './events.ts'
import type { SeriesByProcess } from './by-process.ts'
import type { DigestRecord } from './record.ts'

/** Add one digest to the summary of its name. */
export function addDigest(
  totals: SeriesByProcess<DigestRecord>,
  { name, digest, step, process = 0 }: DigestEvent,
): void {
  const { count = 0, first = digest, lastStep = null } = totals.get(name, process) ?? {}
  totals.set(name, process, { count: count + 1, first, last: digest, lastStep: step ?? lastStep })
}
