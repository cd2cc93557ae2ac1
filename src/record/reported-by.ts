/** Tracked things that a program of the run reported itself, through the bridge. */
import type { ReportedBy, TrackedRecord } from './record.ts'

/**
 * Return the program that reported an entry; `undefined` for what was declared from outside. Version 0.1.0 wrote the
 * field as `saidBy`.
 */
export function reporterOf(entry: TrackedRecord): ReportedBy | undefined {
  return entry.status === 'tracked' ? (entry.reportedBy ?? entry.saidBy) : undefined
}

/** Return whether a program reported it while it ran. Until then nobody knows of it, so it is no input of the command. */
export function isReported(entry: TrackedRecord): boolean {
  return reporterOf(entry) !== undefined
}
