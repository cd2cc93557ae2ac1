/** Schemas that records and events share. They are built at first use. */
import { z } from 'zod/mini'
import { isRunId } from '../core/run-id.ts'
import { lazily } from '../util/schema.ts'
import { FLAG_KINDS } from './record.ts'
import { field, schemaOf } from './schema-field.ts'
import type { RunId } from '../core/run-id.ts'
import type { JsonObject, JsonValue } from '../core/json-value.ts'
import type { RecordedNumber } from '../json/special-floats.ts'
import type {
  CaptureRecord,
  DerivationRecord,
  FailureRecord,
  FlagRecord,
  LaunchRecord,
  MetricFileRecord,
  ParameterRecord,
  RankRecord,
  ReportedBy,
  ReportingProcess,
  StepCode,
  StreamRecord,
  TrackedRecord,
} from './record.ts'

/** Any text. */
export const text: z.ZodMiniType<string> = z.string()

/** Id of a run, and so the name of a folder. The pattern is checked, hence the type. */
export const runId: z.ZodMiniType<RunId> = z
  .string()
  .check(z.refine(isRunId, 'Invalid run id')) as z.ZodMiniType<string> as z.ZodMiniType<RunId>

/** A number of items or of bytes. */
export const count: z.ZodMiniType<number> = z.int().check(z.minimum(0))

/**
 * An object of JSON values. The input comes from a JSON parser and so cannot hold other values; its members
 * are not checked.
 */
export const jsonObject: z.ZodMiniType<JsonObject> = z.custom<JsonObject>(
  (input) => typeof input === 'object' && input !== null && !Array.isArray(input),
  'an object',
)

/** Any JSON value. */
export const jsonValue: z.ZodMiniType<JsonValue> = z.union([
  text,
  z.number(),
  z.boolean(),
  z.null(),
  z.array(z.unknown()) as z.ZodMiniType as z.ZodMiniType<readonly JsonValue[]>,
  jsonObject,
])

/** A number; the numbers that JSON lacks are encoded as objects. */
export const recordedNumber: z.ZodMiniType<RecordedNumber> = schemaOf<RecordedNumber>()(
  z.union([z.number(), z.strictObject({ __float__: z.enum(['NaN', 'Infinity', '-Infinity']) })]),
)

const reason = field(text, 'Why, in one line, without secrets.')

/** The result of a capture, or the reason why it failed. */
export const captureSchema: () => z.ZodMiniType<CaptureRecord> = lazily(() =>
  schemaOf<CaptureRecord>()(
    z.discriminatedUnion('status', [
      z.looseObject({
        status: z.literal('captured'),
        digest: field(text, 'Written form of the structured digest of its stable part.'),
        value: field(jsonObject, 'Everything that was found, parts that change with every moment included.'),
        warnings: field(z.array(text), 'Plain sentences about what could not be captured, and why.'),
      }),
      z.looseObject({ status: z.literal('failed'), reason }),
      z.looseObject({ status: z.literal('off') }),
    ]),
  ),
)

const reportedBySchema = lazily(() =>
  schemaOf<ReportedBy>()(
    z.looseObject({
      language: field(text, 'Language of the program: `python`.'),
      program: field(count, 'Number of the program among those of the run, from 1.'),
      pid: field(z.int(), 'Its process, as it knows itself.'),
      existed: field(
        z.exactOptional(z.boolean()),
        'Whether the file that it named is older than the run. Absent for what was in memory, and where it is not known.',
      ),
    }),
  ),
)

/** A process of the run that reported something through the bridge. */
export const processSchema: () => z.ZodMiniType<ReportingProcess> = lazily(() =>
  schemaOf<ReportingProcess>()(
    z.looseObject({
      number: field(count, 'Its number in this run, from 1, in the order in which the processes connected.'),
      pid: field(z.int(), 'Its process id, as it knows itself.'),
      rank: field(z.exactOptional(count), 'Its number in the job of a launcher. Absent for other processes.'),
      localRank: field(z.exactOptional(count), 'Its number among those of its machine. Of a rank only.'),
      size: field(z.exactOptional(count), 'Number of ranks of the job. Of a rank only.'),
      path: field(
        z.exactOptional(z.array(count)),
        'The starts that lead to it from the first program; absent for a process that no other one started.',
      ),
      script: field(z.exactOptional(text), 'Name of its script or module; absent for other programs.'),
      startTime: field(
        z.exactOptional(z.number()),
        'When it started, as the system counts. Absent where that is not known.',
      ),
    }),
  ),
)

