/** The names of logged series in a record. */
import type { DigestEvent, MetricEvent } from './events.ts'
import type { RunRecord, SeriesOrigin } from './record.ts'

/** The fields of an event that determine its series. */
export type SeriesFields = Pick<MetricEvent | DigestEvent, 'type' | 'name' | 'process'>

/** Return the name in a record of the series that an event belongs to. */
export type SeriesKey = (event: SeriesFields) => string

/**
 * Return a function that finds the series of events of a run. Several processes can log values under one name, and each
 * has a series of its own. An event of a series that the record does not have keeps its own name.
 */
export function seriesKey({ metrics, digests = {} }: Pick<RunRecord, 'metrics' | 'digests'>): SeriesKey {
  const keys = { metric: keysOf(metrics), digest: keysOf(digests) }
  return ({ type, name, process = 0 }) => keys[type].get(process)?.get(name) ?? name
}

function keysOf(series: Readonly<Record<string, SeriesOrigin>>): Map<number, Map<string, string>> {
  const keys = new Map<number, Map<string, string>>()
  for (const [key, { process = 0, loggedAs = key }] of Object.entries(series)) {
    const names = keys.get(process) ?? new Map<string, string>()
    keys.set(process, names.set(loggedAs, key))
  }
  return keys
}

/** Return a summary without the process, whose number differs in equal runs. */
export function withoutOrigin<T extends SeriesOrigin>(
  summary: T | undefined,
): Omit<T, keyof SeriesOrigin> | undefined {
  if (summary === undefined) return undefined
  const { process: _, loggedAs: __, ...rest } = summary
  return rest
}
