/**
 * The record of a run, which is the content of `run.json`. `record-schema.ts` describes each field and is
 * checked against these types by the compiler; `docs/format.md` shows both.
 */
import type { RecordedNumber } from '../json/special-floats.ts'
import type { ProcessRecord } from '../util/process-identity.ts'
import type { RunId } from '../core/run-id.ts'
import type { JsonObject, JsonValue } from '../core/json-value.ts'

/** The version of the record. Readers refuse every other version. */
export const RUN_SCHEMA = 'lineaprint/run/v1'

/** The status of a run. `lost`: the process ended without finishing the run. */
export type RunStatus = 'running' | 'finished' | 'failed' | 'killed' | 'lost'

/** The recorded form of one output stream of a wrapped command. */
export type StreamRecord =
  | {
      readonly status: 'captured'
      readonly file: string
      readonly bytes: number
      readonly keptBytes: number
      readonly omittedBytes?: number
      readonly omittedLines?: number
      readonly rewrittenLines?: number
      readonly redactedLines?: number
    }
  | { readonly status: 'not-captured'; readonly reason: string }

/** The command of a run: the one that was wrapped, or the program that uses the tracker. */
export interface CommandRecord {
  readonly argv: readonly string[]
  readonly workingDirectory: string
  readonly wrapped: boolean
  readonly exitCode: number | null
  readonly signal: string | null
  readonly durationMs?: number
  readonly stdout?: StreamRecord
  readonly stderr?: StreamRecord
}

/** The result of a capture. A failure is never recorded as a success. */
export type CaptureRecord =
  | {
      readonly status: 'captured'
      readonly digest: string
      readonly value: JsonObject
      readonly warnings: readonly string[]
    }
  | { readonly status: 'failed'; readonly reason: string }
  | { readonly status: 'off' }

/** The program of a run that reported an entry through the bridge. */
export type ReportedBy = {
  readonly language: string
  readonly program: number
  readonly pid: number
  readonly existed?: boolean
}

/**
 * A dataset, model, tokenizer or output. The fields of its report are members of the same object, digests in
 * written form.
 */
export type TrackedRecord =
  | ({
      readonly status: 'tracked'
      readonly warnings?: readonly string[]
      readonly reportedBy?: ReportedBy
      readonly saidBy?: ReportedBy
    } & JsonObject)
  | { readonly status: 'failed'; readonly reason: string; readonly path?: string }
  | { readonly status: 'off' }

/** A process of the run that reported something through the bridge. */
export type ReportingProcess = {
  readonly number: number
  readonly pid: number
  readonly rank?: number
  readonly localRank?: number
  readonly size?: number
  readonly path?: readonly number[]
  readonly script?: string
  readonly startTime?: number
}

/** The process of the values of a metric or digest. Absent for those of the process that writes the run. */
export interface SeriesOrigin {
  readonly process?: number
  readonly loggedAs?: string
}

/** The source of values that a program logged with lineaprint itself. */
export const OWN_SOURCE = 'lineaprint'

/** A parameter that a program reported, for example to argparse or Weights & Biases. */
export interface ParameterRecord {
  readonly value: JsonValue
  readonly sources: readonly string[]
}

/** The summary of one metric of one process; every value is in the journal. */
export interface MetricRecord extends SeriesOrigin {
  readonly count: number
  readonly nanCount: number
  readonly first: RecordedNumber
  readonly last: RecordedNumber
  readonly min: RecordedNumber | null
  readonly max: RecordedNumber | null
  readonly lastStep: number | null
  readonly sources?: readonly string[]
}

/** The summary of one logged digest of one process; every digest is in the journal. */
export interface DigestRecord extends SeriesOrigin {
  readonly count: number
  readonly first: string
  readonly last: string
  readonly lastStep: number | null
}

/** One rank of a launch that has a wrapper of its own. */
export interface RankRecord {
  readonly rank: number
  readonly localRank: number
  /** Process id of its wrapper. */
  readonly pid: number
  /** `lost`: its wrapper ended without a report. */
  readonly status: 'running' | 'ended' | 'lost'
  readonly exitCode: number | null
  readonly signal: string | null
  readonly durationMs?: number
  readonly stdout?: StreamRecord
  readonly stderr?: StreamRecord
}

/** The launch whose ranks on one machine are this run. */
export interface LaunchRecord {
  readonly launcher: string
  readonly group: string
  readonly node: string
  readonly size?: number
  readonly ranks: readonly RankRecord[]
}

