/** Connections to the database of a team: PostgreSQL, in a schema of its own. */
import { hash } from 'node:crypto'
import { sql } from 'kysely'
import { LineaprintError } from '../../core/errors.ts'
import { errorText, joinLines } from '../../util/error-text.ts'
import { connectPostgres } from '../postgres.ts'
import { DamagedRows } from '../read.ts'
import { POSTGRES, createStatements } from '../schema.ts'
import { driverAddress, withoutCredentials } from './address.ts'
import type { PoolClient } from 'pg'
import type { RunConnection } from '../connection.ts'
import type { DatabaseAddress } from './address.ts'

/** Name of the schema. */
export const SCHEMA = 'lineaprint'

/** Milliseconds until a server must have taken a connection. */
const PATIENCE = 10_000

/** Milliseconds until the database of a server must have answered: one that hangs counts as one that is down. */
export const ANSWER_WITHIN = 5000

/** The tables that only the database of a team has: the values of metrics, and the store from which a run came. */
const TEAM_STATEMENTS = [
  sql`CREATE TABLE series (run text collate "C" not null, name text collate "C" not null, part integer not null, "values" bytea not null, steps bytea not null, times bytea not null, primary key (run, name, part))`,
  sql`CREATE TABLE origin (run text collate "C" primary key, store text collate "C" not null)`,
]

/** Return `pg`. Not `import`: the program runs as compiled code, in which Node warns about that. */
function loadPg(): typeof import('pg') {
  return process.getBuiltinModule('node:module').createRequire(import.meta.url)('pg') as typeof import('pg')
}

/** Options of {@link connectTeam}. */
export interface ConnectionOptions {
  /** The schema with the tables. @default 'lineaprint' */
  readonly schema?: string
  /** Milliseconds until a question must be answered, and a connection taken. @default no limit, and 10 s */
  readonly answerWithin?: number
  /** True if the connection is kept while nothing is asked: a lock is of a connection. @default false */
  readonly isKept?: boolean
}

/** Connect to a database. Nothing is made in it, and the server is not asked. */
export function connectTeam(
  address: DatabaseAddress,
  { schema = SCHEMA, answerWithin, isKept = false }: ConnectionOptions = {},
): RunConnection {
  const { Pool } = loadPg()
  // A little earlier: a database that is slow says so itself, and only one that is away is silent.
  const limit =
    answerWithin === undefined ? '' : `; set statement_timeout = ${Math.floor(answerWithin * 0.9)}`
  const preparation = `set search_path to "${schema}"${limit}`
  const pool = new Pool({
    connectionString: driverAddress(address),
    connectionTimeoutMillis: answerWithin ?? PATIENCE,
    // One connection: work is done in order, and a lock is of the connection that took it.
    max: 1,
    application_name: 'lineaprint',
    ...(answerWithin !== undefined && { query_timeout: answerWithin }),
    ...(isKept && { idleTimeoutMillis: 0, keepAlive: true }),
    // A connection that cannot be prepared is not used, and not kept.
    verify: (client: PoolClient, done: (error?: Error) => void) => {
      client.query(preparation, (error: Error | null) => done(error ?? undefined))
    },
  })
  // A connection that breaks while nothing is asked is noticed by the next question: in the pool, and between two questions of a
  // transaction, where nobody else listens and the error would end the process.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return connectPostgres(pool)
}

/**
 * Do work with a database.
 *
 * @param outage Knows whether the database was found not to answer; the work is not begun then.
 * @throws ERR_LINEAPRINT_SERVICE without user and password if it cannot be used.
 */
export async function withDatabase<T>(
  address: DatabaseAddress,
  work: () => Promise<T>,
  outage?: Outage,
): Promise<T> {
  outage?.check()
  try {
    return await work()
  } catch (error) {
    if (LineaprintError.is(error) || !isOfDatabase(error)) throw error
    const failed = failure(address, withoutCredentials(databaseReason(error), address))
    if (isOutage(error)) outage?.note(failed)
    throw failed
  }
}

