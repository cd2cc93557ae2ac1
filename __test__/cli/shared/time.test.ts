import { afterEach, expect, test, vi } from 'vitest'
import { duration, localTime } from '../../../src/cli/shared/time.ts'

afterEach(() => void vi.unstubAllEnvs())

test.each([
  ['UTC', '2026-01-31T18:15:07.123Z'],
  ['Europe/Berlin', '2026-01-31T19:15:07.123+01:00'],
  ['America/St_Johns', '2026-01-31T14:45:07.123-03:30'],
  ['Pacific/Auckland', '2026-02-01T07:15:07.123+13:00'],
])('in the zone %s a pipe gets %s', (zone, text) => {
  vi.stubEnv('TZ', zone)
  const shown = localTime('2026-01-31T18:15:07.123Z')
  expect(shown).toBe(text)
  expect(Date.parse(shown)).toBe(Date.parse('2026-01-31T18:15:07.123Z'))
})

test('what is no time is shown as it is recorded', () => {
  expect(localTime('yesterday')).toBe('yesterday')
  // A year of more than four digits has a form of its own.
  expect(Date.parse(localTime('+012345-01-01T00:00:00.000Z'))).toBe(Date.parse('+012345-01-01T00:00:00.000Z'))
})

test.each([
  [0, '0 ms'],
  [999.4, '999 ms'],
  [999.6, '1.0 s'],
  [59_940, '59.9 s'],
  [59_990, '1 min 00 s'],
  [3_599_600, '1 h 00 min'],
  [7_440_000, '2 h 04 min'],
  [93_600_000, '1 d 02 h'],
])('%d ms is %s', (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text)
})
