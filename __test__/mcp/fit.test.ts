/** Answers are never longer than asked for, are JSON, and say what they lack. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { answerText, cutText, jsonLine, outline, sizeWithin } from '../../src/mcp/fit.ts'
import { ANY_TEXT_UNIT, rounds } from '../support/random.ts'
import type { JsonObject, JsonValue } from '../../src/core/json-value.ts'

const texts = fc.string({ unit: ANY_TEXT_UNIT, maxLength: 300 })
const values = fc.jsonValue({
  depthSize: 'medium',
  stringUnit: ANY_TEXT_UNIT,
  maxDepth: 6,
}) as fc.Arbitrary<JsonValue>
const heads = fc.dictionary(texts, values, { maxKeys: 12 }) as fc.Arbitrary<JsonObject>

const bytesOf = (value: unknown): number => Buffer.byteLength(jsonLine(value))

describe('the size of a value', () => {
  test('is that of its JSON text, or infinite beyond the limit', () => {
    fc.assert(
      fc.property(values, fc.nat(2000), (value, limit) => {
        const size = bytesOf(value)
        expect(sizeWithin(value, limit)).toBe(size > limit ? Infinity : size)
      }),
      { numRuns: rounds(300) },
    )
  })

  test('is infinite for one that is nested too deeply to look into', () => {
    let deep: JsonValue = 1
    for (let level = 0; level < 100_000; level++) deep = [deep]
    expect(sizeWithin(deep, 1e9)).toBe(Infinity)
  })
})

describe('a part of a value', () => {
  test('fits, and is the value itself if that fits', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 100, max: 3000 }), (value, room) => {
        const part = outline(value, room)
        expect(bytesOf(part)).toBeLessThanOrEqual(room)
        expect(bytesOf(value) > room || Object.is(part, value)).toBe(true)
      }),
      { numRuns: rounds(300) },
    )
  })

  test('has the small members of an object, and says how many are missing', () => {
    const part = outline(
      { long: 'x'.repeat(1000), list: Array.from({ length: 500 }, () => 'item'), short: 1 },
      400,
    )
    expect(part).toEqual({
      long: expect.stringMatching(/^x+… \(\d+ more characters\)$/) as unknown,
      list: expect.arrayContaining(['item', expect.stringMatching(/^… \(\d+ more\)$/)]) as unknown,
      short: 1,
    })
  })

  test('of a text never ends in half of a character', () => {
    for (let room = 60; room < 100; room++) expect(cutText('😀'.repeat(500), room).isWellFormed()).toBe(true)
  })
})

describe('an answer', () => {
  const items = fc.array(values, { maxLength: 60 })

  test('has at most the bytes that are asked for, as JSON', () => {
    fc.assert(
      fc.property(
        heads,
        items,
        fc.integer({ min: 1024, max: 4096 }),
        fc.boolean(),
        (head, all, bytes, isList) => {
          const list = { name: 'items', items: all, total: all.length + 5, offset: 3, cursorAt: String }
          const text = answerText({ head, ...(isList && { list }) }, bytes)
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(bytes)
          expect(typeof JSON.parse(text)).toBe('object')
        },
      ),
      { numRuns: rounds(300) },
    )
  })

  test('has whole items, each once, over the cursors of a list', () => {
    const all = Array.from({ length: 300 }, (_, index) => `item ${index}`)
    const read: unknown[] = []
    for (let offset = 0; ;) {
      const list = { name: 'items', items: all.slice(offset), total: all.length, offset, cursorAt: String }
      const answer = JSON.parse(answerText({ head: {}, list }, 1024)) as { items: unknown[]; cursor?: string }
      read.push(...answer.items)
      if (answer.cursor === undefined) break
      offset = Number(answer.cursor)
    }
    expect(read).toEqual(all)
  })

  test('says when parts of it are cut', () => {
    expect(JSON.parse(answerText({ head: { text: 'x'.repeat(5000) } }, 1024))).toMatchObject({
      cut: 'parts are cut to 1024 bytes; ask with more bytes, or for one part',
    })
  })

  test('has no character that controls a terminal', () => {
    expect(answerText({ head: { text: '\u001b[31m\u202e\u{e0041}' } }, 1024)).toBe(
      String.raw`{"text":"\u001b[31m\u202e\udb40\udc41"}`,
    )
  })
})
