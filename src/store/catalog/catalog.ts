/**
 * A catalog: rows of text by id, each with the stamp of the file that it was made from. It saves reading that file
 * again while the stamp is the same, and is never the truth: whatever is wrong with it, it is thrown away.
 */
import { hash } from 'node:crypto'
import { existsSync, renameSync } from 'node:fs'
import { errorText } from '../../util/error-text.ts'
import { catalogsIn, newCatalogPath, placeRefusal, removeCatalog } from './paths.ts'
import { hasSoundLog, openDatabase, troubleOf } from './sqlite.ts'
import type { DatabaseSync } from 'node:sqlite'

/** What a row says. */
export interface CatalogRow {
  readonly id: string
  /** Of the file that the entry was made from. */
  readonly stamp: string
  readonly entry: string
}

/** What a catalog holds, and how to change it. */
export interface CatalogContent {
  readonly rows: ReadonlyMap<string, CatalogRow>
  /** Why there is no catalog, in a few words; the rows are then none and changes go nowhere. */
  readonly refusal: string | undefined
  /**
   * Keeps rows and forgets others. Nothing comes of it while somebody else writes for long: who reads next has the
   * same to add.
   *
   * @returns Why it could not be written, in a few words.
   */
  update(changed: readonly CatalogRow[], gone: readonly string[]): string | undefined
}

/** All that stands in a catalog. */
const FORM =
  'CREATE TABLE run (id TEXT PRIMARY KEY, stamp TEXT, entry TEXT, digest TEXT) STRICT, WITHOUT ROWID'

/** Milliseconds that others are waited for. The wait stops this thread. */
const PATIENCE = 1000

/**
 * Reads the catalog of a folder. One that is missing is made; one that is damaged, cut off, of another form or no
 * database is removed and made anew, empty.
 */
export function readCatalog(folder: string): CatalogContent {
  try {
    return openCatalog(folder)
  } catch {
    // Somebody may have thrown it away in the middle, which is over by the second try.
  }
  try {
    return openCatalog(folder)
  } catch (error) {
    return isPassing(error) ? without() : without(errorText(error))
  }
}

function openCatalog(folder: string): CatalogContent {
  const refusal = placeRefusal(folder)
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

/** What there is without a catalog. */
function without(refusal?: string): CatalogContent {
  return { rows: new Map(), refusal, update: () => undefined }
}

/** Whether it will be over by the next time: others write it, or throw it away just now. */
function isPassing(error: unknown): boolean {
  return troubleOf(error) === 'busy' || (error instanceof Error && 'code' in error && error.code === 'ENOENT')
}

function readOrRemove(path: string): Map<string, CatalogRow> | undefined {
  try {
    return using(path, (database) => {
      checkForm(database)
      const rows = new Map<string, CatalogRow>()
      // Not one by one: Node 22.13 frees the statement under a loop that has nothing but its rows.
      for (const row of database.prepare('SELECT id, stamp, entry, digest FROM run').all()) {
        const { id, stamp, entry, digest } = row as unknown as CatalogRow & { readonly digest: string }
        // SQLite has no checksums: a page that a disk has changed reads like any other.
        if (digest === digestOf({ id, stamp, entry })) rows.set(id, { id, stamp, entry })
      }
      return rows
    })
  } catch (error) {
    if (troubleOf(error) !== 'damaged') throw error
    removeCatalog(path)
    return undefined
  }
}

/** A file that came from elsewhere could have views and triggers, which are programs. */
function checkForm(database: DatabaseSync): void {
  const found = database.prepare('SELECT sql FROM sqlite_schema').all()
  // As SQLite says it of a database that it cannot use.
  if (found.length !== 1 || found[0]?.['sql'] !== FORM)
    throw Object.assign(new Error('it is of another form'), { errcode: 24 })
}

/** Made under another name and moved: nobody sees one that is half made. */
function makeCatalog(folder: string): string {
  const path = newCatalogPath(folder)
  const temporary = `${path}.tmp`
  try {
    using(temporary, (database) => {
      // With a log, readers and a writer do not wait for each other.
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
    const trouble = troubleOf(error)
    if (trouble === 'damaged') removeCatalog(path)
    return trouble === 'damaged' || isPassing(error) || !existsSync(path) ? undefined : errorText(error)
  }
}

/** Each use opens and closes: no handle outlives a call, and closing takes the log back into the file. */
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
