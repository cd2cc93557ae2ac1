/**
 * Parsers of recorded JSON: each takes a value and the name of its field, and returns the typed value. They
 * are written by hand instead of as schemas, because a schema takes time to load at the start of every run.
 *
 * Members that a parser does not know are ignored: a later version may record more.
 */
import { LineaprintError } from '../core/errors.ts'
import type { JsonObject, JsonValue } from '../core/json-value.ts'

/** Parse the value of a field; `undefined` if the record does not have the field. */
export type FieldParser<T> = (value: JsonValue | undefined, field: string) => T

/** The parsers of the members of an object. */
type MemberParsers = Readonly<Record<string, FieldParser<unknown>>>

type ParsedBy<P> = P extends FieldParser<infer T> ? T : never

/** Names of the members that a record may omit. */
type OptionalNames<M extends MemberParsers> = {
  [K in keyof M]: undefined extends ParsedBy<M[K]> ? K : never
}[keyof M]

/** The object that the parsers of its members return; a member that the record lacks is left out. */
type ParsedObject<M extends MemberParsers> = {
  readonly [K in Exclude<keyof M, OptionalNames<M>>]: ParsedBy<M[K]>
} & { readonly [K in OptionalNames<M>]?: Exclude<ParsedBy<M[K]>, undefined> }

/** Return the error for a record whose form is damaged. */
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

/** Parse an object without parsing its members. */
export const anyObject: FieldParser<JsonObject> = (value, field) => {
  if (isJsonObject(value)) return value
  throw damagedField(field, 'an object', value)
}

/** Return a parser of one of several fixed values. */
export function oneOf<const T extends string | number>(choices: readonly T[]): FieldParser<T> {
  return (value, field) => {
    const match = choices.find((choice) => choice === value)
    if (match !== undefined) return match
    throw damagedField(field, choices.map((choice) => JSON.stringify(choice)).join(' or '), value)
  }
}

/**
 * Return a parser that also accepts `null`. A field that the record lacks is also `null`, meaning not known.
 */
export function nullable<T>(parse: FieldParser<T>): FieldParser<T | null> {
  return (value, field) => (value === undefined || value === null ? null : parse(value, field))
}

/** Return a parser of an optional field, which older versions did not record. */
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
    // `fromEntries` makes every key an own property, `__proto__` included.
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

/** Check whether a value is an object, and neither an array nor `null`. */
export function isJsonObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/**
 * Return the parsed value, or `undefined` if the record is damaged: for displays and exports, which use every
 * part of a record that is readable. Other errors are rethrown.
 */
export function unlessDamaged<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (LineaprintError.isFinding(error)) return undefined
    throw error
  }
}
