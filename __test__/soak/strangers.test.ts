import { expect, test } from 'vitest'
import { errorFault, textFault } from '../../soak/strangers-judge.ts'
import { strangersRound } from '../../soak/strangers.ts'
import { LineaprintError } from '../../src/core/errors.ts'
import { faultsOf, quietly } from './support.ts'

test('what a stranger wrote starts nothing and reaches no terminal raw', { timeout: 300_000 }, async () => {
  const outcome = await strangersRound({ ...quietly, cases: 12, programs: 1 })
  expect(faultsOf(outcome)).toEqual([])
  expect(outcome.rounds).toBe(12)
  expect(outcome.numbers['commands']).toBeGreaterThan(100)
})

test.each([
  ['a name\nanother\twith\\x1b', undefined],
  ['\r\u001b[Khashing: 1 %', undefined],
  ['\u001b[31m', 'raw U+1b'],
  ['\u009b31m', 'raw U+9b'],
  ['a\rb', 'raw U+d'],
  ['\u202e', 'raw U+202e'],
  ['\u200b', 'raw U+200b'],
  ['lineaprint: Cannot read properties of undefined', 'trusted its input'],
])('the judge of text: %j', (text, expected) => {
  const fault = textFault(text)
  expect(expected === undefined ? fault : fault?.startsWith(expected)).toBe(
    expected === undefined ? undefined : true,
  )
})

test('the judge of errors', () => {
  expect(errorFault(new LineaprintError('ERR_LINEAPRINT_RECORD', 'damaged'))).toBeUndefined()
  expect(errorFault(new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'a bug'))).toContain('internal')
  expect(errorFault(new TypeError('x is not iterable'))).toContain('not an error of lineaprint')
  expect(errorFault('text')).toContain('not an error of lineaprint')
})
