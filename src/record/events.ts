/**
 * What can happen in a run. The journal holds one of these per line; the record follows from them. `event-schema.ts` says
 * what each field means, and is held against these types; `docs/format.md` shows both.
 */
import type { JsonObject } from '../core/json-value.ts'
import type {
  CaptureRecord,
  FailureRecord,
  FlagRecord,
  RunStatus,
  StreamRecord,
  TrackedRecord,
  TrackedSection,
} from './record.ts'
import type { RecordedNumber } from '../json/special-floats.ts'

/** What every line begins with. */
export interface EventHead {
  readonly seq: number
  readonly time: string
}

/** What happened. */
export type EventBody =
  | { readonly type: 'started'; readonly id: string; readonly name: string }
  | { readonly type: 'capture'; readonly component: string; readonly result: CaptureRecord }
  | {
      readonly type: 'tracked'
      readonly section: TrackedSection
      readonly name: string
      readonly entry: TrackedRecord
    }
  | MetricEvent
  | DigestEvent
  | { readonly type: 'metadata'; readonly values: JsonObject }
  | { readonly type: 'tags'; readonly tags: readonly string[] }
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
}

/** The state of something at one moment, as a digest in written form. */
export interface DigestEvent {
  readonly type: 'digest'
  readonly name: string
  readonly digest: string
  readonly step?: number
}

/** How a wrapped command ended. */
export interface CommandEndEvent {
  readonly type: 'command'
  readonly exitCode: number | null
  readonly signal: string | null
  readonly stdout: StreamRecord
  readonly stderr: StreamRecord
}

/** A line of the journal. */
export type JournalEvent = EventHead & EventBody
