/**
 * The events of a run. The journal holds one event per line; the record is computed from them.
 * `event-schema.ts` describes each field and is checked against these types by the compiler; `docs/format.md`
 * shows both.
 */
import type { RunId } from '../core/run-id.ts'
import type { JsonObject, JsonValue } from '../core/json-value.ts'
import type {
  CaptureRecord,
  DerivationRecord,
  FailureRecord,
  FlagRecord,
  MetricFileRecord,
  RankRecord,
  ReportingProcess,
  RunStatus,
  StreamRecord,
  TrackedRecord,
  TrackedSection,
} from './record.ts'
import type { RecordedNumber } from '../json/special-floats.ts'

/** The first fields of every line. */
export interface EventHead {
  readonly seq: number
  readonly time: string
}

/** The content of an event. */
export type EventBody =
  | { readonly type: 'started'; readonly id: RunId; readonly name: string }
  | { readonly type: 'capture'; readonly component: string; readonly result: CaptureRecord }
  | {
      readonly type: 'tracked'
      readonly section: TrackedSection
      readonly name: string
      readonly entry: TrackedRecord
      readonly process?: number
    }
  | MetricEvent
  | DigestEvent
  | ParameterEvent
  | MergedEvent
  | { readonly type: 'process'; readonly process: ReportingProcess }
  | ({ readonly type: 'derivation' } & DerivationRecord)
  | { readonly type: 'metadata'; readonly values: JsonObject; readonly process?: number }
  | { readonly type: 'tags'; readonly tags: readonly string[] }
  | { readonly type: 'rank'; readonly rank: RankRecord }
  | { readonly type: 'metric-file'; readonly file: MetricFileRecord }
  | { readonly type: 'notes'; readonly notes: string }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'flag'; readonly flag: FlagRecord }
  | { readonly type: 'failure'; readonly failure: FailureRecord }
  | CommandEndEvent
  | { readonly type: 'ended'; readonly status: Exclude<RunStatus, 'running' | 'lost'> }

/** One value of a metric. */
export interface MetricEvent {
  readonly type: 'metric'
  readonly name: string
  readonly value: RecordedNumber
  readonly step?: number
  readonly process?: number
  readonly source?: string
}

/** A parameter that a program reported to a library. */
export interface ParameterEvent {
  readonly type: 'parameter'
  readonly name: string
  readonly value: JsonValue
  readonly source: string
  readonly process?: number
}

/** Further sources that reported the values of a series. */
export interface MergedEvent {
  readonly type: 'merged'
  readonly name: string
  readonly source?: string
  readonly process?: number
  readonly with: readonly string[]
}

/** The state of something at one moment, as a digest in written form. */
export interface DigestEvent {
  readonly type: 'digest'
  readonly name: string
  readonly digest: string
  readonly step?: number
  readonly process?: number
}

/** The end of a wrapped command. */
export interface CommandEndEvent {
  readonly type: 'command'
  readonly exitCode: number | null
  readonly signal: string | null
  readonly durationMs?: number
  readonly stdout: StreamRecord
  readonly stderr: StreamRecord
}

/** A line of the journal. */
export type JournalEvent = EventHead & EventBody
