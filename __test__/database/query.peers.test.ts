import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from 'kysely'
import { postgresPrograms, startPostgres } from '../../scripts/postgres.mjs'
import { connectPostgres } from '../../src/database/postgres.ts'
import { connectSqlite } from '../../src/database/sqlite.ts'
import { openDatabase } from '../../src/database/index-files/sqlite.ts'
import { listFrom } from '../../src/database/indexed.ts'
import { checkFilter } from '../../src/database/filter.ts'
import { readFolders, selectRuns } from '../../src/database/folders.ts'
import { refresh } from '../../src/database/refresh.ts'
import { createStatements, RUN_TABLES } from '../../src/database/schema.ts'
import { storeIn } from '../../src/store/store.ts'
import { folderOf } from '../support/folder.ts'
import { rounds } from '../support/random.ts'
import { EXPRESSION, FIELDS, SORT, recordOf, writeRun } from './support.ts'
import type { RunConnection } from '../../src/database/connection.ts'

let server: Awaited<ReturnType<typeof startPostgres>> | undefined

const isInstalled = postgresPrograms() !== undefined

beforeAll(async () => {
  if (isInstalled) server = await startPostgres()
}, 120_000)

afterAll(() => server?.stop())

async function created(connection: RunConnection): Promise<RunConnection> {
  for (const statement of createStatements(connection.dialect)) await statement.execute(connection.database)
  return connection
}

async function emptied({ database }: RunConnection): Promise<void> {
  for (const table of [...RUN_TABLES, 'run', 'name', 'meta', 'damaged'] as const)
    await sql`delete from ${sql.table(table)}`.execute(database)
}

test.skipIf(!isInstalled)(
  'SQLite, PostgreSQL and the reader of folders give the same answers',
  { timeout: 300_000 },
  async () => {
    const postgres = await created(connectPostgres(new pg.Pool({ ...server?.options, max: 1 })))
    const sqlite = await created(connectSqlite(openDatabase(':memory:')))
    const connections = [sqlite, postgres]
    const question = fc.record({
      where: EXPRESSION,
      sort: SORT,
      limit: fc.option(fc.nat(6), { nil: undefined }),
    })
    let selected = 0
    const property = fc.asyncProperty(
      fc.array(FIELDS, { minLength: 1, maxLength: 12 }),
      fc.array(question, { minLength: 30, maxLength: 30 }),
      async (records, questions) => {
        const store = storeIn(folderOf())
        records.forEach((fields, index) => writeRun(store, recordOf(`run-${index}`, fields)))
        const { runs } = await readFolders(store)
        expect(runs.length).toBe(records.length)
        for (const connection of connections) {
          await emptied(connection)
          expect(await refresh(connection, store, Infinity)).toEqual([])
        }
        for (const asked of questions) {
          const filter = checkFilter(asked)
          const wanted = selectRuns(runs, filter).map(({ run }) => run)
          selected += wanted.length
          for (const connection of connections) {
            const { runs: given, total } = await listFrom(connection, store, filter)
            expect({ ...asked, in: connection.dialect.name, runs: given.map(({ run }) => run) }).toEqual({
              ...asked,
              in: connection.dialect.name,
              runs: wanted,
            })
            expect(total).toBe(records.length)
          }
        }
      },
    )
    await fc.assert(property, { numRuns: rounds(25) })
    // Questions that select nothing would tell nothing.
    expect(selected).toBeGreaterThan(100)
    for (const connection of connections) await connection.close()
  },
)
