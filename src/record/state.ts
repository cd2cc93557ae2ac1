/**
 * The state of a run, computed from its events. The tracker and the reader of an unfinished run use the same
 * function, so that a run interrupted by a crash has the same state as in the tracker.
 */
import { addDigest } from './digest-totals.ts'
import { addMetric, metricRecord } from './metric-totals.ts'
import { TRACKED_SECTIONS } from './record.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { EventBody } from './events.ts'
import type { MetricTotals } from './metric-totals.ts'
import type {
  CaptureRecord,
  CommandRecord,
  DigestRecord,
  FailureRecord,
  FlagRecord,
  RunRecord,
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
  readonly metadata: Map<string, JsonValue>
  readonly captures: Map<string, CaptureRecord>
  readonly tracked: Readonly<Record<TrackedSection, Map<string, TrackedRecord>>>
  readonly metrics: Map<string, MetricTotals>
  readonly digests: Map<string, DigestRecord>
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
    metadata: new Map(Object.entries(start.metadata)),
    captures: new Map(Object.entries(start.captures)),
    tracked: { datasets: new Map(), models: new Map(), tokenizers: new Map(), outputs: new Map() },
    metrics: new Map(),
    digests: new Map(),
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
    case 'digest':
      addDigest(state.digests, event)
      break
    case 'capture':
      state.captures.set(event.component, event.result)
      break
    case 'tracked':
      state.tracked[event.section].set(event.name, event.entry)
      break
    case 'metadata':
      for (const [key, value] of Object.entries(event.values)) state.metadata.set(key, value)
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

/** Return the state as a record. `ending` holds the fields that are known only at the end. */
export function toRecord(state: RunState, ending: Partial<RunRecord> = {}): RunRecord {
  const { start, command, tags, notes, metadata, captures, tracked, warnings, failure } = state
  const sections = TRACKED_SECTIONS.map((section) => [section, Object.fromEntries(tracked[section])])
  return {
    ...start,
    command,
    tags: [...tags],
    notes,
    metadata: Object.fromEntries(metadata),
    // Captures end in any order; the record has a fixed order.
    captures: Object.fromEntries([...captures].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    ...(Object.fromEntries(sections) as Pick<RunRecord, TrackedSection>),
    metrics: Object.fromEntries([...state.metrics].map(([name, total]) => [name, metricRecord(total)])),
    digests: Object.fromEntries(state.digests),
    warnings: [...warnings],
    flags: [...state.flags],
    failure,
    ...ending,
  }
}
