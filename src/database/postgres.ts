/** The tables in PostgreSQL, through `pg`. */
import { Kysely, PostgresDialect, sql } from 'kysely'
import { POSTGRES } from './schema.ts'
import { batches } from './connection.ts'
import type { DatabaseConnection, PostgresPool } from 'kysely'
import type { RunConnection } from './connection.ts'
import type { RunTables, Tables } from './schema.ts'

/**
 * Return a connection that uses a pool of `pg`. Closing it ends the pool.
 *
 * @param prepare Called with each connection to the server before it is used.
 */
export function connectPostgres(
  pool: PostgresPool,
  prepare?: (connection: DatabaseConnection) => Promise<void>,
): RunConnection {
  const dialect = new PostgresDialect({ pool, ...(prepare !== undefined && { onCreateConnection: prepare }) })
  const database: RunTables = new Kysely<Tables>({ dialect })
  return connectionOf(database)
}

/** PostgreSQL takes 65,535 parameters in one statement. */
const ROWS = 4000

function connectionOf(database: RunTables): RunConnection {
  return {
    database,
    dialect: POSTGRES,
    insert: async (table, rows) => {
      const [first] = rows
      if (first === undefined) return
      const columns = sql.join(Object.keys(first).map((column) => sql.ref(column)))
      for (const batch of batches(rows, ROWS)) {
        const values = sql.join(batch.map((row) => sql`(${sql.join(Object.values(row))})`))
        await sql`insert into ${sql.table(table)} (${columns}) values ${values}`.execute(database)
      }
    },
    transaction: (work) => database.transaction().execute((inner) => work(connectionOf(inner))),
    close: () => database.destroy(),
  }
}