/** The fields that name the process of a series. */
export const seriesOrigin: {
  readonly process: z.ZodMiniExactOptional<z.ZodMiniType<number>>
  readonly loggedAs: z.ZodMiniExactOptional<z.ZodMiniType<string>>
} = {
  process: field(
    z.exactOptional(count),
    'Number of its process, as in `processes`. Absent for the process that writes the run.',
  ),
  loggedAs: field(
    z.exactOptional(text),
    'The name that the process used, if it is another one: several processes used it.',
  ),
}

/** Sources of what a program reported to libraries. */
const sources = z.array(text)

/** The sources of a metric. */
export const seriesSources: { readonly sources: z.ZodMiniExactOptional<z.ZodMiniType<string[]>> } = {
  sources: field(
    z.exactOptional(sources),
    'The libraries to which the program reported these values, or the file of `--metrics` that has them; the first is the `source` of the events, and `lineaprint` stands for the program itself. Absent if it only logged them with lineaprint.',
  ),
}

/** A parameter that a program reported. */
export const parameterSchema: () => z.ZodMiniType<ParameterRecord> = lazily(() =>
  schemaOf<ParameterRecord>()(
    z.looseObject({
      value: field(jsonValue, 'Its value as JSON, with secrets replaced.'),
      sources: field(
        sources,
        'The libraries to which the program reported it; `lineaprint` for `lineaprint log`.',
      ),
    }),
  ),
)

/** A dataset, model, tokenizer or output. */
export const trackedSchema: () => z.ZodMiniType<TrackedRecord> = lazily(() =>
  schemaOf<TrackedRecord>()(
    z.discriminatedUnion('status', [
      z.looseObject({
        status: z.literal('tracked'),
        warnings: field(z.exactOptional(z.array(text)), 'Plain sentences of the reader of this kind.'),
        reportedBy: field(
          z.exactOptional(reportedBySchema()),
          'The program that reported it while it ran. Absent for what was declared from outside.',
        ),
        saidBy: field(z.exactOptional(reportedBySchema()), 'The same, as version 0.1.0 wrote it.'),
      }),
      z.looseObject({
        status: z.literal('failed'),
        reason,
        path: field(z.exactOptional(text), 'What was to be read, if it was a path.'),
      }),
      z.looseObject({ status: z.literal('off') }),
    ]),
  ),
)

/** The fields of a declared step, which an event has as well. */
export function derivationFields(): DerivationFields {
  const content = {
    bytes: field(count, 'Bytes of it.'),
    digest: field(text, 'Plain digest of its bytes, in written form.'),
  }
  const code = schemaOf<StepCode>()(
    z.discriminatedUnion('kind', [
      z.looseObject({ kind: z.literal('file'), path: field(text, 'Absolute path.'), ...content }),
      z.looseObject({
        kind: z.literal('source'),
        name: field(text, 'Name of a function whose source was digested.'),
        ...content,
      }),
    ]),
  )
  return {
    name: field(text, 'Name of what the step made: an output, model, dataset or tokenizer of the run.'),
    from: field(z.array(text), 'Names of what it was made from.'),
    step: field(z.exactOptional(text), 'What was done, in a few words.'),
    params: field(z.exactOptional(jsonObject), 'Parameters of the step, with secrets replaced.'),
    code: field(z.exactOptional(z.array(code)), 'Files and functions that did it.'),
    process: field(
      z.exactOptional(count),
      'Number of the process that declared it, as in `processes`. Absent for the process that writes the run.',
    ),
  }
}

interface DerivationFields {
  readonly name: z.ZodMiniType<string>
  readonly from: z.ZodMiniType<string[]>
  readonly step: z.ZodMiniExactOptional<z.ZodMiniType<string>>
  readonly params: z.ZodMiniExactOptional<z.ZodMiniType<JsonObject>>
  readonly code: z.ZodMiniExactOptional<z.ZodMiniType<StepCode[]>>
  readonly process: z.ZodMiniExactOptional<z.ZodMiniType<number>>
}

/** A declared step. */
export const derivationSchema: () => z.ZodMiniType<DerivationRecord> = lazily(() =>
  schemaOf<DerivationRecord>()(z.looseObject({ ...derivationFields() })),
)

