/**
 * How the schemas of `run.json` and `events.jsonl` are written: a field stands with its description, and a schema is
 * held against the type that is written out for it. `scripts/run-schema.mjs` makes the JSON Schema and the tables of
 * `docs/format.md` from both.
 */
import { z } from 'zod/mini'

/** What each field means. */
export const DESCRIPTIONS: z.core.$ZodRegistry<{ readonly description: string }> = z.registry()

/** Return the schema with a description. It is a copy: the same schema can stand in several fields. */
export function field<S extends z.ZodMiniType>(schema: S, description: string): S {
  const described = schema.clone()
  DESCRIPTIONS.add(described, { description })
  return described
}

/**
 * Return the schema as one of the type. It compiles only where both have the same fields, optional in the same way, of
 * the same types, at every depth. Index signatures of objects that have named fields do not count: they stand for what a
 * later version adds.
 */
export function schemaOf<T>(): <S extends z.ZodMiniType>(
  schema: S & (Same<Fields<z.output<S>>, Fields<T>> extends true ? unknown : never),
) => z.ZodMiniType<T> {
  return (schema) => schema as unknown as z.ZodMiniType<T>
}

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false

/** A type with every field as `{ isOptional, value }`, so that a missing field is seen from both sides. */
type Fields<T> = T extends string | number | boolean | null
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Fields<Item>[]
    : T extends object
      ? HasNames<T> extends true
        ? {
            [K in keyof T as Name<K>]-?: {
              isOptional: IsOptional<T, K>
              value: Fields<Exclude<T[K], undefined>>
            }
          }
        : { [K in keyof T]: Fields<T[K]> }
      : T

type Name<K> = string extends K ? never : number extends K ? never : K
type HasNames<T> = [keyof { [K in keyof T as Name<K>]: true }] extends [never] ? false : true
type IsOptional<T, K extends keyof T> = Partial<Pick<T, K>> extends Pick<T, K> ? true : false
