/** Schemas of the answers about models, datasets and lineage. */
import { z } from 'zod/mini'
import { lazily } from '../../util/schema.ts'
import type { JsonObject, JsonValue } from '../../core/json-value.ts'
import type { ContentBody, ContentListBody, LineageBody } from './contents.ts'

const text = z.string()
const number = z.number()
const json: z.ZodMiniType<JsonValue> = z.json()
const object: z.ZodMiniType<JsonObject> = z.record(text, json)
const status = z.enum(['running', 'finished', 'failed', 'killed', 'lost'])

/** Describe a part of a list of models or datasets. */
export const contentListSchema: () => z.ZodMiniType<ContentListBody> = lazily(() =>
  z.strictObject({
    offset: number,
    matched: number,
    total: number,
    contents: z.array(
      z.strictObject({
        digest: text,
        names: z.array(text),
        nameCount: number,
        made: number,
        used: number,
        firstAt: text,
        lastAt: text,
        lastRun: text,
      }),
    ),
  }),
)

/** Describe a model or dataset. */
export const contentSchema: () => z.ZodMiniType<ContentBody> = lazily(() => {
  const runs = z.strictObject({
    count: number,
    runs: z.array(
      z.strictObject({ run: text, name: text, runName: z.nullable(text), status, startedAt: text, as: text }),
    ),
  })
  const related = z.strictObject({
    digest: text,
    name: text,
    relation: z.enum(['input', 'earlier', 'chosen', 'equal']),
  })
  const changes = { same: number, changed: number, added: number, removed: number }
  const table = z.strictObject({
    split: z.nullable(text),
    digest: text,
    rows: number,
    columnCount: number,
    columns: z.array(z.strictObject({ name: text, type: text, statistics: z.nullable(object) })),
  })
  return z.strictObject({
    digest: text,
    kind: z.enum(['models', 'datasets']),
    made: runs,
    used: runs,
    recorded: z.nullable(
      z.strictObject({
        run: text,
        section: text,
        name: text,
        facts: object,
        digests: z.array(text),
        warnings: z.array(text),
        labels: z.nullable(z.array(z.strictObject({ label: text, files: number }))),
        splits: z.nullable(
          z.array(z.strictObject({ name: text, digest: z.nullable(text), rows: z.nullable(number) })),
        ),
        tables: z.array(table),
      }),
    ),
    tensors: z.nullable(
      z.strictObject({
        count: number,
        tensors: z.array(
          z.strictObject({
            name: text,
            dtype: text,
            shape: z.array(number),
            digest: text,
            health: z.nullable(object),
            change: z.nullable(z.enum(['same', 'changed', 'added'])),
          }),
        ),
        reason: z.nullable(text),
        against: z.nullable(related),
        changes: z.nullable(z.strictObject(changes)),
        layers: z.array(z.strictObject({ layer: text, ...changes })),
      }),
    ),
    related: z.array(related),
    notes: z.array(text),
  })
})

/** Describe a part of a lineage. */
export const lineageSchema: () => z.ZodMiniType<LineageBody> = lazily(() => {
  const item = z.strictObject({
    kind: z.literal('item'),
    id: text,
    run: text,
    section: z.nullable(z.enum(['datasets', 'models', 'tokenizers', 'outputs'])),
    name: text,
    role: z.enum(['input', 'output']),
    digest: z.nullable(text),
    bytes: z.nullable(number),
    unlinked: z.nullable(text),
  })
  const run = z.strictObject({
    kind: z.literal('run'),
    id: text,
    run: text,
    name: text,
    runName: z.nullable(text),
    status,
    startedAt: text,
  })
  return z.strictObject({
    reference: text,
    start: z.array(text),
    nodes: z.array(z.discriminatedUnion('kind', [run, item])),
    edges: z.array(
      z.strictObject({
        from: text,
        to: text,
        evidence: z.enum(['recorded', 'inferred', 'declared']),
        step: z.exactOptional(text),
        digest: z.exactOptional(text),
        alternativeCount: z.exactOptional(number),
      }),
    ),
    notes: z.array(text),
    isCut: z.boolean(),
  })
})
