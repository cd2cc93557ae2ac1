/** Names of metrics that tell of the machine and not of the work: no two runs have the same. */

/** What the names begin with. */
export const SYSTEM_METRICS = 'system/'

/** Whether a metric tells of the machine. */
export function isSystemMetric(name: string): boolean {
  return name.startsWith(SYSTEM_METRICS)
}
