/** Names of metrics that describe the machine and not the work. Two runs never have the same values. */

/** The prefix of the names. */
export const SYSTEM_METRICS = 'system/'

/** Check whether a metric describes the machine. */
export function isSystemMetric(name: string): boolean {
  return name.startsWith(SYSTEM_METRICS)
}
