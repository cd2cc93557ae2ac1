/** Values that are cut until their JSON text has at most so many bytes. */
import { escapeJson } from '../util/escape-text.ts'
import type { JsonObject, JsonValue } from '../core/json-value.ts'

/** Return JSON text in which no string has a character that controls a terminal or hides what a text says. */
export function jsonLine(value: unknown): string {
  return escapeJson(JSON.stringify(value))
}

/** Return the bytes of the JSON text of a value. */
function sizeOf(value: unknown): number {
  return Buffer.byteLength(jsonLine(value))
}

/** Members and elements deeper than this are not looked into: a record is untrusted. */
const DEEPEST = 64

/**
 * Return the bytes of the JSON text of a value, or Infinity once it is known to have more than `limit`: most of a large
 * record is not read for that.
 */
export function sizeWithin(value: JsonValue, limit: number, depth = 0): number {
  if (typeof value === 'string') return value.length > limit ? Infinity : within(sizeOf(value), limit)
  if (typeof value !== 'object' || value === null) return within(sizeOf(value), limit)
  if (depth > DEEPEST) return Infinity
  // The brackets, and a comma for each but the first.
  let size = 1
  if (Array.isArray(value)) {
    for (const element of value as readonly JsonValue[]) {
      size += 1 + sizeWithin(element, limit - size, depth + 1)
      if (size > limit) return Infinity
    }
  } else {
    for (const [name, member] of Object.entries(value)) {
      size += 2 + sizeWithin(name, limit) + sizeWithin(member, limit - size, depth + 1)
      if (size > limit) return Infinity
    }
  }
  return within(Math.max(2, size), limit)
}

function within(size: number, limit: number): number {
  return size > limit ? Infinity : size
}

/** Bytes for the words about what was cut. */
const NOTICE = 40

/** A part with less room than this is left out: nothing of it could be read. */
const LEAST = 60

/**
 * Return a value whose JSON text has at most `room` bytes. Of a text the beginning stays, of an array the first
 * elements, of an object the smallest members in whole and then as much of the others as fits. Each cut says what is
 * missing.
 *
 * @param room At least {@link LEAST}.
 */
export function outline(value: JsonValue, room: number): JsonValue {
  if (sizeWithin(value, room) <= room) return value
  if (typeof value === 'string') return cutText(value, room)
  if (typeof value !== 'object' || value === null) return value
  return Array.isArray(value)
    ? cutArray(value as readonly JsonValue[], room)
    : cutObject(value as JsonObject, room)
}

/** Return the beginning of a text, and how many characters are missing. */
export function cutText(text: string, room: number): string {
  let kept = text.slice(0, Math.max(0, room - NOTICE))
  while (kept !== '' && sizeOf(kept) > room - NOTICE) kept = kept.slice(0, Math.floor(kept.length * 0.8))
  // Half of a pair is no character.
  if (/[\ud800-\udbff]$/.test(kept)) kept = kept.slice(0, -1)
  return `${kept}… (${text.length - kept.length} more characters)`
}

function cutArray(elements: readonly JsonValue[], room: number): JsonValue[] {
  const kept: JsonValue[] = []
  let remaining = room - NOTICE
  for (const element of elements) {
    const size = 1 + sizeWithin(element, remaining)
    if (size > remaining) break
    kept.push(element)
    remaining -= size
  }
  const next = elements[kept.length]
  if (next !== undefined && kept.length === 0 && remaining >= LEAST) kept.push(outline(next, remaining))
  const missing = elements.length - kept.length
  return missing === 0 ? kept : [...kept, `… (${missing} more)`]
}

function cutObject(object: JsonObject, room: number): JsonObject {
  const entries = Object.entries(object)
  const sized = entries
    .map(([name, member], index) => ({
      index,
      name: sizeWithin(name, room) + 2,
      member: sizeWithin(member, room),
    }))
    .toSorted((a, b) => a.name + a.member - (b.name + b.member) || a.index - b.index)
  let remaining = room - NOTICE
  const members = new Map<number, JsonValue>()
  for (const [position, { index, name, member }] of sized.entries()) {
    const value = entries[index]?.[1] ?? null
    if (name + member <= remaining) {
      members.set(index, value)
      remaining -= name + member
      continue
    }
    // What remains is shared by those that are too large.
    const share = Math.floor(remaining / (sized.length - position)) - name
    if (share < LEAST) continue
    const part = outline(value, share)
    members.set(index, part)
    remaining -= name + sizeWithin(part, room)
  }
  const missing = entries.length - members.size
  // `fromEntries` makes every name an own property, `__proto__` included.
  return Object.fromEntries([
    ...entries.flatMap(([name], index) => {
      const member = members.get(index)
      return member === undefined ? [] : [[name, member] as const]
    }),
    ...(missing === 0 ? [] : [['…', `${missing} more`] as const]),
  ])
}

/** A part of a list, before it is cut. */
export interface ListPart {
  /** Name of the member that has the items. */
  readonly name: string
  readonly items: readonly JsonValue[]
  /** Number of items in the whole list. */
  readonly total: number
  /** Position of the first of these items in the whole list. */
  readonly offset: number
  /** Returns what is given to read on at a position. */
  readonly cursorAt: (position: number) => string
}

/** An answer, before it is cut. */
export interface Answer {
  readonly head: JsonObject
  readonly list?: ListPart
}

/** Share of the bytes that the head may have if there is a list. */
const HEAD_SHARE = 0.6

/** Bytes of what is said about a cut, with a cursor. */
const CUT_BYTES = 220

/** Return the JSON text of an answer in at most `bytes` bytes. What is missing is said in it. */
export function answerText({ head, list }: Answer, bytes: number): string {
  if (list === undefined) {
    if (sizeWithin(head, bytes) <= bytes) return jsonLine(head)
    const part = outline(head, bytes - CUT_BYTES) as JsonObject
    return jsonLine({ ...part, cut: `parts are cut to ${bytes} bytes; ask with more bytes, or for one part` })
  }
  const { name, items, total, offset, cursorAt } = list
  const room = bytes - CUT_BYTES
  const shownHead = outline(head, Math.floor(room * HEAD_SHARE)) as JsonObject
  let remaining = room - sizeOf(shownHead) - name.length
  const shown: JsonValue[] = []
  let isShortened = shownHead !== head
  for (const item of items) {
    const size = 1 + sizeWithin(item, remaining)
    if (size > remaining) break
    shown.push(item)
    remaining -= size
  }
  const [first] = items
  if (shown.length === 0 && first !== undefined) {
    shown.push(outline(first, remaining))
    isShortened = true
  }
  const next = offset + shown.length
  return jsonLine({
    ...shownHead,
    [name]: shown,
    ...(isShortened && { cut: `texts are cut to ${bytes} bytes; ask with more bytes` }),
    ...(next < total && {
      more: `${total - next} of ${total} follow: ask again with this cursor, or with more bytes`,
      cursor: cursorAt(next),
    }),
  })
}
