/**
 * A catalog: rows of text by id, each with the stamp of the file that it was made from. It saves reading that
 * file while the stamp is the same. It is never authoritative: a faulty catalog is discarded.
 */
import { hash } from 'node:crypto'
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { modesIn } from '../../util/modes.ts'
import { errorText } from '../../util/error-text.ts'
import { catalogsIn, newCatalogPath, folderRefusal, removeCatalog } from './paths.ts'
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
      const rows = new Map<string, CatalogRow>()
      // Not `iterate`: Node 22.13 frees the statement during a loop that only holds its rows.
      for (const row of database.prepare('SELECT id, stamp, entry, digest FROM run').all()) {
        const { id, stamp, entry, digest } = row as unknown as CatalogRow & { readonly digest: string }
        // SQLite has no checksums: a page corrupted on disk reads like any other.
        if (digest === digestOf({ id, stamp, entry })) rows.set(id, { id, stamp, entry })
      }
      return rows
    })
  } catch (error) {
    if (failureOf(error) !== 'damaged') throw error
    removeCatalog(path)
    return undefined
  }
}

/**
 * Check that the schema is exactly the expected one: a foreign file could have views and triggers, which are programs.
 */
function checkForm(database: DatabaseSync): void {
  const tables = database.prepare('SELECT sql FROM sqlite_schema').all()
  // The error code of SQLite for a database that it cannot use.
  if (tables.length !== 1 || tables[0]?.['sql'] !== FORM)
    throw Object.assign(new Error('unexpected schema'), { errcode: 24 })
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
      for (const row of changed) put.run(row.id, row.stamp, row.entry, digestOf(row))
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
