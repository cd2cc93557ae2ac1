/** Redaction of JSON values: texts by their shape, and the members of objects by their names as well. */
import { isHarmlessValue, judgeName } from './names.ts'
import { REDACTED, isSecret, redactText } from './redact.ts'
import type { JsonObject, JsonValue } from '../core/json-value.ts'

/** A digest in written form. It is random text, and it is what a record is made for. */
const DIGEST = /^(?:[a-z0-9.+_-]{1,64}:){1,3}[0-9a-f]{64}$/

/** Digests and object ids alone. */
const HEXADECIMAL = /^[0-9a-f]{7,128}$/

/** Redact a text of a record. */
export function redactString(text: string): string {
  return HEXADECIMAL.test(text) || DIGEST.test(text) ? text : redactText(text)
}

/** Options of the redaction of values. */
export interface ValueOptions {
  /** True if the names of members decide as well, as in data that a program reports. */
  readonly byName: boolean
}

/**
 * Redact a value. What has no secret is returned itself, and not a copy.
 *
 * @param value JSON of any depth that a record can have.
 */
export function redactJson<T extends JsonValue>(value: T, options: ValueOptions): T {
  return redactAny(value, options) as T
}

function redactAny(value: JsonValue, options: ValueOptions): JsonValue {
  if (typeof value === 'string') return redactString(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return redactList(value as readonly JsonValue[], options)
  return redactObject(value as JsonObject, options)
}

function redactList(list: readonly JsonValue[], options: ValueOptions): JsonValue {
  let isChanged = false
  const isPairs = options.byName && list.every(isPair)
  const clean = list.map((item, index) => {
    if (isPairs && isPair(item) && isSecret(...item)) {
      isChanged = true
      return [item[0], REDACTED]
    }
    // The words of a command: `["--token", "x"]`.
    const before = list[index - 1]
    const redacted =
      typeof item === 'string' && typeof before === 'string' && /^--?[A-Za-z]/.test(before)
        ? isSecret(before, item) && !item.startsWith('-')
          ? REDACTED
          : redactString(item)
        : redactAny(item, options)
    isChanged ||= redacted !== item
    return redacted
  })
  return isChanged ? clean : list
}

/** Check for a name and its value, as headers are listed: `[["authorization", "…"]]`. */
function isPair(item: JsonValue): item is [string, string] {
  return Array.isArray(item) && item.length === 2 && item.every((part) => typeof part === 'string')
}

/** Members that name the member `value`. */
const LABELS = ['name', 'Name', 'key', 'Key', 'field', 'option', 'variable']

function redactObject(object: JsonObject, options: ValueOptions): JsonValue {
  let isChanged = false
  const names = new Set<string>()
  // `{ name: "api_key", value: "…" }`, as lists of variables have it.
  const label = LABELS.map((key) => object[key]).find((member) => typeof member === 'string')
  const entries = Object.entries(object).map(([key, member]) => {
    const cleanKey = uniqueName(redactString(key), names)
    names.add(cleanKey)
    const name = /^value$/i.test(key) && typeof label === 'string' ? label : key
    const clean = options.byName ? redactMember(name, member, options) : redactAny(member, options)
    isChanged ||= cleanKey !== key || clean !== member
    return [cleanKey, clean] as const
  })
  if (!isChanged) return object
  const changed = new Set(entries.flatMap(([key, member]) => (member === object[key] ? [] : [key])))
  // The bytes of a text that was replaced would show it: `path` and `pathBytes`.
  return Object.fromEntries(
    entries.filter(([key]) => !changed.has(key.replace(/(?<=.)Bytes$/, '')) || !key.endsWith('Bytes')),
  )
}

/** Redact a member of an object by its name, and everything in it. */
export function redactMember(name: string, value: JsonValue, options: ValueOptions): JsonValue {
  if (typeof value === 'string') return isSecret(name, value) ? REDACTED : redactString(value)
  if (typeof value === 'number') return isSecretNumber(name) ? REDACTED : value
  if (typeof value !== 'object' || value === null) return value
  if (judgeName(name) === 'secret') return hideAll(value)
  return redactAny(value, options)
}

/** Names of counts and numbers, which are not secret although a text of this name is: `token: 512`. */
const COUNTED = /(?:tokens?|pat|auth|cookie|key|keys)[_-]?\d*$/i

function isSecretNumber(name: string): boolean {
  return judgeName(name) === 'secret' && !COUNTED.test(name)
}

/** Replace every text and number of a value whose name is secret. */
function hideAll(value: JsonValue): JsonValue {
  if (typeof value === 'string') return isHarmlessValue(value) ? value : REDACTED
  if (typeof value === 'number') return REDACTED
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => hideAll(item as JsonValue))
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([key, member]) => [key, hideAll(member)]),
  )
}

/** Return a name that is not taken: two secret names stay two. */
export function uniqueName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name
  let number = 2
  while (taken.has(`${name} ${number}`)) number++
  return `${name} ${number}`
}
