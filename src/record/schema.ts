/** Checks records and events that were read from disk: they may be damaged, or come from a stranger. */
import { z } from 'zod/mini'
import { lazily } from '../util/schema.ts'
import { RUN_SCHEMA, TRACKED_SECTIONS } from './record.ts'

const text = z.string()
/** An object of JSON values. What was parsed from JSON holds nothing else, so its depths need no look. */
const values = z.custom(
  (input) => typeof input === 'object' && input !== null && !Array.isArray(input),
  'an object',
)
const count = z.int().check(z.minimum(0))
/** `__proto__` is refused as a name: the schema would pass over it without a look. */
const names = (value: z.ZodMiniType): z.ZodMiniType =>
  z.pipe(
    z.custom(
      (input) => typeof input !== 'object' || input === null || !Object.hasOwn(input, '__proto__'),
      'forbidden name',
    ),
    z.record(z.string(), value),
  )

const number = z.union([z.number(), z.strictObject({ __float__: z.enum(['NaN', 'Infinity', '-Infinity']) })])
const failed = z.looseObject({ status: z.literal('failed'), reason: text })
const off = z.looseObject({ status: z.literal('off') })
const tracked = z.discriminatedUnion('status', [
  z.looseObject({ status: z.literal('tracked'), warnings: z.optional(z.array(text)) }),
  failed,
  off,
])
/** Checks the result of a capture. It is used for its answer alone. */
export const captureSchema: z.ZodMiniType = z.discriminatedUnion('status', [
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
const failure = z.looseObject({ message: text, code: z.optional(text) })
/** A later version may know other kinds. */
const flag = z.looseObject({ kind: text, message: text })

/**
 * Checks a record. It is used for its answer alone, never for what it returns: the record as it was read is
 * what is sealed. Fields that a later version adds are let through.
 */
export const runRecordSchema: () => z.ZodMiniType = lazily(() =>
  z.looseObject({
    schema: z.literal(RUN_SCHEMA),
    id: text,
    name: text,
    status: z.enum(['running', 'finished', 'failed', 'killed', 'lost']),
    startedAt: z.iso.datetime(),
    finishedAt: z.nullable(z.iso.datetime()),
    durationMs: z.nullable(z.number()),
    lineaprint: text,
    parent: z.nullable(text),
    process: z.looseObject({
      pid: z.int(),
      startTime: z.nullable(z.number()),
      host: text,
      bootId: z.nullable(text),
      pidNamespace: z.nullable(text),
    }),
    command: z.looseObject({
      argv: z.array(text),
      workingDirectory: text,
      wrapped: z.boolean(),
      exitCode: z.nullable(z.int()),
      signal: z.nullable(text),
      stdout: z.optional(stream),
      stderr: z.optional(stream),
    }),
    tags: z.array(text),
    notes: text,
    metadata: values,
    configuration: values,
    captures: names(captureSchema),
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
        min: z.nullable(number),
        max: z.nullable(number),
        lastStep: z.nullable(z.number()),
      }),
    ),
    digests: z.optional(
      names(z.looseObject({ count, first: text, last: text, lastStep: z.nullable(z.number()) })),
    ),
    failure: z.nullable(failure),
    flags: z.optional(z.array(flag)),
    warnings: z.array(text),
    files: z.array(
      z.union([
        z.looseObject({ path: text, size: count, blake3: text, sha256: text }),
        z.looseObject({ path: text, link: text }),
      ]),
    ),
    seal: z.nullable(text),
  }),
)

const head = { seq: z.int().check(z.minimum(1)), time: text }

/** Checks a line of the journal, in the same way. */
export const eventSchema: () => z.ZodMiniType = lazily(() =>
  z.discriminatedUnion('type', [
    z.looseObject({
      ...head,
      type: z.literal('metric'),
      name: text,
      value: number,
      step: z.optional(z.number()),
    }),
    z.looseObject({
      ...head,
      type: z.literal('digest'),
      name: text,
      digest: text,
      step: z.optional(z.number()),
    }),
    z.looseObject({ ...head, type: z.literal('started'), id: text, name: text }),
    z.looseObject({ ...head, type: z.literal('capture'), component: text, result: captureSchema }),
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
      exitCode: z.nullable(z.int()),
      signal: z.nullable(text),
      stdout: stream,
      stderr: stream,
    }),
    z.looseObject({ ...head, type: z.literal('ended'), status: z.enum(['finished', 'failed', 'killed']) }),
  ]),
)
