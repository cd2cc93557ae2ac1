/** Copies of a caller's values as JSON data. They are made immediately, so that later changes have no effect. */
import { LineaprintError } from '../core/errors.ts'
import { encodeFloat } from './special-floats.ts'
import type { JsonObject, JsonValue } from '../core/json-value.ts'

const DEPTH_LIMIT = 100

const NAME_LIMIT = 1024

/**
 * Copy an object as JSON data. NaN and the infinities become `{"__float__":"NaN"}`; an object with a `toJSON`
 * (dates, digests) becomes the result of that call; members that are `undefined` are left out.
 *
 * @param value An object; anything else is an error.
 * @param field Path of the object, for errors.
 * @throws ERR_LINEAPRINT_ARGUMENT for a value without a JSON form: a function, symbol, bigint, cycle, Map or
 * lone surrogate.
 */
export function copyAsJson(value: unknown, field: string): JsonObject {
  const copied = copy(value, field, 0)
  if (typeof copied === 'object' && copied !== null && !Array.isArray(copied)) return copied as JsonObject
  throw refusal(
    field,
    'an object',
    copied === null ? 'null' : Array.isArray(copied) ? 'an array' : typeof copied,
  )
}

/** Check the name of something in a record. It is data, never a path. */
export function checkName(value: unknown, field: string): string {
  const name = checkText(value, field)
  if (name.length > NAME_LIMIT) throw refusal(field, `at most ${NAME_LIMIT} characters`, `${name.length}`)
  // The only key that JavaScript objects treat specially.
  if (name === '__proto__') throw refusal(field, 'another name', '"__proto__"')
  return name
}

/** Check that a text has a UTF-8 form and, unless `empty` is set, is not empty. */
export function checkText(value: unknown, field: string, options: { empty?: boolean } = {}): string {
  if (typeof value !== 'string') throw refusal(field, 'text', typeof value)
  if (value === '' && options.empty !== true) throw refusal(field, 'a non-empty string', 'empty text')
  return copy(value, field, 0) as string
}

function copy(value: unknown, field: string, depth: number): JsonValue {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return encodeFloat(value)
  if (typeof value === 'string') {
    if (value.isWellFormed()) return value
    throw refusal(field, 'well-formed Unicode', JSON.stringify(value))
  }
  if (typeof value !== 'object') throw refusal(field, 'a JSON value', typeof value)
  if (depth > DEPTH_LIMIT) throw refusal(field, `at most ${DEPTH_LIMIT} levels`, 'more, or a cycle')
  if (Array.isArray(value)) {
    return Array.from(value, (item: unknown, index) => copy(item ?? null, `${field}[${index}]`, depth + 1))
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return copy((value.toJSON as () => unknown)(), field, depth + 1)
  }
  if (
    value instanceof Map ||
    value instanceof Set ||
    ArrayBuffer.isView(value) ||
    value instanceof ArrayBuffer
  ) {
    throw refusal(field, 'a plain object or array', value.constructor.name)
  }
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => [checkKey(key, field), copy(member, `${field}.${key}`, depth + 1)] as const)
  // `fromEntries` makes every key an own property, `__proto__` included.
  return Object.fromEntries(members)
}

function checkKey(key: string, field: string): string {
  if (key.isWellFormed()) return key
  throw refusal(field, 'keys of well-formed Unicode', JSON.stringify(key))
}

function refusal(field: string, expected: string, received: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} cannot be recorded`, {
    field,
    expected,
    received,
  })
}
