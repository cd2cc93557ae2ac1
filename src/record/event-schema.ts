/** The schema of a line of `events.jsonl`: type and meaning of each event. */
import { z } from 'zod/mini'
import { lazily } from '../util/schema.ts'
import { TRACKED_SECTIONS } from './record.ts'
import { field, schemaOf } from './schema-field.ts'
import {
  captureSchema,
  derivationFields,
  failureSchema,
  flagSchema,
  jsonObject,
  jsonValue,
  metricFileSchema,
  processSchema,
  rankSchema,
  recordedNumber,
  runId,
  streamSchema,
  text,
  trackedSchema,
} from './schema-parts.ts'
import type { JournalEvent } from './events.ts'

/**
 * Schema of a line of the journal. Only the result of the check is used. Fields that a later version adds are
 * accepted.
 */
export const eventSchema: () => z.ZodMiniType<JournalEvent> = lazily(() => {
  const head = {
    seq: field(z.int().check(z.minimum(1)), '1, 2, 3, … without gaps.'),
    time: field(text, 'ISO 8601 in UTC.'),
  }
  const step = field(z.exactOptional(z.number()), 'Any number that orders the values: a step, an epoch.')
  const process = field(
    z.exactOptional(z.int().check(z.minimum(1))),
    'Number of the process; absent for the process that writes the run.',
  )
  return schemaOf<JournalEvent>()(
    z.discriminatedUnion('type', [
      field(
        z.looseObject({
          ...head,
          type: z.literal('metric'),
          name: field(text, 'Name of the metric.'),
          value: field(recordedNumber, 'The value; NaN stands as `{"__float__":"NaN"}`.'),
          step,
          process,
          source: field(
            z.exactOptional(text),
            'The library to which the program reported it, and from the second of its instances on a number, or the file of `--metrics` that has it; absent for a value that was logged with lineaprint.',
          ),
        }),
        'One value of a metric.',
      ),
      field(
        z.looseObject({
          ...head,
          type: z.literal('parameter'),
          name: field(text, 'Name of the parameter; those in groups have dots.'),
          value: field(jsonValue, 'The value as JSON.'),
          source: field(text, 'As of a metric.'),
          process,
        }),
        'A parameter that a program reported; it replaces an earlier one of that name, source and process.',
      ),
      field(
        z.looseObject({
          ...head,
          type: z.literal('merged'),
          name: field(text, 'Name of the metric.'),
          source: field(z.exactOptional(text), 'The source of its events.'),
          process,
          with: field(z.array(text), 'The other sources; `lineaprint` for the program itself.'),
        }),
        'Further sources reported values of a metric, all of them equal to those of its events.',
      ),
      field(
        z.looseObject({
          ...head,
          type: z.literal('digest'),
          name: field(text, 'Name of what was digested.'),
          digest: field(text, 'In written form.'),
          step,
          process,
        }),
        'The state of something at one moment.',
      ),
      field(
        z.looseObject({
          ...head,
          type: z.literal('started'),
          id: field(runId, 'Id of the run.'),
          name: field(text, 'Name of the experiment.'),
        }),
        'The first event.',
      ),
      field(
        z.looseObject({
          ...head,
          type: z.literal('capture'),
          component: field(text, 'Name of the capture.'),
          result: field(captureSchema(), 'As in `captures` of the record.'),
        }),
        'A capture has ended; it replaces an earlier one of that name.',
      ),
      field(
        z.looseObject({
          ...head,
          type: z.literal('tracked'),
          section: field(z.enum(TRACKED_SECTIONS), 'The section of the record.'),
          name: field(text, 'Its name there.'),
          entry: field(trackedSchema(), 'As in that section of the record.'),
          process,
        }),
        'A dataset, model, tokenizer or output was digested; it replaces an earlier one of that name and position.',
      ),
      field(
        z.looseObject({ ...head, type: z.literal('derivation'), ...derivationFields() }),
        'A step was declared, as in `derivations` of the record.',
      ),
      field(
        z.looseObject({
          ...head,
          type: z.literal('process'),
          process: field(processSchema(), 'As in `processes` of the record.'),
        }),
        'A process that reports; it replaces an earlier one of that number.',
      ),
      field(
        z.looseObject({
          ...head,
          type: z.literal('rank'),
          rank: field(rankSchema(), 'As in `launch` of the record.'),
        }),
        'A rank with a wrapper of its own joined the run, or ended; it replaces an earlier one of that number.',
      ),
      field(
        z.looseObject({
          ...head,
          type: z.literal('metric-file'),
          file: field(metricFileSchema(), 'As in `metricFiles` of the record.'),
        }),
        'A file with metrics was read to its end; it replaces an earlier one of that path.',
      ),
      field(
        z.looseObject({
          ...head,
          type: z.literal('metadata'),
          values: field(jsonObject, 'Entries; one of a key that exists replaces it.'),
          process,
        }),
        'Metadata was added.',
      ),
      field(
        z.looseObject({
          ...head,
          type: z.literal('tags'),
          tags: field(z.array(text), 'Those that are new, or exist already.'),
        }),
        'Tags were added.',
      ),
      field(
        z.looseObject({ ...head, type: z.literal('notes'), notes: field(text, 'The whole text.') }),
        'The notes were replaced.',
      ),
      field(
        z.looseObject({ ...head, type: z.literal('warning'), message: field(text, 'A plain sentence.') }),
        'Something is not as it should be.',
      ),
      field(
        z.looseObject({
          ...head,
          type: z.literal('flag'),
          flag: field(flagSchema(), 'As in `flags` of the record.'),
        }),
        'Something that a reader should know before relying on the record.',
      ),
      field(
        z.looseObject({
          ...head,
          type: z.literal('failure'),
          failure: field(failureSchema(), 'As in the record.'),
        }),
        'The run failed; the last of these counts.',
      ),
      field(
        z.looseObject({
          ...head,
          type: z.literal('command'),
          exitCode: field(z.nullable(z.int()), 'Null if a signal ended it.'),
          signal: field(z.nullable(text), 'The signal that ended it.'),
          durationMs: z.optional(field(z.number(), 'As in `command` of the record.')),
          stdout: field(streamSchema(), 'As in `command` of the record.'),
          stderr: field(streamSchema(), 'As in `command` of the record.'),
        }),
        'The wrapped command has ended.',
      ),
      field(
        z.looseObject({
          ...head,
          type: z.literal('ended'),
          status: field(z.enum(['finished', 'failed', 'killed']), 'How the run ended.'),
        }),
        'The last event.',
      ),
    ]),
  )
})