/** An output stream of a wrapped command. */
export const streamSchema: () => z.ZodMiniType<StreamRecord> = lazily(() =>
  schemaOf<StreamRecord>()(
    z.discriminatedUnion('status', [
      z.looseObject({
        status: z.literal('captured'),
        file: field(text, "The file in the run's folder that keeps it."),
        bytes: field(count, 'Bytes that were written to the stream.'),
        keptBytes: field(
          count,
          'Bytes of them that the file keeps: all, or those of the beginning and of the end. Secrets and rewritten lines count as they were written.',
        ),
        omittedBytes: field(
          z.exactOptional(count),
          'The other bytes. In their place the file has a line that says how many. Absent if there are none.',
        ),
        omittedLines: field(z.exactOptional(count), 'Line ends in them. A rewritten line has one.'),
        rewrittenLines: field(
          z.exactOptional(count),
          'Lines that were written more than once, after carriage returns, as progress bars are: the file has what a terminal shows in the end. Absent if there is none.',
        ),
        redactedLines: field(
          z.exactOptional(count),
          'Lines in which the file has `<redacted>` in place of a secret. Absent if there is none.',
        ),
      }),
      z.looseObject({ status: z.literal('not-captured'), reason }),
    ]),
  ),
)

/** One rank of a launch. */
export const rankSchema: () => z.ZodMiniType<RankRecord> = lazily(() =>
  schemaOf<RankRecord>()(
    z.looseObject({
      rank: field(count, 'Its number in the launch.'),
      localRank: field(count, 'Its number among the ranks of this machine.'),
      pid: field(z.int(), 'Process id of its `lineaprint run`.'),
      status: field(
        z.enum(['running', 'ended', 'lost']),
        '`running`: not ended when the record was written; `lost`: its `lineaprint run` ended without a report.',
      ),
      exitCode: field(z.nullable(z.int()), 'Of a command that ended by itself.'),
      signal: field(z.nullable(text), 'The signal that ended its command.'),
      durationMs: z.optional(field(z.number(), 'Milliseconds from the start of its command to its end.')),
      stdout: field(
        z.exactOptional(streamSchema()),
        'Its standard output. That of the first rank is in `command`.',
      ),
      stderr: field(z.exactOptional(streamSchema()), 'Its standard error, likewise.'),
    }),
  ),
)

/** The launch of a run whose ranks have a wrapper each. */
export const launchSchema: () => z.ZodMiniType<LaunchRecord> = lazily(() =>
  schemaOf<LaunchRecord>()(
    z.looseObject({
      launcher: field(text, 'What started the ranks, by its variables: `torchrun`, `Open MPI` and so on.'),
      group: field(
        text,
        'Name of the launch. Runs of other machines have the same, if the launcher names its launches.',
      ),
      node: field(text, 'Name of the machine.'),
      size: z.optional(field(count, 'Number of ranks on all machines, if the launcher tells.')),
      ranks: field(z.array(rankSchema()), 'The ranks of this machine, in their order.'),
    }),
  ),
)

/** A file in which the program wrote metrics. */
export const metricFileSchema: () => z.ZodMiniType<MetricFileRecord> = lazily(() => {
  const head = {
    path: field(text, 'Absolute path.'),
    source: field(text, 'The path as it was given, which is the source of its values.'),
    values: field(count, 'Values that were recorded.'),
  }
  return schemaOf<MetricFileRecord>()(
    z.discriminatedUnion('status', [
      z.looseObject({
        ...head,
        status: z.literal('read'),
        format: field(text, '`json`, `jsonl`, `csv` or `tsv`.'),
        rows: z.optional(field(count, 'Rows of the run; of files that have rows.')),
      }),
      z.looseObject({ ...head, status: z.literal('not-checked'), reason }),
    ]),
  )
})

/** The error that made a run fail. */
export const failureSchema: () => z.ZodMiniType<FailureRecord> = lazily(() =>
  schemaOf<FailureRecord>()(
    z.looseObject({
      message: field(text, 'What went wrong, in one line, without secrets.'),
      code: field(z.exactOptional(text), 'The code of the error, if it has one.'),
    }),
  ),
)

/** A condition that a reader should know before relying on the record. */
export const flagSchema: () => z.ZodMiniType<FlagRecord> = lazily(() => {
  const kinds = Object.entries(FLAG_KINDS).map(([kind, meaning]) => field(z.literal(kind), meaning))
  return schemaOf<FlagRecord>()(
    z.looseObject({
      kind: field(z.union([...kinds, text]), 'What it is about. A later version may have other kinds.'),
      section: field(z.exactOptional(text), 'The section of the record with the input or output.'),
      name: field(z.exactOptional(text), 'Its name there.'),
      path: field(z.exactOptional(text), 'Its absolute path.'),
      count: field(z.exactOptional(count), 'How many files; of the undeclared ones only.'),
      paths: field(z.exactOptional(z.array(text)), 'The first of them, below the root of the work tree.'),
      sizes: field(
        z.exactOptional(z.array(z.nullable(count))),
        'Their sizes in bytes; null for what is gone or is not a file. Of files that the run wrote.',
      ),
      message: field(text, 'The same as a sentence.'),
    }),
  )
})
