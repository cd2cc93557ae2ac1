import { expect, test } from 'vitest'
import { postgresPrograms } from '../../scripts/postgres.mjs'
import { liveRound } from '../../soak/live.ts'
import { faultsOf, quietly } from './support.ts'

test.runIf(postgresPrograms() !== undefined)(
  'a server that is killed with its database has every run at its end',
  { timeout: 240_000 },
  async () => {
    const outcome = await liveRound({ ...quietly, live: 4, short: 8, kills: 1 })
    expect(faultsOf(outcome)).toEqual([])
    // Twelve runs, and a start; the last kills are those at the end of the runs.
    expect(outcome).toMatchObject({
      rounds: 13,
      numbers: { 'kills of the server': 2, 'kills of the database': 2 },
    })
  },
)
