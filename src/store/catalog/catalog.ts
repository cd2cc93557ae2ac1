/**
 * A catalog: rows of text by id, each with the stamp of the file that it was made from. It saves reading that
 * file while the stamp is the same. It is never authoritative: a faulty catalog is discarded.
 */
import { hash } from 'node:crypto'
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { modesIn } from '../../util/modes.ts'
import { errorText } from '../../util/error-text.ts'
import {
  catalogProblem,
  catalogsIn,
  findCatalog,
  folderRefusal,
  newCatalogPath,
  removeCatalog,
  sizeOfCatalog,
} from './paths.ts'
import { hasSoundLog, openDatabase, failureOf } from './sqlite.ts'
import type { DatabaseSync } from 'node:sqlite'

/** A row of the catalog. */
export interface CatalogRow {
  readonly id: string
  /** Stamp of the file that the entry was made from. */
  readonly stamp: string
  readonly entry: string
}

/** The content of a catalog, and its update. */
export interface CatalogContent {
  readonly rows: ReadonlyMap<string, CatalogRow>
  /**
   * The reason why there is no catalog, in a few words. There are then no rows, and updates have no effect.
   */
  readonly refusal: string | undefined
  /**
   * Add and remove rows. Nothing is written if another process holds the lock for long: the next reader has
   * the same changes to add.
   *
   * @returns The reason why it could not be written, in a few words.
   */
  update(changed: readonly CatalogRow[], gone: readonly string[]): string | undefined
}

/** The schema of a catalog. */
const FORM =
  'CREATE TABLE run (id TEXT PRIMARY KEY, stamp TEXT, entry TEXT, digest TEXT) STRICT, WITHOUT ROWID'

/** Milliseconds to wait for a lock. The wait blocks this thread. */
const PATIENCE = 1000

/** Characters of the longest entry that is kept. A run with a longer one is read each time. */
const ENTRY_LIMIT = 1 << 16

/** The least bytes of a row: the digest alone has 64. */
const ROW_BYTES = 64

/**
 * Read the catalog of a folder. A missing one is created; one that is damaged, truncated, of another form or
 * not a database is replaced by an empty one.
 */
export function readCatalog(folder: string): CatalogContent {
  try {
    return openCatalog(folder)
  } catch {
    // Another process may have removed it in the meantime; the second try then succeeds.
  }
  try {
    return openCatalog(folder)
  } catch (error) {
    return isPassing(error) ? without() : without(errorText(error))
  }
}

function openCatalog(folder: string): CatalogContent {
  const refusal = folderRefusal(folder)
  if (refusal !== undefined) return without(refusal)
  const [first, ...others] = catalogsIn(folder)
  for (const path of others) removeCatalog(path)
  const rows = first === undefined ? undefined : readOrRemove(first)
  const path = first !== undefined && rows !== undefined ? first : makeCatalog(folder)
  return {
    rows: rows ?? new Map(),
    refusal: undefined,
    update: (changed, gone) => updateCatalog(path, changed, gone),
  }
}

/** Return empty content, for a folder without a catalog. */
function without(refusal?: string): CatalogContent {
  return { rows: new Map(), refusal, update: () => undefined }
}

/** Check whether a failure is temporary: another process writes or removes the catalog. */
function isPassing(error: unknown): boolean {
  return failureOf(error) === 'busy' || (error instanceof Error && 'code' in error && error.code === 'ENOENT')
}

function readOrRemove(path: string): Map<string, CatalogRow> | undefined {
  try {
    return using(path, (database) => {
      checkForm(database)
      checkSize(database, sizeOfCatalog(path))
      return new Map(readRows(database, SELECT).map((row) => [row.id, row]))
    })
  } catch (error) {
    // An error of JavaScript comes from a value that no catalog holds.
    if ((failureOf(error) ?? 'damaged') !== 'damaged' || isPassing(error)) throw error
    removeCatalog(path)
    return undefined
  }
}

/** Return the sound rows that a query finds. */
function readRows(database: DatabaseSync, query: string): CatalogRow[] {
  const rows: CatalogRow[] = []
  // Not `iterate`: Node 22.13 frees the statement during a loop that only holds its rows.
  for (const row of database.prepare(query).all()) {
    const { id, stamp, entry, digest } = row as Readonly<Record<string, unknown>>
    // A file can hold values of another type than its schema says.
    if (typeof id !== 'string' || typeof stamp !== 'string' || typeof entry !== 'string') continue
    // SQLite has no checksums: a page corrupted on disk reads like any other.
    if (digest === digestOf({ id, stamp, entry })) rows.push({ id, stamp, entry })
  }
  return rows
}

