/**
 * Schemas of the answers, from which the OpenAPI document is made; the compiler holds them against the types. A number that
 * JSON does not have is written as in a record, such as `{"__float__": "NaN"}`.
 */
import { z } from 'zod/mini'
import { runRecordSchema } from '../../record/record-schema.ts'
import { lazily } from '../../util/schema.ts'
import type { JsonValue } from '../../core/json-value.ts'
import type { RecordedNumber } from '../../json/special-floats.ts'
import type {
  DiffBody,
  DownloadBody,
  GroupsBody,
  ErrorBody,
  LiveEvent,
  LogBody,
  MetricsHead,
  PatchBody,
  RunBody,
  RunListBody,
  SessionBody,
  StoreBody,
  VerifyEvent,
} from './types.ts'

const text = z.string()
const number = z.number()
const recordedNumber: z.ZodMiniType<RecordedNumber> = z.union([
  z.number(),
  z.strictObject({ __float__: z.enum(['NaN', 'Infinity', '-Infinity']) }),
])
const json: z.ZodMiniType<JsonValue> = z.json()
const status = z.enum(['running', 'finished', 'failed', 'killed', 'lost'])

const failure = z.strictObject({
  code: text,
  what: text,
  where: z.nullable(text),
  expected: z.nullable(text),
  received: z.nullable(text),
  do: z.nullable(text),
})

/** Describe a failure. */
export const errorSchema: () => z.ZodMiniType<ErrorBody> = lazily(() => z.strictObject({ error: failure }))

/** Describe the key of a session. */
export const sessionSchema: () => z.ZodMiniType<SessionBody> = lazily(() => z.strictObject({ key: text }))

/** Describe the store. */
export const storeSchema: () => z.ZodMiniType<StoreBody> = lazily(() =>
  z.strictObject({ root: text, directory: text, lineaprint: text, canVerify: z.boolean() }),
)

/** Describe a part of a list of runs. */
export const runListSchema: () => z.ZodMiniType<RunListBody> = lazily(() =>
  z.strictObject({
    list: text,
    offset: number,
    matched: number,
    total: number,
    columns: z.array(text),
    runs: z.array(
      z.strictObject({
        id: text,
        name: text,
        runName: z.nullable(text),
        status,
        startedAt: text,
        finishedAt: z.nullable(text),
        durationMs: z.nullable(number),
        tags: z.array(text),
        parent: z.nullable(text),
        values: z.record(text, json),
      }),
    ),
    damaged: z.array(z.strictObject({ id: text, folder: text, message: text })),
    names: z.strictObject({ parameters: z.array(text), metrics: z.array(text) }),
  }),
)

/** Describe runs in groups. */
export const groupsSchema: () => z.ZodMiniType<GroupsBody> = lazily(() =>
  z.strictObject({
    groups: z.array(
      z.strictObject({
        value: json,
        runs: number,
        measured: number,
        least: z.nullable(number),
        mean: z.nullable(number),
        greatest: z.nullable(number),
      }),
    ),
    count: number,
  }),
)

/** Describe one run. */
export const runSchema: () => z.ZodMiniType<RunBody> = lazily(() =>
  z.strictObject({
    id: text,
    folder: text,
    status,
    seal: z.enum(['holds', 'broken', 'none']),
    unlisted: z.strictObject({ count: number, paths: z.array(text) }),
    record: runRecordSchema(),
    logs: z.array(
      z.strictObject({
        name: text,
        title: text,
        bytes: z.nullable(number),
        keptBytes: z.nullable(number),
      }),
    ),
    labels: z.strictObject({
      runName: z.nullable(text),
      tags: z.array(text),
      notes: z.array(z.strictObject({ note: text, time: text, author: text })),
      isArchived: z.boolean(),
    }),
    problems: z.array(text),
  }),
)

/** Describe the uncommitted changes of a run. */
export const patchSchema: () => z.ZodMiniType<PatchBody> = lazily(() =>
  z.strictObject({
    text: z.nullable(text),
    bytes: number,
    truncated: z.boolean(),
    reasons: z.array(text),
  }),
)

/** Describe a part of a log. */
export const logSchema: () => z.ZodMiniType<LogBody> = lazily(() =>
  z.strictObject({ text, open: text, from: number, to: number, size: number }),
)

/** Describe a download. */
export const downloadSchema: () => z.ZodMiniType<DownloadBody> = lazily(() =>
  z.strictObject({ download: text, name: text, size: number }),
)

/** Describe two runs compared. */
export const diffSchema: () => z.ZodMiniType<DiffBody> = lazily(() => {
  const side = z.strictObject({
    id: text,
    name: text,
    runName: z.optional(text),
    status,
    startedAt: text,
    folder: text,
  })
  const metricSide = z.nullable(
    z.strictObject({
      count: number,
      nanCount: number,
      last: recordedNumber,
      min: z.nullable(recordedNumber),
      max: z.nullable(recordedNumber),
    }),
  )
  const difference = z.strictObject({
    cause: text,
    field: text,
    before: z.optional(text),
    after: z.optional(text),
    detail: z.optional(text),
  })
  const notCompared = z.strictObject({ field: text, reason: text })
  const divergence = z.nullable(z.looseObject({ step: z.nullable(number), index: number }))
  return z.strictObject({
    kind: z.literal('run'),
    same: z.boolean(),
    before: side,
    after: side,
    firstCause: z.nullable(text),
    differences: z.array(difference),
    ignored: z.array(difference),
    leftOut: z.array(notCompared),
    notCompared: z.array(notCompared),
    unexplained: z.array(text),
    metrics: z.array(
      z.strictObject({
        name: text,
        same: z.boolean(),
        before: metricSide,
        after: metricSide,
        divergence,
        onlyBefore: number,
        onlyAfter: number,
      }),
    ),
    digests: z.array(z.looseObject({ name: text, same: z.boolean(), divergence })),
    firstDivergence: z.nullable(
      z.strictObject({ step: number, digests: z.array(text), metrics: z.array(text) }),
    ),
    warnings: z.array(text),
  })
})

/** Describe one line of the stream of a verification. */
export const verifyEventSchema: () => z.ZodMiniType<VerifyEvent> = lazily(() => {
  const difference = z.looseObject({
    field: text,
    before: z.nullish(text),
    after: z.nullish(text),
    counts: z.boolean(),
  })
  const item = z.looseObject({
    section: text,
    name: text,
    status: z.enum(['same', 'changed', 'missing', 'not-checked']),
    detail: text,
    counts: z.boolean(),
    differences: z.array(difference),
  })
  return z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('item'), item }),
    z.strictObject({ type: z.literal('progress'), bytesDone: number, bytesTotal: number }),
    z.strictObject({ type: z.literal('end'), same: z.boolean(), level: text }),
    z.strictObject({ type: z.literal('error'), error: failure }),
  ])
})

/** Describe one event of a running run. */
export const liveEventSchema: () => z.ZodMiniType<LiveEvent> = lazily(() =>
  z.strictObject({ version: number, status }),
)

/** Describe the head of an answer with metrics. */
export const metricsHeadSchema: () => z.ZodMiniType<MetricsHead> = lazily(() =>
  z.strictObject({
    series: z.array(
      z.strictObject({
        run: text,
        name: text,
        count: number,
        inRange: number,
        points: number,
        isReduced: z.boolean(),
        axis: z.enum(['step', 'time', 'epoch', 'index']),
        notFinite: number,
        from: z.nullable(number),
        to: z.nullable(number),
      }),
    ),
    warnings: z.array(text),
  }),
)
