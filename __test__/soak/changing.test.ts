import { expect, test } from 'vitest'
import { judge } from '../../soak/changing-judge.ts'
import { changingRound } from '../../soak/changing.ts'
import { faultsOf, quietly } from './support.ts'
import type { Attempt, State } from '../../soak/changing-judge.ts'

test('a file that changes gives the digest of one moment or none', { timeout: 120_000 }, async () => {
  const outcome = await changingRound({ ...quietly, rounds: 240, turn: 200 })
  expect(faultsOf(outcome)).toEqual([])
  expect(outcome.rounds).toBeGreaterThanOrEqual(240)
})

test('the judge tells a mixture, an old digest and a false alarm', () => {
  const states: State[] = [
    { digest: 'old', from: 0, until: 12 },
    { digest: 'first', from: 10, until: 22 },
    { digest: null, from: 20, until: 32 },
    { digest: 'second', from: 30, until: Infinity },
  ]
  const at = (from: number, until: number, result: string): string => judge({ from, until, result }, states)
  const changed = 'ERR_LINEAPRINT_CHANGED'
  const absent = 'ERR_LINEAPRINT_NOT_FOUND'
  expect(at(11, 15, 'old')).toBe('whole')
  expect(at(11, 15, 'first')).toBe('whole')
  expect(at(13, 15, 'old')).toBe('outdated')
  expect(at(13, 35, 'other')).toBe('mixed')
  expect(at(13, 25, changed)).toBe('refused')
  expect(at(13, 15, changed)).toBe('false alarm')
  expect(at(13, 25, absent)).toBe('absent')
  expect(at(13, 15, absent)).toBe('false alarm')
  const late: Attempt = { from: 40, until: 50, result: 'second' }
  expect(judge(late, states)).toBe('whole')
})
