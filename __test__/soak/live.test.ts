import { expect, test } from 'vitest'
import { postgresPrograms } from '../../scripts/postgres.mjs'
import { liveRound } from '../../soak/live.ts'
import { faultsOf, quietly } from './support.ts'

test.runIf(postgresPrograms() !== undefined)(
  'a server that is killed with its database has every run at its end',
  { timeout: 240_000 },
  async () => {
    const outcome = await liveRound({ ...quietly, live: 4, short: 8, kills: 1, undisturbed: 2 })
    expect(faultsOf(outcome)).toEqual([])
    expect(outcome).toMatchObject({
      rounds: 12,
      numbers: { 'kills of the server': 1, 'kills of the database': 1 },
    })
  },
)
