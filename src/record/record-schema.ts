/**
 * The schema of `run.json`: type and meaning of each field. It checks records that may be damaged or come
 * from an untrusted source.
 */
import { z } from 'zod/mini'
import { lazily } from '../util/schema.ts'
import { RUN_SCHEMA } from './record.ts'
import { field, schemaOf } from './schema-field.ts'
import {
  captureSchema,
  count,
  derivationSchema,
  failureSchema,
  flagSchema,
  jsonObject,
  launchSchema,
  metricFileSchema,
  parameterSchema,
  processSchema,
  recordedNumber,
  runId,
  seriesOrigin,
  seriesSources,
  streamSchema,
  text,
  trackedSchema,
} from './schema-parts.ts'
import type { RunRecord } from './record.ts'

/**
 * Build the schema of objects with names as keys. The name `__proto__` is rejected, because the schema of a
 * record would not check its value.
 */
function named<T>(value: z.ZodMiniType<T>): z.ZodMiniType<Record<string, T>> {
  return z.pipe(
    z.custom<Record<string, unknown>>(
      (input) => typeof input !== 'object' || input === null || !Object.hasOwn(input, '__proto__'),
      'forbidden name',
    ),
    z.record(z.string(), value),
  )
}

/**
 * Schema of a record. Only the result of the check is used, never the returned value: the seal covers the
 * record as it was read. Fields that a later version adds are accepted.
 */