/** Milliseconds until a database that did not answer is asked again. */
const RETRY = 2000

/**
 * The knowledge of a server that its database does not answer: who waits in a queue behind the first one that had to wait learns it at
 * once.
 */
export class Outage {
  #failure: LineaprintError | undefined
  #until = -Infinity

  /** Note that the database did not answer. */
  note(failed: LineaprintError): void {
    this.#failure = failed
    this.#until = performance.now() + RETRY
  }

  /** @throws The failure that was noted a moment ago. */
  check(): void {
    if (this.#failure !== undefined && performance.now() < this.#until) throw this.#failure
  }
}

/** Return an error of the database for people. */
export function failure({ shown }: DatabaseAddress, reason: string, hint?: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_SERVICE', `the database cannot be used: ${reason}`, {
    path: shown,
    hint,
  })
}

/** Return the reason of an error. A name with several addresses has one for each, and no text of its own. */
function databaseReason(error: Error): string {
  const [first = error] = error instanceof AggregateError ? (error.errors as Error[]) : [error]
  return joinLines(errorText(first))
}

/** Check whether an error comes from the server, its rows or the network. Others are bugs. */
function isOfDatabase(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  return (
    error instanceof DamagedRows ||
    'code' in error ||
    /connection|timeout|terminated|SSL/i.test(error.message)
  )
}

/** Check whether an error means that the database is away: it gave no answer, or one that it ends or begins. */
function isOutage(error: Error): boolean {
  if (!('severity' in error)) return !(error instanceof DamagedRows)
  const code = 'code' in error ? String(error.code) : ''
  return code.startsWith('57P') || code.startsWith('08') || code.startsWith('53')
}

/** Throw if the tables are missing or of another version. */
export async function checkTables(connection: RunConnection, address: DatabaseAddress): Promise<void> {
  const form = await formOf(connection)
  if (form === undefined)
    throw failure(address, 'it has no runs', 'add those of a store with "lineaprint sync --database ADDRESS"')
  if (form !== wantedForm(connection))
    throw failure(
      address,
      'its tables are of another version of lineaprint',
      'use that version, or remove the schema "lineaprint" and add the runs again',
    )
}

/** Create the tables if they are missing. @throws ERR_LINEAPRINT_SERVICE if they are of another version. */
export async function createTables(connection: RunConnection, address: DatabaseAddress): Promise<void> {
  await connection.transaction(async (inner) => {
    await lockForWriting(inner)
    if ((await formOf(inner)) !== undefined) return
    await sql`create schema if not exists ${sql.id(SCHEMA)}`.execute(inner.database)
    for (const statement of [...createStatements(POSTGRES), ...TEAM_STATEMENTS])
      await statement.execute(inner.database)
    await inner.insert('meta', [{ key: 'form', value: wantedForm(inner) }])
  })
  await checkTables(connection, address)
}

/** Wait until no other process writes. The lock ends with the transaction. */
export async function lockForWriting({ database }: RunConnection): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext(${SCHEMA}))`.execute(database)
}

/** Return what the tables say that they are; `undefined` without tables. */
async function formOf({ database }: RunConnection): Promise<string | undefined> {
  const { rows } = await sql<{
    exists: boolean
  }>`select to_regclass(${`${SCHEMA}.meta`}) is not null as exists`.execute(database)
  if (rows[0]?.exists !== true) return undefined
  const row = await database.selectFrom('meta').select('value').where('key', '=', 'form').executeTakeFirst()
  return row?.value ?? 'unknown'
}

/** Return a digest of the statements that make the tables: a table of another form has another one. */
function wantedForm({ database }: RunConnection): string {
  const texts = [...createStatements(POSTGRES), ...TEAM_STATEMENTS].map(
    (statement) => statement.compile(database).sql,
  )
  return hash('sha256', texts.join('\n'))
}
