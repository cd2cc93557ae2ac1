/**
 * Canonical JSON: RFC 8785 (JCS), extended by a form for the numbers that JSON lacks.
 *
 * Keys are sorted by their UTF-16 code units, numbers are written as ECMAScript writes them. `NaN` and the
 * infinities become `{"__float__":"NaN"}` and so on, as `docs/format.md` says.
 */
import { LineaprintError } from '../core/errors.ts'
import type { ParsedJson } from './parse.ts'

/** Return the canonical text of a value. `undefined` members are left out, as `JSON.stringify` does. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return text(value)
  if (typeof value === 'number') {
    return Number.isFinite(value) ? JSON.stringify(value) : `{"__float__":"${value}"}`
  }
  // `Array.from` visits the holes of a sparse array, which `map` would leave empty.
  if (Array.isArray(value)) return `[${Array.from(value, (item: unknown) => canonicalJson(item)).join(',')}]`
  if (typeof value === 'object') return object(value)
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this cannot be written as JSON', {
    expected: 'null, a boolean, a number, a string, an array or an object',
    received: typeof value,
  })
}

/** Return the UTF-8 bytes of the canonical text, which are hashed. */
export function canonicalBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(canonicalJson(value))
}

/**
 * Return the UTF-8 bytes of the canonical text of a parsed file.
 *
 * @param path The file, for errors.
 * @throws ERR_LINEAPRINT_FORMAT for half a surrogate pair, which an escape can spell and UTF-8 cannot.
 */
export function canonicalBytesOfFile(value: ParsedJson, path?: string): Uint8Array {
  try {
    return canonicalBytes(value)
  } catch (cause) {
    if (!LineaprintError.is(cause) || cause.code !== 'ERR_LINEAPRINT_ARGUMENT') throw cause
    const { expected, received } = cause
    const message = 'a text in it has half a surrogate pair, which cannot be encoded as UTF-8'
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', message, { path, expected, received, cause })
  }
}

/** Text that needs no escapes: printable ASCII without quote and backslash. */
const UNESCAPED = /^[ !#-[\]-~]*$/

function text(value: string): string {
  if (UNESCAPED.test(value)) return `"${value}"`
  // A lone surrogate has no UTF-8 form. RFC 8785, section 3.2.2.2, requires an error.
  if (!value.isWellFormed()) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_ARGUMENT',
      'the text has a lone surrogate and cannot be encoded as UTF-8',
      {
        received: JSON.stringify(value),
        expected: 'well-formed Unicode',
      },
    )
  }
  return JSON.stringify(value)
}

function object(value: object): string {
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return canonicalJson((value.toJSON as () => unknown)())
  }
  if (!isJsonObjectOrMap(value)) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this object cannot be written as JSON', {
      expected: 'a plain object, or a Map with text for keys',
      received: value.constructor?.name ?? 'an instance of a class',
    })
  }
  // A parsed object may be a Map, because `__proto__` is a valid key. The default sort order is by UTF-16
  // code units.
  const members: string[] = []
  const map = value instanceof Map ? (value as Map<string, unknown>) : undefined
  const keys: string[] = map === undefined ? Object.keys(value) : [...map.keys()]
  for (const key of keys.toSorted()) {
    const member: unknown = map === undefined ? value[key as keyof typeof value] : map.get(key)
    if (member !== undefined) members.push(`${text(key)}:${canonicalJson(member)}`)
  }
  return `{${members.join(',')}}`
}

/**
 * Check that a value is a simple object or a Map with text keys. Instances of other classes (a Set, a boxed
 * number) would all become `{}` and share a digest.
 */
function isJsonObjectOrMap(value: object): boolean {
  if (value instanceof Map) return [...value.keys()].every((key) => typeof key === 'string')
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}
