/** The record of a run: what `run.json` holds. `docs/format.md` is its published form. */
import type { RecordedNumber } from '../json/special-floats.ts'
import type { ProcessRecord } from '../util/process-identity.ts'
import type { JsonObject } from '../core/json-value.ts'

/** The version of the record. Readers refuse another one. */
export const RUN_SCHEMA = 'lineaprint/run/v1'

/** What became of a run. `lost`: its process is gone and nobody finished it. */
export type RunStatus = 'running' | 'finished' | 'failed' | 'killed' | 'lost'

/** What became of one output stream of a wrapped command. */
export type StreamRecord =
  | { readonly status: 'captured'; readonly file: string; readonly bytes: number; readonly keptBytes: number }
  | { readonly status: 'not-captured'; readonly reason: string }

/** The command of a run: the one that was wrapped, or the program that uses the tracker. */
export interface CommandRecord {
  /** With secrets replaced. */
  readonly argv: readonly string[]
  readonly workingDirectory: string
  /** Whether `lineaprint run` started it. */
  readonly wrapped: boolean
  /** Of a wrapped command that ended by itself. */
  readonly exitCode: number | null
  /** The signal that ended it, for example `SIGKILL`. */
  readonly signal: string | null
  readonly stdout?: StreamRecord
  readonly stderr?: StreamRecord
}

/** What a capture found. A failure is never recorded as a success. */
export type CaptureRecord =
  | {
      readonly status: 'captured'
      readonly digest: string
      readonly value: JsonObject
      readonly warnings: readonly string[]
    }
  | { readonly status: 'failed'; readonly reason: string }
  | { readonly status: 'off' }

/** A dataset, model, tokenizer or output. The fields of the report stand beside the status, digests in written form. */
export type TrackedRecord =
  | ({ readonly status: 'tracked' } & JsonObject)
  | { readonly status: 'failed'; readonly reason: string; readonly path?: string }
  | { readonly status: 'off' }

/** One metric in short; every value stands in the journal. */
export interface MetricRecord {
  /** Values logged, NaN included. */
  readonly count: number
  /** How many of them are NaN; `min` and `max` leave them out. */
  readonly nanCount: number
  readonly first: RecordedNumber
  readonly last: RecordedNumber
  readonly min: RecordedNumber | null
  readonly max: RecordedNumber | null
  /** The step of the last value that had one. */
  readonly lastStep: number | null
}

/** One logged digest in short; every one stands in the journal. */
export interface DigestRecord {
  readonly count: number
  /** In written form, as `last`. */
  readonly first: string
  readonly last: string
  /** The step of the last one that had a step. */
  readonly lastStep: number | null
}

/** Another file of the run's folder. The seal covers it through this entry. */
export type FileRecord =
  | { readonly path: string; readonly size: number; readonly blake3: string; readonly sha256: string }
  | { readonly path: string; readonly link: string }

/** Something that a reader should know before relying on the record. */
export interface FlagRecord {
  /**
   * `input-changed`, `input-missing`: an input changed or went away while the run used it; `input-touched`: it was written
   * to and has the same content; `output-existed`: something stood there before the run, which wrote to it;
   * `output-untouched`: the run did not write it; `undeclared`: files that were neither committed nor declared when the
   * run started; `undeclared-output`: files that are new or changed since, and were not declared.
   */
  readonly kind:
    | 'input-changed'
    | 'input-missing'
    | 'input-touched'
    | 'output-existed'
    | 'output-untouched'
    | 'undeclared'
    | 'undeclared-output'
  readonly section?: TrackedSection
  readonly name?: string
  readonly path?: string
  /** How many files; of the undeclared ones only. */
  readonly count?: number
  /** The first of them, below the root of the work tree. */
  readonly paths?: readonly string[]
  /** The same as a sentence. */
  readonly message: string
}

/** Why a run failed. */
export interface FailureRecord {
  readonly message: string
  readonly code?: string
}

/** Sections of the record that hold tracked things by name. */
export const TRACKED_SECTIONS = ['datasets', 'models', 'tokenizers', 'outputs'] as const

/** One of {@link TRACKED_SECTIONS}. */
export type TrackedSection = (typeof TRACKED_SECTIONS)[number]

/** The record of a run, as it stands in `run.json`. Times are ISO 8601 in UTC, durations milliseconds. */
export interface RunRecord {
  readonly schema: typeof RUN_SCHEMA
  readonly id: string
  readonly name: string
  readonly status: RunStatus
  readonly startedAt: string
  readonly finishedAt: string | null
  readonly durationMs: number | null
  /** Version of lineaprint that wrote it. */
  readonly lineaprint: string
  /** Id of the run whose command made this one. */
  readonly parent: string | null
  readonly process: ProcessRecord
  readonly command: CommandRecord
  readonly tags: readonly string[]
  readonly notes: string
  readonly metadata: JsonObject
  /** The resolved options, without functions. */
  readonly configuration: JsonObject
  readonly captures: Readonly<Record<string, CaptureRecord>>
  readonly datasets: Readonly<Record<string, TrackedRecord>>
  readonly models: Readonly<Record<string, TrackedRecord>>
  readonly tokenizers: Readonly<Record<string, TrackedRecord>>
  readonly outputs: Readonly<Record<string, TrackedRecord>>
  readonly metrics: Readonly<Record<string, MetricRecord>>
  /** Logged digests; absent in older records. */
  readonly digests?: Readonly<Record<string, DigestRecord>>
  readonly failure: FailureRecord | null
  /** Absent in older records. */
  readonly flags?: readonly FlagRecord[]
  readonly warnings: readonly string[]
  /** Every other file of the run's folder; empty while it runs. */
  readonly files: readonly FileRecord[]
  /** `run.v1.blake3:…` of the record without this field; null while it runs. */
  readonly seal: string | null
}
