/**
 * Building blocks of the schemas of `run.json` and `events.jsonl`: each field has a description, and the
 * compiler checks each schema against the type that is written out for it. `scripts/run-schema.mjs` generates
 * the JSON Schema and the tables of `docs/format.md` from both.
 */
import { z } from 'zod/mini'

/** The description of each field. */
export const DESCRIPTIONS: z.core.$ZodRegistry<{ readonly description: string }> = z.registry()

/**
 * Return a copy of the schema with a description. A copy is needed because several fields can use the same
 * schema.
 */
export function field<S extends z.ZodMiniType>(schema: S, description: string): S {
  const described = schema.clone()
  DESCRIPTIONS.add(described, { description })
  return described
}

/**
 * Return the schema with the given type. It compiles only if both have the same fields, with the same
 * optionality and types, at every depth. Index signatures of objects with named fields are ignored: they
 * represent fields that a later version adds.
 */
export function schemaOf<T>(): <S extends z.ZodMiniType>(
  schema: S & (Same<Fields<z.output<S>>, Fields<T>> extends true ? unknown : never),
) => z.ZodMiniType<T> {
  return (schema) => schema as unknown as z.ZodMiniType<T>
}

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false

/**
 * A type with every field as `{ isOptional, value }`, so that a missing field is detected in both directions.
 */
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