/**
 * Return rows of the catalog of a folder as they are, the last ids first, without a check that they are still right. A
 * catalog that is missing or cannot be used has none; it is neither made nor removed.
 *
 * @param limit Maximum number of rows.
 */
export function peekCatalog(folder: string, limit: number): CatalogRow[] {
  try {
    const path = folderRefusal(folder) === undefined ? findCatalog(folder) : undefined
    if (path === undefined) return []
    return using(path, (database) => {
      checkForm(database)
      return readRows(database, `${SELECT} ORDER BY id DESC LIMIT ${limit}`)
    })
  } catch {
    // Whoever lists the runs gets along without a catalog as well.
    return []
  }
}

const SELECT = `SELECT id, stamp, entry, digest FROM run
  WHERE typeof(id) || typeof(stamp) || typeof(entry) || typeof(digest) = 'texttexttexttext'
  AND octet_length(id) < 256 AND octet_length(stamp) < 256 AND octet_length(digest) = 64
  AND octet_length(entry) < ${4 * ENTRY_LIMIT}`

/**
 * Check that a file has no more rows and text than fits into it: pages of a forged file can refer to one page again
 * and again, and SQLite would return its rows as often.
 */
function checkSize(database: DatabaseSync, size: number): void {
  const most = Math.ceil(size / ROW_BYTES)
  const [sum] = database
    .prepare(
      `SELECT count(*) AS count, total(octet_length(entry)) AS bytes FROM (SELECT entry FROM run LIMIT ${most + 1})`,
    )
    .all()
  if (Number(sum?.['count']) <= most && Number(sum?.['bytes']) <= size) return
  throw unusable('more rows than fit into the file')
}

/**
 * Check that the schema is exactly the expected one: a foreign file could have views and triggers, which are programs.
 */
function checkForm(database: DatabaseSync): void {
  const tables = database.prepare('SELECT sql FROM sqlite_schema LIMIT 2').all()
  if (tables.length !== 1 || tables[0]?.['sql'] !== FORM) throw unusable('unexpected schema')
}

/** Return an error with the code of SQLite for a database that it cannot use. */
function unusable(reason: string): Error {
  return Object.assign(new Error(reason), { errcode: 24 })
}

/** Create a catalog under a temporary name and rename it, so that nobody sees an unfinished one. */
function makeCatalog(folder: string): string {
  const path = newCatalogPath(folder)
  const temporary = `${path}.tmp`
  try {
    // SQLite gives its other files the mode of this one.
    writeFileSync(temporary, '', { flag: 'wx', mode: modesIn(folder).file })
    using(temporary, (database) => {
      // With a write-ahead log, readers and a writer do not wait for each other.
      if (hasSoundLog(process.versions.sqlite)) database.exec('PRAGMA journal_mode = WAL')
      database.exec(FORM)
    })
    renameSync(temporary, path)
    return path
  } catch (error) {
    removeCatalog(temporary)
    throw error
  }
}

function updateCatalog(
  path: string,
  changed: readonly CatalogRow[],
  gone: readonly string[],
): string | undefined {
  if (changed.length === 0 && gone.length === 0) return undefined
  try {
    using(path, (database) => {
      database.exec('BEGIN IMMEDIATE')
      const put = database.prepare(
        'INSERT OR REPLACE INTO run (id, stamp, entry, digest) VALUES (?, ?, ?, ?)',
      )
      for (const row of changed)
        if (row.entry.length < ENTRY_LIMIT) put.run(row.id, row.stamp, row.entry, digestOf(row))
      const drop = database.prepare('DELETE FROM run WHERE id = ?')
      for (const id of gone) drop.run(id)
      database.exec('COMMIT')
    })
    return undefined
  } catch (error) {
    const trouble = failureOf(error)
    if (trouble === 'damaged') removeCatalog(path)
    return trouble === 'damaged' || isPassing(error) || !existsSync(path) ? undefined : errorText(error)
  }
}

/**
 * Open the database for one use and close it: no handle outlives a call, and closing merges the log into the
 * file.
 */
function using<T>(path: string, work: (database: DatabaseSync) => T): T {
  const problem = catalogProblem(path)
  if (problem === 'foreign' || problem === 'others') throw unusable('not a file of a catalog')
  const database = openDatabase(path)
  try {
    database.exec(
      `PRAGMA busy_timeout = ${PATIENCE}; PRAGMA trusted_schema = OFF; PRAGMA synchronous = NORMAL`,
    )
    return work(database)
  } finally {
    database.close()
  }
}

function digestOf({ id, stamp, entry }: CatalogRow): string {
  return hash('sha256', JSON.stringify([id, stamp, entry]))
}