export const runRecordSchema: () => z.ZodMiniType<RunRecord> = lazily(() => {
  const metric = z.looseObject({
    count: field(count, 'Values logged, NaN included.'),
    nanCount: field(count, 'How many of them are NaN; `min` and `max` leave them out.'),
    first: field(recordedNumber, 'The first value.'),
    last: field(recordedNumber, 'The last value.'),
    min: field(z.nullable(recordedNumber), 'The smallest value that is a number; null if there is none.'),
    max: field(z.nullable(recordedNumber), 'The largest value that is a number; null if there is none.'),
    lastStep: field(z.nullable(z.number()), 'The step of the last value that had one.'),
    ...seriesOrigin,
    ...seriesSources,
  })
  const digest = z.looseObject({
    count: field(count, 'Digests logged.'),
    first: field(text, 'The first, in written form.'),
    last: field(text, 'The last, in written form.'),
    lastStep: field(z.nullable(z.number()), 'The step of the last one that had a step.'),
    ...seriesOrigin,
  })
  const process = z.looseObject({
    pid: field(z.int(), 'Its id.'),
    startTime: field(
      z.nullable(z.number()),
      'When it started, as the system counts; null where that is not known.',
    ),
    host: field(text, 'Name of the machine.'),
    bootId: field(z.nullable(text), 'Names the boot of the machine; null where that is not known.'),
    pidNamespace: field(
      z.nullable(text),
      'Names the container whose processes it counts among; null where there are none.',
    ),
  })
  const command = z.looseObject({
    argv: field(z.array(text), 'Program and arguments, with secrets replaced.'),
    workingDirectory: field(text, 'Absolute path of the folder that the run works in.'),
    wrapped: field(
      z.boolean(),
      'Whether its command line starts it again: that of `lineaprint run`, or of a script that started its run itself.',
    ),
    exitCode: field(z.nullable(z.int()), 'Of a wrapped command that ended by itself.'),
    signal: field(z.nullable(text), 'The signal that ended a wrapped command, for example `SIGKILL`.'),
    durationMs: z.optional(
      field(z.number(), 'Milliseconds from the start of a wrapped command to its end, without the captures.'),
    ),
    stdout: field(
      z.exactOptional(streamSchema()),
      'Its standard output; of a wrapped command that has ended.',
    ),
    stderr: field(
      z.exactOptional(streamSchema()),
      'Its standard error; of a wrapped command that has ended. If it went where the standard output went, that file has both, in the order in which they were written.',
    ),
  })
  const file = z.union([
    z.looseObject({
      path: field(text, "Path below the run's folder."),
      size: field(count, 'Bytes.'),
      blake3: field(text, 'Plain digest of its bytes.'),
      sha256: field(text, 'Plain digest of its bytes.'),
    }),
    z.looseObject({
      path: field(text, "Path below the run's folder."),
      link: field(text, 'Target of a symbolic link, as it is written.'),
    }),
  ])
  return schemaOf<RunRecord>()(
    z.looseObject({
      schema: field(
        z.literal(RUN_SCHEMA),
        'The version of the record. A record of another meaning has another one.',
      ),
      id: field(runId, 'Name of the run and of its folder.'),
      name: field(text, 'Name of the experiment; runs may share it.'),
      runName: field(
        z.exactOptional(text),
        'Name of the run beside its experiment; absent where it was given none.',
      ),
      status: field(
        z.enum(['running', 'finished', 'failed', 'killed', 'lost']),
        '`running`: not ended, or its process is gone without having ended it; readers then show `lost`.',
      ),
      startedAt: field(z.iso.datetime(), 'ISO 8601 in UTC.'),
      finishedAt: field(z.nullable(z.iso.datetime()), 'ISO 8601 in UTC; null while the run is running.'),
      durationMs: field(z.nullable(z.number()), 'Milliseconds, measured by a clock that is never set back.'),
      lineaprint: field(text, 'Version of lineaprint that wrote the record.'),
      parent: field(z.nullable(text), 'Id of the run whose command made this one.'),
      continues: field(
        z.exactOptional(text),
        'Id of the run that this one continues, as after a checkpoint. Absent for other runs.',
      ),
      launch: field(
        z.exactOptional(launchSchema()),
        'The launch of a job whose ranks are wrapped one by one. Absent for other runs.',
      ),
      process: field(process, 'The process that writes the run.'),
      command: field(command, 'The command that was wrapped, or the program that used the tracker.'),
      tags: field(z.array(text), 'Labels of the run, each once.'),
      notes: field(text, 'Free text; empty if there is none.'),
      metadata: field(
        jsonObject,
        'What programs added, as JSON. NaN and the infinities stand as `{"__float__":"NaN"}`.',
      ),
      configuration: field(
        jsonObject,
        'The options of the run with every default filled in, without functions.',
      ),
      captures: field(
        named(captureSchema()),
        'What each capture found: environment, git, seeds and those of the user.',
      ),
      datasets: field(
        named(trackedSchema()),
        'By name; digests are in written form. The files of a folder are in `filesFile`.',
      ),
      models: field(
        named(trackedSchema()),
        'By name; the digest of every tensor is in the file `tensorsFile`.',
      ),
      tokenizers: field(named(trackedSchema()), 'By name.'),
      outputs: field(
        named(trackedSchema()),
        'Files and folders that the run made, by name; with both lists.',
      ),
      derivations: field(
        z.exactOptional(z.array(derivationSchema())),
        'Steps that were declared: what was made from what. Absent if there are none.',
      ),
      metrics: field(
        named(schemaOf<RunRecord['metrics'][string]>()(metric)),
        'Each metric of each process in short; every value stands in the journal, events.jsonl.',
      ),
      digests: field(
        z.exactOptional(named(schemaOf<NonNullable<RunRecord['digests']>[string]>()(digest))),
        'Each logged digest in short; every one stands in the journal. Absent in older records.',
      ),
      metricFiles: field(
        z.exactOptional(z.array(metricFileSchema())),
        'The files in which the program wrote metrics. Absent if there are none.',
      ),
      parameters: field(
        z.exactOptional(named(parameterSchema())),
        'Parameters that programs reported to libraries, by name. Absent if there are none.',
      ),
      processes: field(
        z.exactOptional(z.array(processSchema())),
        'The processes that reported values, datasets, models or metadata. Absent in older records.',
      ),
      failure: field(z.nullable(failureSchema()), 'Why the run failed.'),
      flags: field(
        z.exactOptional(z.array(flagSchema())),
        'What a reader should know before relying on the record. Absent in older records.',
      ),
      warnings: field(z.array(text), 'Plain sentences about what is not as it should be.'),
      files: field(
        z.array(file),
        "Every other file of the run's folder, which the seal covers so; empty while it runs.",
      ),
      seal: field(
        z.nullable(text),
        '`run.v1.blake3:…` of the record without this field; null while it runs.',
      ),
    }),
  )
})
