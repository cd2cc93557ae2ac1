/**
 * The state of a run, computed from its events. The tracker and the reader of an unfinished run use the same
 * function, so that a run interrupted by a crash has the same state as in the tracker.
 */
import { SeriesByProcess, ValuesByPosition } from './by-process.ts'
import { addDigest } from './digest-totals.ts'
import { addMetric, addSources, metricRecord } from './metric-totals.ts'
import { Parameters } from './parameters.ts'
import { TRACKED_SECTIONS } from './record.ts'
import { identityDigests } from './tracked.ts'
import { unlessDamaged } from '../json/read-fields.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { EventBody } from './events.ts'
import type { SeriesFields } from './series-keys.ts'
import type { NamedSeries } from './by-process.ts'
import type { MetricTotals } from './metric-totals.ts'
import type {
  CaptureRecord,
  CommandRecord,
  DerivationRecord,
  DigestRecord,
  FailureRecord,
  FlagRecord,
  MetricFileRecord,
  RankRecord,
  ReportingProcess,
  RunRecord,
  SeriesOrigin,
  TrackedRecord,
  TrackedSection,
} from './record.ts'

/** A record under construction. Names are data, so collections by name are Maps. */
export interface RunState {
  /** Fields that are known at the start: id, name, process, configuration. */
  readonly start: RunRecord
  command: CommandRecord
  /** In the order in which they were first added. */
  readonly tags: Set<string>
  notes: string
  /** By key. A copy per event would take quadratic time. */
  readonly metadata: ValuesByPosition<JsonValue>
  readonly captures: Map<string, CaptureRecord>
  readonly tracked: Readonly<Record<TrackedSection, ValuesByPosition<TrackedRecord>>>
  /** By everything but the process: ranks that declare the same step declare one. */
  readonly derivations: Map<string, DerivationRecord>
  readonly metrics: SeriesByProcess<MetricTotals>
  readonly digests: SeriesByProcess<DigestRecord>
  readonly parameters: Parameters
  /** Processes that reported something, by number. */
  readonly processes: Map<number, ReportingProcess>
  /** Files with metrics, by path. */
  readonly metricFiles: Map<string, MetricFileRecord>
  /** Ranks that have a wrapper of their own, by number. */
  readonly ranks: Map<number, RankRecord>
  readonly warnings: string[]
  readonly flags: FlagRecord[]
  failure: FailureRecord | null
}

/** Return the state before the first event. */
export function initialState(start: RunRecord): RunState {
  return {
    start,
    command: start.command,
    tags: new Set(start.tags),
    notes: start.notes,
    metadata: new ValuesByPosition(Object.entries(start.metadata)),
    captures: new Map(Object.entries(start.captures)),
    tracked: {
      datasets: new ValuesByPosition(),
      models: new ValuesByPosition(),
      tokenizers: new ValuesByPosition(),
      outputs: new ValuesByPosition(),
    },
    derivations: new Map(),
    metrics: new SeriesByProcess(),
    digests: new SeriesByProcess(),
    parameters: new Parameters(),
    processes: new Map(),
    metricFiles: new Map(),
    ranks: new Map((start.launch?.ranks ?? []).map((rank) => [rank.rank, rank])),
    warnings: [...start.warnings],
    flags: [...(start.flags ?? [])],
    failure: null,
  }
}

/** Apply one event to the state. */
export function applyEvent(state: RunState, event: EventBody): void {
  switch (event.type) {
    case 'metric':
      addMetric(state.metrics, event)
      break
    case 'merged':
      addSources(state.metrics, event)
      break
    case 'parameter':
      state.parameters.set(event)
      break
    case 'digest':
      addDigest(state.digests, event)
      break
    case 'capture':
      state.captures.set(event.component, event.result)
      break
    case 'tracked':
      state.tracked[event.section].set(event.name, event.entry, processOf(state, event.process))
      break
    case 'derivation':
      addDerivation(state.derivations, event)
      break
    case 'process':
      state.processes.set(event.process.number, event.process)
      break
    case 'metric-file':
      state.metricFiles.set(event.file.path, event.file)
      break
    case 'rank':
      state.ranks.set(event.rank.rank, event.rank)
      break
    case 'metadata':
      for (const [key, value] of Object.entries(event.values))
        state.metadata.set(key, value, processOf(state, event.process))
      break
    case 'tags':
      for (const tag of event.tags) state.tags.add(tag)
      break
    case 'notes':
      state.notes = event.notes
      break
    case 'warning':
      state.warnings.push(event.message)
      break
    case 'flag':
      state.flags.push(event.flag)
      break
    case 'failure':
      state.failure = event.failure
      break
    case 'command': {
      const { exitCode, signal, durationMs, stdout, stderr } = event
      // Absent in journals of earlier versions.
      const took = durationMs === undefined ? {} : { durationMs }
      state.command = { ...state.command, exitCode, signal, ...took, stdout, stderr }
      break
    }
    case 'started':
    case 'ended':
      break
  }
}

