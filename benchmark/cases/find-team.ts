/** A case of finding runs in the database of a team: a real PostgreSQL, started by the project's script. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { postgresPrograms, startPostgres } from '../../scripts/postgres.mjs'
import { batches } from '../../src/database/connection.ts'
import { factsOf } from '../../src/database/facts.ts'
import { checkAddress } from '../../src/database/team/address.ts'
import { connectTeam, createTables } from '../../src/database/team/connect.ts'
import { RunDatabase } from '../../src/database/team/database.ts'
import { writeRuns } from '../../src/database/write.ts'
import { readRun } from '../../src/store/read.ts'
import { entry } from './entry.ts'
import { FILTER, METRICS, PARAMETERS, own, recordOf, trackerIn } from './find.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant } from '../measure.ts'

/** Runs of which the rows are made before they are written. */
const BATCH = 1000

/** Return the case; none without PostgreSQL. */
export function teamCases(inputs: Inputs, quick: boolean): Case[] {
  if (postgresPrograms() === undefined) return []
  const runs = quick ? 2000 : 100_000
  const shape = `${runs.toLocaleString('en')} runs with ${PARAMETERS} parameters and ${METRICS} metrics`
  return [
    {
      name: 'find-team',
      title: `${shape} in PostgreSQL: the first 20 with a filter and an order, and single runs`,
      prepare: async () => {
        const server = await startPostgres()
        const { host, port, user, database: name } = server.options
        const address = `postgres://${user}@${host}:${port}/${name}`
        await fill(address, runs, join(inputs.directory, 'find-team'))
        const database = RunDatabase.open(address)
        const contestants = [
          contestant('list, with a filter and an order', () => database.list(FILTER)),
          contestant('@latest', () => database.find('@latest')),
          contestant('a run by its name', () => database.find('run-77')),
        ]
        return {
          ...entry(0, contestants, [], new Map()),
          after: async () => {
            await database.close()
            await server.stop()
          },
        }
      },
    },
  ]
}

function contestant(title: string, ask: () => Promise<unknown>): Contestant {
  return own(title, async () => {
    await ask()
  })
}

/** Write the runs into a database, without folders: only their rows are looked at. */
async function fill(address: string, runs: number, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const tracker = trackerIn(folder)
  await tracker.run(() => tracker.logMetric('loss', 0.5))
  const { record } = await readRun(tracker.runDirectory)
  const checked = checkAddress(address)
  const connection = connectTeam(checked)
  await createTables(connection, checked)
  for (const batch of batches([...Array(runs).keys()], BATCH)) {
    const written = batch.map((run) => {
      const copy = recordOf(record, run)
      const labels = { runName: copy.runName ?? null, tags: copy.tags }
      return { id: copy.id, stamp: 'copy', status: copy.status, facts: factsOf(copy, labels) }
    })
    await writeRuns(connection, written)
  }
  // The server does so by itself some time after many rows were written.
  await sql`vacuum analyze`.execute(connection.database)
  await connection.close()
}
