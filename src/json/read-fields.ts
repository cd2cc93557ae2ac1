/**
 * Parsers of recorded JSON: each takes a value and the name of its field, and gives it with its type. They are written
 * by hand and are no schemas, because a schema takes time to load at the start of every run.
 *
 * Members that a parser does not know are left out: a later version may record more.
 */
import { LineaprintError } from '../core/errors.ts'
import type { JsonObject, JsonValue } from '../core/json-value.ts'

/** Parses the value of a field, `undefined` where the record does not have the field. */
export type FieldParser<T> = (value: JsonValue | undefined, field: string) => T

/** The parsers of the members of an object. */
type MemberParsers = Readonly<Record<string, FieldParser<unknown>>>

type ParsedBy<P> = P extends FieldParser<infer T> ? T : never

/** Names of the members that a record need not have. */
type OptionalNames<M extends MemberParsers> = {
  [K in keyof M]: undefined extends ParsedBy<M[K]> ? K : never
}[keyof M]

/** The object that parsers of its members give; a member that the record lacks is left out. */
type ParsedObject<M extends MemberParsers> = {
  readonly [K in Exclude<keyof M, OptionalNames<M>>]: ParsedBy<M[K]>
} & { readonly [K in OptionalNames<M>]?: Exclude<ParsedBy<M[K]>, undefined> }

/** Return the error for a record that does not have the form it was written in. */
export function damagedField(field: string, expected: string, received: unknown): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_RECORD', `the recorded field ${field} is damaged`, {
    field,
    expected,
    received: received === undefined ? 'nothing' : JSON.stringify(received)?.slice(0, 80),
  })
}

/** Parse text. */
export const text: FieldParser<string> = (value, field) => {
  if (typeof value === 'string') return value
  throw damagedField(field, 'text', value)
}

/** Parse a number. */
export const number: FieldParser<number> = (value, field) => {
  if (typeof value === 'number') return value
  throw damagedField(field, 'a number', value)
}

/** Parse `true` or `false`. */
export const boolean: FieldParser<boolean> = (value, field) => {
  if (typeof value === 'boolean') return value
  throw damagedField(field, 'true or false', value)
}

/** Parse an object whose members nobody reads one by one. */
export const anyObject: FieldParser<JsonObject> = (value, field) => {
  if (isJsonObject(value)) return value
  throw damagedField(field, 'an object', value)
}

/** Return a parser of one of a few texts. */
export function oneOf<const T extends string | number>(choices: readonly T[]): FieldParser<T> {
  return (value, field) => {
    const found = choices.find((choice) => choice === value)
    if (found !== undefined) return found
    throw damagedField(field, choices.map((choice) => JSON.stringify(choice)).join(' or '), value)
  }
}

/** Return a parser that also takes `null`. A field that the record lacks is `null` as well: it is not known. */
export function nullable<T>(parse: FieldParser<T>): FieldParser<T | null> {
  return (value, field) => (value === undefined || value === null ? null : parse(value, field))
}

/** Return a parser of a field that a record need not have, because older versions did not record it. */
export function optional<T>(parse: FieldParser<T>): FieldParser<T | undefined> {
  return (value, field) => (value === undefined ? undefined : parse(value, field))
}

/** Return a parser of an array. */
export function listOf<T>(parse: FieldParser<T>): FieldParser<readonly T[]> {
  return (value, field) => {
    if (Array.isArray(value)) return (value as readonly JsonValue[]).map((item) => parse(item, field))
    throw damagedField(field, 'an array', value)
  }
}

/** Return a parser of an object whose keys are data, such as names of packages. */
export function recordOf<T>(parse: FieldParser<T>): FieldParser<Readonly<Record<string, T>>> {
  return (value, field) =>
    // fromEntries makes own properties of all keys, `__proto__` included.
    Object.fromEntries(
      Object.entries(anyObject(value, field)).map(([name, member]) => [
        name,
        parse(member, `${field}.${name}`),
      ]),
    )
}

/** Return a parser of an object with known members. */
export function objectOf<const M extends MemberParsers>(members: M): FieldParser<ParsedObject<M>> {
  return (value, field) => parseMembers(members, anyObject(value, field), field)
}

/**
 * Parse members of an object.
 *
 * @param field Name of the object; empty for the whole value, whose members have their own names.
 */
export function parseMembers<const M extends MemberParsers>(
  members: M,
  value: JsonObject,
  field: string,
): ParsedObject<M> {
  const parsed: Record<string, unknown> = {}
  for (const [name, parse] of Object.entries(members)) {
    const member = parse(
      Object.hasOwn(value, name) ? value[name] : undefined,
      field === '' ? name : `${field}.${name}`,
    )
    if (member !== undefined) parsed[name] = member
  }
  return parsed as ParsedObject<M>
}

/** Tell whether a value is an object, and neither an array nor `null`. */
export function isJsonObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/**
 * Return what was parsed, or `undefined` where the record is damaged: for those who show or export as much of a
 * record as there is. Other errors are thrown on.
 */
export function unlessDamaged<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (LineaprintError.is(error)) return undefined
    throw error
  }
}
