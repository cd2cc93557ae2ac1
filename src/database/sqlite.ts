/** The tables in SQLite, through the module of Node. */
import { Kysely, SqliteDialect, sql } from 'kysely'
import { SQLITE } from './schema.ts'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import type { Row, RunConnection } from './connection.ts'
import type { RunTables, Tables } from './schema.ts'

/** Return a connection that uses an open database. Closing it closes the database. */
export function connectSqlite(file: DatabaseSync): RunConnection {
  const statements = new Map<string, StatementSync>()
  const prepare = (text: string): StatementSync => {
    let statement = statements.get(text)
    if (statement === undefined) statements.set(text, (statement = file.prepare(text)))
    return statement
  }
  const database: RunTables = new Kysely<Tables>({
    dialect: new SqliteDialect({
      database: {
        close: () => {
          statements.clear()
          file.close()
        },
        prepare: (text) => {
          const statement = prepare(text)
          return {
            reader: /^\s*(?:select|with|pragma)\b|\breturning\b/i.test(text),
            all: (values) => statement.all(...(values as SQLInputValue[])),
            run: (values) => statement.run(...(values as SQLInputValue[])),
            iterate: () => {
              throw new RangeError('rows are read at once')
            },
          }
        },
      },
    }),
  })
  const connection: RunConnection = {
    database,
    dialect: SQLITE,
    insert: async (table, rows) => insertRows(database, prepare, table, rows),
    transaction: async (work) => {
      // Not the transaction of the query builder: that begins without the lock, and fails later.
      file.exec('BEGIN IMMEDIATE')
      try {
        const result = await work(connection)
        file.exec('COMMIT')
        return result
      } catch (error) {
        if (file.isTransaction) file.exec('ROLLBACK')
        throw error
      }
    },
    close: () => database.destroy(),
  }
  return connection
}

/** Insert rows by one statement that is compiled once: most of the time of an index goes here. */
function insertRows<T extends keyof Tables>(
  database: RunTables,
  prepare: (text: string) => StatementSync,
  table: T,
  rows: readonly Row<T>[],
): void {
  const [first] = rows
  if (first === undefined) return
  const columns = Object.keys(first)
  const values = sql.join(columns.map(() => sql`${null}`))
  const { sql: text } =
    sql`insert into ${sql.table(table)} (${sql.join(columns.map((column) => sql.ref(column)))}) values (${values})`.compile(
      database,
    )
  const statement = prepare(text)
  for (const row of rows) statement.run(...(Object.values(row) as SQLInputValue[]))
}
