import { expect, test } from 'vitest'
import { cacheRound } from '../../soak/cache.ts'
import { faultsOf, quietly } from './support.ts'

test(
  'no digest from the cache is stale, and one by inode, length and time is',
  { timeout: 120_000 },
  async () => {
    const outcome = await cacheRound({ ...quietly, rounds: 300, batch: 120 })
    expect(faultsOf(outcome)).toEqual([])
    expect(outcome.rounds).toBeGreaterThanOrEqual(300)
  },
)