/** A file in which the program wrote metrics. `not-checked`: not all of it could be read. */
export type MetricFileRecord = {
  readonly path: string
  readonly source: string
  readonly values: number
} & (
  | { readonly status: 'read'; readonly format: string; readonly rows?: number }
  | { readonly status: 'not-checked'; readonly reason: string }
)

/** Another file of the run's folder. The seal covers it through this entry. */
export type FileRecord =
  | { readonly path: string; readonly size: number; readonly blake3: string; readonly sha256: string }
  | { readonly path: string; readonly link: string }

/** The kinds of flags that this version writes. */
export type FlagKind =
  | 'input-changed'
  | 'input-missing'
  | 'input-overwritten'
  | 'input-touched'
  | 'output-existed'
  | 'output-untouched'
  | 'undeclared'
  | 'undeclared-output'
  | 'undeclared-ignored'

/** The meaning of each kind of flag. */
export const FLAG_KINDS: Readonly<Record<FlagKind, string>> = {
  'input-changed': 'The content of an input changed while the run used it.',
  'input-missing': 'An input was gone when the run ended.',
  'input-overwritten':
    'The run wrote over an input with a declared output, as one does that resumes from its checkpoint.',
  'input-touched': 'An input was written to while the run used it, and has the same content.',
  'output-existed': 'Something stood at the path of an output before the run, which wrote to it.',
  'output-untouched': 'An output was there before the run, which did not write it.',
  undeclared: 'Files were neither committed nor declared when the run started.',
  'undeclared-output': 'Files are new or changed since the run started, and were not declared.',
  'undeclared-ignored': 'Files that git ignores were written since the run started, and were not declared.',
}

/**
 * A condition that a reader should know before relying on the record. A later version may know other kinds.
 */
export interface FlagRecord {
  readonly kind: FlagKind | (string & Record<never, never>)
  readonly section?: string
  readonly name?: string
  readonly path?: string
  readonly count?: number
  readonly paths?: readonly string[]
  readonly sizes?: readonly (number | null)[]
  readonly message: string
}

/** The error that made a run fail. */
export interface FailureRecord {
  readonly message: string
  readonly code?: string
}

/** The code of a step: a file, or the source of a function. */
export type StepCode =
  | { readonly kind: 'file'; readonly path: string; readonly bytes: number; readonly digest: string }
  | { readonly kind: 'source'; readonly name: string; readonly bytes: number; readonly digest: string }

/** A step that somebody declared: what it made, and from what. Names are those of the entries of the run. */
export interface DerivationRecord {
  readonly name: string
  readonly from: readonly string[]
  readonly step?: string
  readonly params?: JsonObject
  readonly code?: readonly StepCode[]
  readonly process?: number
}

/** Sections of the record that hold tracked entries by name. */
export const TRACKED_SECTIONS = ['datasets', 'models', 'tokenizers', 'outputs'] as const

/** One of {@link TRACKED_SECTIONS}. */
export type TrackedSection = (typeof TRACKED_SECTIONS)[number]

/** The record of a run, as written in `run.json`. Times are ISO 8601 in UTC, durations milliseconds. */
export interface RunRecord {
  readonly schema: typeof RUN_SCHEMA
  readonly id: RunId
  readonly name: string
  readonly runName?: string
  readonly status: RunStatus
  readonly startedAt: string
  readonly finishedAt: string | null
  readonly durationMs: number | null
  readonly lineaprint: string
  readonly parent: string | null
  readonly continues?: string
  readonly launch?: LaunchRecord
  readonly process: ProcessRecord
  readonly command: CommandRecord
  readonly tags: readonly string[]
  readonly notes: string
  readonly metadata: JsonObject
  readonly configuration: JsonObject
  readonly captures: Readonly<Record<string, CaptureRecord>>
  readonly datasets: Readonly<Record<string, TrackedRecord>>
  readonly models: Readonly<Record<string, TrackedRecord>>
  readonly tokenizers: Readonly<Record<string, TrackedRecord>>
  readonly outputs: Readonly<Record<string, TrackedRecord>>
  readonly derivations?: readonly DerivationRecord[]
  readonly metrics: Readonly<Record<string, MetricRecord>>
  readonly digests?: Readonly<Record<string, DigestRecord>>
  readonly metricFiles?: readonly MetricFileRecord[]
  readonly parameters?: Readonly<Record<string, ParameterRecord>>
  readonly processes?: readonly ReportingProcess[]
  readonly failure: FailureRecord | null
  readonly flags?: readonly FlagRecord[]
  readonly warnings: readonly string[]
  readonly files: readonly FileRecord[]
  readonly seal: string | null
}
