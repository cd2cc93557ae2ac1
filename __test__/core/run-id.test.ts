import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkRunId, isRunId, newRunId, safeFileName } from '../../src/core/run-id.ts'
import { ANY_TEXT_UNIT } from '../support/random.ts'

test('ids sort by time and do not repeat', () => {
  const early = newRunId(new Date('2025-01-02T03:04:05.678Z'))
  expect(early).toMatch(/^20250102-030405-[0-9a-hjkmnp-tv-z]{8}$/)
  expect(early < newRunId(new Date('2025-01-02T03:04:06Z'))).toBe(true)
  expect(new Set(Array.from({ length: 1000 }, () => newRunId())).size).toBe(1000)
  expect(isRunId(newRunId())).toBe(true)
})

test('an id cannot leave the store', () => {
  const refused = [
    '',
    '.',
    '..',
    '../x',
    'a/b',
    'a\\b',
    '.hidden',
    'x\0',
    'a b',
    'ä',
    'dot.',
    'CON',
    'nul.txt',
    'x'.repeat(129),
  ]
  for (const id of refused) {
    expect(() => checkRunId(id), id).toThrow(expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT' }))
  }
  for (const id of ['a', 'run-1', 'A_b.c', 'x'.repeat(128), 'console']) expect(checkRunId(id)).toBe(id)
})

test('any name becomes one file name inside its folder', () => {
  const root = resolve('/store')
  fc.assert(
    fc.property(fc.string({ unit: ANY_TEXT_UNIT, maxLength: 300 }), (name) => {
      const file = safeFileName(name)
      expect(file).toMatch(/^[A-Za-z0-9._%~-]+$/)
      expect(file.startsWith('.')).toBe(false)
      expect(file.length).toBeLessThanOrEqual(100)
      expect(join(root, file)).toBe(`${root}/${file}`)
    }),
  )
  expect(safeFileName('../x')).toBe('%2E.%2Fx')
  expect(safeFileName('my exp')).toBe('my%20exp')
})

test('two names are two file names', () => {
  const names = [
    'a/b',
    'a_b',
    'a%2Fb',
    'a',
    'A',
    '.a',
    'x'.repeat(200),
    'x'.repeat(201),
    '',
    ' ',
    'con',
    '%con',
  ]
  expect(new Set(names.map(safeFileName)).size).toBe(names.length)
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
      expect(safeFileName(a) === safeFileName(b)).toBe(a === b)
    }),
  )
})
