/** The summary of a run, as `finishExperiment` returns it. */
import { decodeFloat } from '../json/special-floats.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { identityDigests } from '../record/tracked.ts'
import type {
  DigestRecord,
  FailureRecord,
  FlagRecord,
  ParameterRecord,
  RunRecord,
  RunStatus,
  TrackedRecord,
  TrackedSection,
} from '../record/record.ts'

/** The summary of a metric, with special floats as numbers. */
export interface MetricSummary {
  readonly count: number
  readonly nanCount: number
  readonly first: number
  readonly last: number
  /** Smallest value, without NaN; null if there is none. */
  readonly min: number | null
  readonly max: number | null
  readonly lastStep: number | null
  /** The libraries to which a program reported it; absent if it was logged with lineaprint. */
  readonly sources?: readonly string[]
}

/**
 * The summary of a run. Digests are in written form; null stands for a capture that failed or is disabled.
 */
export interface ExperimentSummary {
  readonly id: string
  readonly name: string
  /** Name of the run beside its experiment; null if it has none. */
  readonly runName: string | null
  readonly status: RunStatus
  readonly startedAt: string
  readonly finishedAt: string | null
  readonly durationMs: number | null
  /** Absolute path of the run's folder. */
  readonly runDirectory: string
  readonly tags: readonly string[]
  readonly notes: string
  readonly metadataKeys: readonly string[]
  readonly captures: Readonly<Record<string, string | null>>
  readonly datasets: Readonly<Record<string, string | null>>
  /** Digests of the architecture and the weights of each model. */
  readonly models: Readonly<
    Record<string, { readonly architecture: string; readonly weights: string } | null>
  >
  readonly tokenizers: Readonly<Record<string, string | null>>
  readonly outputs: Readonly<Record<string, string | null>>
  readonly metrics: Readonly<Record<string, MetricSummary>>
  /** Parameters that programs reported to libraries, by name; absent if there are none. */
  readonly parameters?: Readonly<Record<string, ParameterRecord>>
  /** Summaries of the logged digests. */
  readonly digests: Readonly<Record<string, DigestRecord>>
  readonly warnings: readonly string[]
  /** Flags that make the record less reliable. */
  readonly flags: readonly FlagRecord[]
  readonly failure: FailureRecord | null
  /** The seal of the record; null while the run is in progress. */
  readonly seal: string | null
}

/** Create the summary of a record. */
export function summarize(record: RunRecord, runDirectory: string): ExperimentSummary {
  const { id, name, status, startedAt, finishedAt, durationMs, tags, notes, warnings, failure, seal } = record
  const sections = TRACKED_SECTIONS.map((section) => [
    section,
    mapValues(record[section], (entry, entryName) => digestOf(section, entryName, entry)),
  ])
  return {
    id,
    name,
    runName: record.runName ?? null,
    status,
    startedAt,
    finishedAt,
    durationMs,
    runDirectory,
    tags,
    notes,
    metadataKeys: Object.keys(record.metadata),
    captures: mapValues(record.captures, (capture) =>
      capture.status === 'captured' ? capture.digest : null,
    ),
    ...(Object.fromEntries(sections) as Pick<ExperimentSummary, TrackedSection>),
    metrics: mapValues(record.metrics, ({ count, nanCount, first, last, min, max, lastStep, sources }) => ({
      count,
      nanCount,
      first: decodeFloat(first),
      last: decodeFloat(last),
      min: min === null ? null : decodeFloat(min),
      max: max === null ? null : decodeFloat(max),
      lastStep,
      ...(sources !== undefined && { sources }),
    })),
    ...(record.parameters !== undefined && { parameters: record.parameters }),
    digests: record.digests ?? {},
    warnings,
    flags: record.flags ?? [],
    failure,
    seal,
  }
}

function digestOf(section: TrackedSection, name: string, entry: TrackedRecord): unknown {
  return entry.status === 'tracked' ? identityDigests(section, name, entry) : null
}

function mapValues<T, R>(
  record: Readonly<Record<string, T>>,
  map: (value: T, key: string) => R,
): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]))
}
