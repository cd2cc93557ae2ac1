/** Checks records and events that were read from disk: they may be damaged, or come from a stranger. */
import { z } from 'zod'
import { RUN_SCHEMA, TRACKED_SECTIONS } from './record.ts'

const text = z.string()
/** An object of JSON values. What was parsed from JSON holds nothing else, so its depths need no look. */
const values = z.custom(
  (input) => typeof input === 'object' && input !== null && !Array.isArray(input),
  'an object',
)
const count = z.int().min(0)
/** `__proto__` is refused as a name: the schema would pass over it without a look. */
const names = (value: z.ZodType): z.ZodType =>
  z
    .custom(
      (input) => typeof input !== 'object' || input === null || !Object.hasOwn(input, '__proto__'),
      'forbidden name',
    )
    .pipe(z.record(z.string(), value))

const number = z.union([z.number(), z.strictObject({ __float__: z.enum(['NaN', 'Infinity', '-Infinity']) })])
const failed = z.looseObject({ status: z.literal('failed'), reason: text })
const off = z.looseObject({ status: z.literal('off') })
const tracked = z.discriminatedUnion('status', [
  z.looseObject({ status: z.literal('tracked'), warnings: z.array(text).optional() }),
  failed,
  off,
])
const capture = z.discriminatedUnion('status', [
  z.looseObject({
    status: z.literal('captured'),
    digest: text,
    value: values,
    warnings: z.array(text),
  }),
  failed,
  off,
])
const stream = z.discriminatedUnion('status', [
  z.looseObject({ status: z.literal('captured'), file: text, bytes: count, keptBytes: count }),
  z.looseObject({ status: z.literal('not-captured'), reason: text }),
])
const failure = z.looseObject({ message: text, code: text.optional() })
/** A later version may know other kinds. */
const flag = z.looseObject({ kind: text, message: text })

/**
 * Checks a record. It is used for its answer alone, never for what it returns: the record as it was read is
 * what is sealed. Fields that a later version adds are let through.
 */
export const runRecordSchema: z.ZodType = z.looseObject({
  schema: z.literal(RUN_SCHEMA),
  id: text,
  name: text,
  status: z.enum(['running', 'finished', 'failed', 'killed', 'lost']),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
  durationMs: z.number().nullable(),
  lineaprint: text,
  parent: text.nullable(),
  process: z.looseObject({
    pid: z.int(),
    startTime: z.number().nullable(),
    host: text,
    bootId: text.nullable(),
    pidNamespace: text.nullable(),
  }),
  command: z.looseObject({
    argv: z.array(text),
    workingDirectory: text,
    wrapped: z.boolean(),
    exitCode: z.int().nullable(),
    signal: text.nullable(),
    stdout: stream.optional(),
    stderr: stream.optional(),
  }),
  tags: z.array(text),
  notes: text,
  metadata: values,
  configuration: values,
  captures: names(capture),
  datasets: names(tracked),
  models: names(tracked),
  tokenizers: names(tracked),
  outputs: names(tracked),
  metrics: names(
    z.looseObject({
      count,
      nanCount: count,
      first: number,
      last: number,
      min: number.nullable(),
      max: number.nullable(),
      lastStep: z.number().nullable(),
    }),
  ),
  digests: names(
    z.looseObject({ count, first: text, last: text, lastStep: z.number().nullable() }),
  ).optional(),
  failure: failure.nullable(),
  flags: z.array(flag).optional(),
  warnings: z.array(text),
  files: z.array(
    z.union([
      z.looseObject({ path: text, size: count, blake3: text, sha256: text }),
      z.looseObject({ path: text, link: text }),
    ]),
  ),
  seal: text.nullable(),
})

const head = { seq: z.int().min(1), time: text }

/** Checks a line of the journal, in the same way. */
export const eventSchema: z.ZodType = z.discriminatedUnion('type', [
  z.looseObject({
    ...head,
    type: z.literal('metric'),
    name: text,
    value: number,
    step: z.number().optional(),
  }),
  z.looseObject({
    ...head,
    type: z.literal('digest'),
    name: text,
    digest: text,
    step: z.number().optional(),
  }),
  z.looseObject({ ...head, type: z.literal('started'), id: text, name: text }),
  z.looseObject({ ...head, type: z.literal('capture'), component: text, result: capture }),
  z.looseObject({
    ...head,
    type: z.literal('tracked'),
    section: z.enum(TRACKED_SECTIONS),
    name: text,
    entry: tracked,
  }),
  z.looseObject({ ...head, type: z.literal('metadata'), values }),
  z.looseObject({ ...head, type: z.literal('tags'), tags: z.array(text) }),
  z.looseObject({ ...head, type: z.literal('notes'), notes: text }),
  z.looseObject({ ...head, type: z.literal('warning'), message: text }),
  z.looseObject({ ...head, type: z.literal('flag'), flag }),
  z.looseObject({ ...head, type: z.literal('failure'), failure }),
  z.looseObject({
    ...head,
    type: z.literal('command'),
    exitCode: z.int().nullable(),
    signal: text.nullable(),
    stdout: stream,
    stderr: stream,
  }),
  z.looseObject({ ...head, type: z.literal('ended'), status: z.enum(['finished', 'failed', 'killed']) }),
])
