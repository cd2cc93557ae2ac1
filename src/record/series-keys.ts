/** The names of logged series in a record. */
import type { DigestEvent, MetricEvent } from './events.ts'
import { OWN_SOURCE } from './record.ts'
import type { MetricRecord, RunRecord, SeriesOrigin } from './record.ts'

/** The fields of an event that determine its series. */
export type SeriesFields = Pick<MetricEvent | DigestEvent, 'type' | 'name' | 'process'> &
  Pick<MetricEvent, 'source'>

/** Return the name in a record of the series that an event belongs to. */
export type SeriesKey = (event: SeriesFields) => string

/**
 * Return a function that finds the series of events of a run. Several processes can log values under one name, and each
 * has a series of its own. An event of a series that the record does not have keeps its own name.
 */
export function seriesKey({ metrics, digests = {} }: Pick<RunRecord, 'metrics' | 'digests'>): SeriesKey {
  const keys = { metric: keysOf(metrics), digest: keysOf(digests) }
  return ({ type, name, process = 0, source = '' }) => keys[type].get(process)?.get(source)?.get(name) ?? name
}

type Keys = Map<number, Map<string, Map<string, string>>>

function keysOf(series: Readonly<Record<string, SeriesOrigin & SeriesSources>>): Keys {
  const keys: Keys = new Map()
  for (const [key, { process = 0, loggedAs = key, sources = [] }] of Object.entries(series)) {
    const bySource = keys.get(process) ?? new Map<string, Map<string, string>>()
    keys.set(process, bySource)
    const [first = OWN_SOURCE] = sources
    const source = first === OWN_SOURCE ? '' : first
    const names = bySource.get(source) ?? new Map<string, string>()
    bySource.set(source, names.set(loggedAs, key))
  }
  return keys
}

type SeriesSources = Pick<MetricRecord, 'sources'>

/** Return a summary without the process, whose number differs in equal runs, and without the sources. */
export function withoutOrigin<T extends SeriesOrigin & SeriesSources>(
  summary: T | undefined,
): Omit<T, keyof SeriesOrigin | 'sources'> | undefined {
  if (summary === undefined) return undefined
  const { process: _, loggedAs: __, sources: ___, ...rest } = summary
  return rest
}
