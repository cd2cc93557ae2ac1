/**
 * The index of a store: a database of its runs beside them. It is never authoritative: a faulty one is discarded, and
 * where there can be none the folders are read.
 */
import { lstatSync, renameSync, writeFileSync } from 'node:fs'
import { modesIn } from '../../util/modes.ts'
import { connectSqlite } from '../sqlite.ts'
import { SQLITE, createStatements } from '../schema.ts'
import { indexProblem, indexesIn, findIndexPath, newIndexPath, removeIndex } from './paths.ts'
import { failureOf, hasSoundLog, openDatabase } from './sqlite.ts'
import type { DatabaseSync } from 'node:sqlite'
import type { RunConnection } from '../connection.ts'

/** Thrown where a file cannot be told from a copy of it. */
export class NoOrigin extends Error {}

/** Milliseconds to wait for a lock. The wait blocks this thread. */
const PATIENCE = 1000

/**
 * Open the index of a folder that can have one, and create it if there is none. One that is damaged, or of another form,
 * is replaced by an empty one.
 *
 * @throws The errors of SQLite if another process locks it, or if it cannot be created.
 */
export function openIndex(folder: string): RunConnection {
  const [first, ...others] = indexesIn(folder)
  for (const path of others) removeIndex(path)
  if (first !== undefined) {
    try {
      return connectSqlite(openChecked(first))
    } catch (error) {
      if (failureOf(error) !== 'damaged') throw error
      removeIndex(first)
    }
  }
  return connectSqlite(openChecked(createIndex(folder)))
}

/** Return the index of a folder as it is; `undefined` if there is none. Nothing is made or removed. */
export function peekIndex(folder: string): RunConnection | undefined {
  const path = findIndexPath(folder)
  return path === undefined ? undefined : connectSqlite(openChecked(path))
}

/** Remove the indexes of a folder. */
export function discardIndex(folder: string): void {
  for (const path of indexesIn(folder)) removeIndex(path)
}

function openChecked(path: string): DatabaseSync {
  if (indexProblem(path) !== undefined) throw unusable('not a file of an index')
  const database = openDatabase(path)
  try {
    database.exec(
      `PRAGMA busy_timeout = ${PATIENCE}; PRAGMA trusted_schema = OFF; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON`,
    )
    checkForm(database)
    checkOrigin(database, path)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Check that the schema is exactly the expected one: a foreign file could have views and triggers, which are programs.
 */
function checkForm(database: DatabaseSync): void {
  const wanted = statements()
  const rows = database
    .prepare(`SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid LIMIT ${wanted.length + 1}`)
    .all()
  if (rows.length !== wanted.length || rows.some(({ sql }, index) => sql !== wanted[index]))
    throw unusable('unexpected schema')
}

/**
 * Check that a file is the one in which lineaprint made the index. A copy is another file, and so is one that came with a
 * store from somebody else: nobody can choose number and time of a new file. So no page of a foreign file is read but the
 * first ones; pages that refer to one another would be read for ever.
 */
function checkOrigin(database: DatabaseSync, path: string): void {
  const row = database.prepare("SELECT value FROM meta WHERE key = 'file'").get()
  if (row?.['value'] !== originOf(path)) throw unusable('made elsewhere')
}

/** Return what only this file has: its number, and the time at which it was created. */
function originOf(path: string): string {
  const { dev, ino, birthtimeNs } = lstatSync(path, { bigint: true })
  if (birthtimeNs === 0n) throw new NoOrigin('the file system does not record when a file was created')
  return `${dev} ${ino} ${birthtimeNs}`
}

/** Return an error with the code of SQLite for a database that it cannot use. */
function unusable(reason: string): Error {
  return Object.assign(new Error(reason), { errcode: 24 })
}

let compiled: readonly string[] | undefined

function statements(): readonly string[] {
  if (compiled !== undefined) return compiled
  const connection = connectSqlite(openDatabase(':memory:'))
  compiled = createStatements(SQLITE).map((statement) => statement.compile(connection.database).sql.trim())
  void connection.close()
  return compiled
}

/** Create an index under a temporary name and rename it, so that nobody sees an unfinished one. */
function createIndex(folder: string): string {
  const path = newIndexPath(folder)
  const temporary = `${path}.tmp`
  try {
    // SQLite gives its other files the mode of this one.
    writeFileSync(temporary, '', { flag: 'wx', mode: modesIn(folder).file })
    const database = openDatabase(temporary)
    try {
      // With a write-ahead log, readers and a writer do not wait for each other.
      if (hasSoundLog(process.versions.sqlite)) database.exec('PRAGMA journal_mode = WAL')
      for (const statement of statements()) database.exec(statement)
      database.prepare("INSERT INTO meta (key, value) VALUES ('file', ?)").run(originOf(temporary))
    } finally {
      database.close()
    }
    renameSync(temporary, path)
    return path
  } catch (error) {
    removeIndex(temporary)
    throw error
  }
}
