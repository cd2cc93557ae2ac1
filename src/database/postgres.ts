/** The tables in PostgreSQL, through `pg`. */
import { Kysely, PostgresDialect, sql } from 'kysely'
import { POSTGRES } from './schema.ts'
import { batches } from './connection.ts'
import type { PostgresPool } from 'kysely'
import type { Socket } from 'node:net'
import type { Client, Pool } from 'pg'
import type { RunConnection } from './connection.ts'
import type { RunTables, Tables } from './schema.ts'

/** Return a connection that uses a pool of `pg`. Closing it ends the pool. */
export function connectPostgres(pool: Pool): RunConnection {
  const database: RunTables = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: answering(pool) }) })
  return connectionOf(database)
}

/**
 * Return a pool that gives up a connection on which a question was not answered in time. `pg` keeps it, and each further
 * question on it would wait behind the first one.
 */
function answering(pool: Pool): PostgresPool {
  const clients = new Set<Client>()
  pool.on('connect', (client) => clients.add(client))
  pool.on('remove', (client) => clients.delete(client))
  return {
    options: pool.options,
    end: async () => {
      const ended = pool.end()
      const late = setTimeout(() => {
        // A server that hangs does not say goodbye.
        for (const client of clients) socketOf(client).destroy()
      }, FAREWELL)
      await ended
      clearTimeout(late)
    },
    connect: async () => {
      const client = await pool.connect()
      let late: Error | undefined
      const query = async (text: string, parameters: readonly unknown[]): Promise<unknown> => {
        // A transaction would wait for its rollback as well.
        if (late !== undefined) throw late
        try {
          return await client.query(text, [...parameters])
        } catch (error) {
          if (isLate(error)) late = error
          throw error
        }
      }
      return {
        query: query as PostgresPoolClient['query'],
        release: (isBroken = false) => client.release(isBroken || late !== undefined),
      }
    },
  }
}

/** Milliseconds for which the end of a connection waits for the server. */
const FAREWELL = 1000

/** Return the socket of a client, which `pg` has and does not name. */
function socketOf(client: Client): Socket {
  return (client as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream
}

type PostgresPoolClient = Awaited<ReturnType<PostgresPool['connect']>>

/** Check whether an error is that of `pg` about a question that took longer than `query_timeout`. */
function isLate(error: unknown): error is Error {
  return error instanceof Error && error.message === 'Query read timeout'
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
