/** A schema of a record is held against the type that is written out for it, in both directions. */
import { expect, test } from 'vitest'
import { z } from 'zod/mini'
import { DESCRIPTIONS, field, schemaOf } from '../../src/record/schema-field.ts'

interface Written {
  readonly name: string
  readonly step?: number
  readonly inner: { readonly kind: 'a' | 'b' } | null
  readonly list: readonly { readonly path: string }[]
}

const FIELDS = {
  name: z.string(),
  step: z.exactOptional(z.number()),
  inner: z.nullable(z.looseObject({ kind: z.enum(['a', 'b']) })),
  list: z.array(z.looseObject({ path: z.string() })),
}

test('the same fields compile, whatever a later version adds', () => {
  const written = { name: 'n', inner: { kind: 'a', later: 1 }, list: [{ path: 'p' }], later: true }
  const schema = schemaOf<Written>()(z.looseObject(FIELDS))
  expect(schema.safeParse(written)).toMatchObject({ success: true })
})

test('any difference does not compile', () => {
  const { step, ...withoutStep } = FIELDS
  const differing = [
    // @ts-expect-error A field that the schema lacks, though it is optional.
    schemaOf<Written>()(z.looseObject(withoutStep)),
    // @ts-expect-error A field that the type lacks, though it is optional.
    schemaOf<Omit<Written, 'step'>>()(z.looseObject(FIELDS)),
    // @ts-expect-error Optional in one of both.
    schemaOf<Written>()(z.looseObject({ ...FIELDS, step: z.number() })),
    // @ts-expect-error Optional in the other.
    schemaOf<Written & { step: number }>()(z.looseObject({ ...FIELDS, step })),
    // @ts-expect-error Null in one of both.
    schemaOf<Written>()(z.looseObject({ ...FIELDS, name: z.nullable(z.string()) })),
    // @ts-expect-error A value more, in an inner object.
    schemaOf<Written>()(z.looseObject({ ...FIELDS, inner: z.nullable(z.looseObject({ kind: z.string() })) })),
    // @ts-expect-error A field less, in a list.
    schemaOf<Written>()(z.looseObject({ ...FIELDS, list: z.array(z.looseObject({})) })),
  ]
  expect(differing.every((schema) => schema instanceof z.ZodMiniType)).toBe(true)
})

test('a description is of one field, not of all that have the same schema', () => {
  const text = z.string()
  const [first, second] = [field(text, 'the first'), field(text, 'the second')]
  expect([first, second, text].map((schema) => DESCRIPTIONS.get(schema)?.description)).toEqual([
    'the first',
    'the second',
    undefined,
  ])
  expect([first.safeParse(1).success, first.safeParse('1').success]).toEqual([false, true])
})
