import { readFileSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test, vi } from 'vitest'
import { readCatalog } from '../../../src/store/catalog/catalog.ts'
import { hasSoundLog, openDatabase, failureOf } from '../../../src/store/catalog/sqlite.ts'
import { folderOf } from '../../support/folder.ts'
import type { CatalogRow } from '../../../src/store/catalog/catalog.ts'

const row = (id: string, entry = `entry of ${id}`): CatalogRow => ({ id, stamp: `stamp of ${id}`, entry })

function rowsIn(folder: string): CatalogRow[] {
  const { rows, refusal } = readCatalog(folder)
  expect(refusal).toBeUndefined()
  return [...rows.values()]
}

test('rows are kept, replaced and forgotten, whatever text they hold', () => {
  const folder = folderOf()
  expect(rowsIn(folder)).toEqual([])
  const odd = row("'; DROP TABLE run; --", '\0 \u{1f600} "quoted"\n')
  expect(readCatalog(folder).update([row('a'), row('b'), odd], [])).toBeUndefined()
  expect(rowsIn(folder)).toEqual([odd, row('a'), row('b')])
  readCatalog(folder).update([row('a', 'other')], ['b', 'never there'])
  expect(rowsIn(folder)).toEqual([odd, row('a', 'other')])
  // Nothing is left beside the one file: all was taken back into it.
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/^index-v1-[0-9a-f]{16}\.sqlite$/)])
})

test('ten thousand rows are one change', () => {
  const folder = folderOf()
  const rows = Array.from({ length: 10_000 }, (_, index) => row(String(index).padStart(5, '0')))
  readCatalog(folder).update(rows, [])
  expect(rowsIn(folder)).toEqual(rows)
})

test('a link by the name of a catalog is not followed', () => {
  const folder = folderOf()
  const foreign = join(folderOf(), 'foreign.sqlite')
  const database = new DatabaseSync(foreign)
  database.exec('CREATE TABLE precious (value TEXT)')
  database.close()
  const before = readFileSync(foreign)
  symlinkSync(foreign, join(folder, 'index-v1-0000000000000000.sqlite'))
  readCatalog(folder).update([row('a')], [])
  expect(rowsIn(folder)).toEqual([row('a')])
  expect(readFileSync(foreign)).toEqual(before)
})

test('a folder that is not there, or that is a file, has no catalog and gets none', () => {
  const root = folderOf({ file: 'precious' })
  for (const name of ['nothing', 'file']) {
    const catalog = readCatalog(join(root, name))
    expect(catalog.rows.size).toBe(0)
    expect(catalog.refusal ?? '', name).toMatch(/^(?:the folder cannot be written|ENOTDIR)/)
    expect(catalog.update([row('a')], [])).toBeUndefined()
  }
  expect(readFileSync(join(root, 'file'), 'utf8')).toBe('precious')
  expect(readdirSync(root)).toEqual(['file'])
})

test('failures are told apart: busy, damaged, unusable', () => {
  const folder = folderOf({ text: 'no database, and longer than a header of one hundred bytes'.repeat(4) })
  const thrownBy = (work: () => unknown): unknown => {
    try {
      return work()
    } catch (error) {
      return error
    }
  }
  const using = (name: string, sql: string): unknown => {
    const database = openDatabase(join(folder, name))
    onTestFinished(() => database.close())
    return thrownBy(() => database.exec(sql))
  }
  expect(failureOf(using('text', 'SELECT * FROM sqlite_schema'))).toBe('damaged')
  expect(failureOf(using('new', 'SELECT * FROM nothing'))).toBe('damaged')
  expect(using('held', 'CREATE TABLE t (x); BEGIN IMMEDIATE')).toBeUndefined()
  expect(failureOf(using('held', 'PRAGMA busy_timeout = 0; BEGIN IMMEDIATE'))).toBe('busy')
  expect(failureOf(thrownBy(() => openDatabase(join(folder, 'no', 'folder'))))).toBe('unusable')
  expect(failureOf(new Error('something else'))).toBeUndefined()
})

test('loading SQLite warns nobody, and warnings work afterwards', async () => {
  const heard: Error[] = []
  const hear = (warning: Error): void => void heard.push(warning)
  process.on('warning', hear)
  onTestFinished(() => void process.off('warning', hear))
  const own = Object.getOwnPropertyDescriptor(process, 'emitWarning')
  // Another copy of the module, which has not loaded it yet.
  vi.resetModules()
  const fresh = await import('../../../src/store/catalog/sqlite.ts')
  fresh.openDatabase(':memory:').close()
  await new Promise(setImmediate)
  expect(heard).toEqual([])
  expect(own).toBeDefined()
  expect(Object.getOwnPropertyDescriptor(process, 'emitWarning')).toEqual(own)
})

test('a log is trusted from the version on that has no fault in it', () => {
  for (const version of ['3.51.3', '3.51.10', '3.52.0', '4.0.0'])
    expect(hasSoundLog(version), version).toBe(true)
  for (const version of ['3.51.2', '3.47.2', '3.9.9', '', undefined]) expect(hasSoundLog(version)).toBe(false)
})