/** Return a process that reported; `undefined` for the process that writes the run. */
export function processOf(state: RunState, number: number | undefined): ReportingProcess | undefined {
  return number === undefined ? undefined : state.processes.get(number)
}

/** Return the name that the record would have for the series of an event if the run ended now. */
export function liveKey(
  { metrics, digests, processes }: RunState,
  { type, name, process = 0, source }: SeriesFields,
): string {
  return (type === 'metric' ? metrics : digests).key(name, process, processes, source)
}

/** Return where the values of a series come from, for the record. */
function originOf({ key, name, process }: NamedSeries<unknown>): SeriesOrigin {
  return { ...(process !== 0 && { process }), ...(key !== name && { loggedAs: name }) }
}

/** Return the digests of an entry as text, to find equal ones; `undefined` for an entry without content. */
function identityOf(section: TrackedSection, name: string, entry: TrackedRecord): string | undefined {
  if (entry.status !== 'tracked') return undefined
  return unlessDamaged(() => JSON.stringify(identityDigests(section, name, entry)))
}

function addDerivation(
  derivations: Map<string, DerivationRecord>,
  { name, from, step, params, code, process }: DerivationRecord,
): void {
  const declared: DerivationRecord = {
    name,
    from,
    ...(step !== undefined && { step }),
    ...(params !== undefined && { params }),
    ...(code !== undefined && { code }),
  }
  const key = JSON.stringify(declared)
  if (derivations.has(key)) return
  derivations.set(key, { ...declared, ...(process !== undefined && { process }) })
}

/** Return the state as a record. `ending` holds the fields that are known only at the end. */
export function toRecord(state: RunState, ending: Partial<RunRecord> = {}): RunRecord {
  const { start, command, tags, notes, metadata, captures, tracked, warnings, failure } = state
  const { processes, ranks, metricFiles } = state
  const parameters = state.parameters.record((number) => processes.get(number))
  const sections = TRACKED_SECTIONS.map((section) => [
    section,
    Object.fromEntries(tracked[section].named((name, entry) => identityOf(section, name, entry))),
  ])
  return {
    ...start,
    ...(start.launch !== undefined && {
      launch: { ...start.launch, ranks: [...ranks.values()].toSorted((a, b) => a.rank - b.rank) },
    }),
    command,
    tags: [...tags],
    notes,
    metadata: Object.fromEntries(metadata.named((_, value) => JSON.stringify(value))),
    // Captures end in any order; the record has a fixed order.
    captures: Object.fromEntries([...captures].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    ...(Object.fromEntries(sections) as Pick<RunRecord, TrackedSection>),
    ...(state.derivations.size > 0 && { derivations: [...state.derivations.values()] }),
    metrics: Object.fromEntries(
      state.metrics
        .named(processes)
        .map((series) => [series.key, metricRecord(series.value, originOf(series), series.source)]),
    ),
    digests: Object.fromEntries(
      state.digests.named(processes).map((series) => [series.key, { ...series.value, ...originOf(series) }]),
    ),
    ...(metricFiles.size > 0 && { metricFiles: [...metricFiles.values()] }),
    ...(parameters !== undefined && { parameters }),
    ...(processes.size > 0 && { processes: [...processes.values()] }),
    warnings: [...warnings],
    flags: [...state.flags],
    failure,
    ...ending,
  }
}
