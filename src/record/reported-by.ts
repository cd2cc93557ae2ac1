/** Tracked entries that a program of the run reported through the bridge. */
import type { ReportedBy, TrackedRecord } from './record.ts'

/**
 * Return the program that reported an entry; `undefined` for an entry that was declared from outside. Version
 * 0.1.0 wrote the field as `saidBy`.
 */
export function reporterOf(entry: TrackedRecord): ReportedBy | undefined {
  return entry.status === 'tracked' ? (entry.reportedBy ?? entry.saidBy) : undefined
}

/**
 * Return whether a program reported the entry while it was running. Such an entry is not known before the
 * run, so it is not an input of the command.
 */
export function isReported(entry: TrackedRecord): boolean {
  return reporterOf(entry) !== undefined
}
