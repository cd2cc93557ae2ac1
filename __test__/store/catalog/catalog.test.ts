import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
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
    expect(catalog.refusal ?? '', name).toMatch(/^(?:the folder cannot be written|it is not a folder)/)
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

/** What a stranger can put at a name, and what it leads to. */
const FOREIGN: Readonly<Record<string, (name: string, elsewhere: string) => void>> = {
  link: (name, elsewhere) => symlinkSync(elsewhere, name),
  'dangling link': (name) => symlinkSync('/nothing/there', name),
  'second name': (name, elsewhere) => linkSync(elsewhere, name),
  fifo: (name) => execFileSync('mkfifo', [name]),
  'file that all can write to': (name) => {
    writeFileSync(name, 'x')
    chmodSync(name, 0o666)
  },
}

/** The files of a catalog: the database, and those that SQLite keeps beside it. */
const FILES = ['', '-wal', '-shm', '-journal']

test.each(Object.entries(FOREIGN))('a %s at a name of the catalog is thrown away', (_, put) => {
  for (const suffix of FILES) {
    const folder = folderOf()
    const elsewhere = join(folderOf({ worth: 'of worth' }), 'worth')
    readCatalog(folder).update([row('a')], [])
    const [name = ''] = readdirSync(folder)
    // Another catalog of the same kind is there as well: the first of both is read.
    put(join(folder, suffix === '' ? 'index-v1-0000000000000000.sqlite' : name + suffix), elsewhere)
    expect(readCatalog(folder).refusal, suffix).toBeUndefined()
    readCatalog(folder).update([row('b')], [])
    expect(rowsIn(folder), suffix).toContainEqual(row('b'))
    expect(readFileSync(elsewhere, 'utf8'), suffix).toBe('of worth')
    for (const found of readdirSync(folder)) expect(lstatSync(join(folder, found)).isFile()).toBe(true)
    expect(readdirSync(folder), suffix).toHaveLength(1)
  }
})

test('a folder at a name of the catalog is left, and another name is used', () => {
  for (const suffix of FILES) {
    const folder = folderOf()
    readCatalog(folder).update([row('a')], [])
    const [name = ''] = readdirSync(folder)
    mkdirSync(join(folder, suffix === '' ? 'index-v1-0000000000000000.sqlite' : name + suffix))
    readCatalog(folder).update([row('b')], [])
    expect(rowsIn(folder), suffix).toContainEqual(row('b'))
  }
})

test('a folder that all users can write to has no catalog', () => {
  const folder = folderOf()
  chmodSync(folder, 0o777)
  const { rows, refusal } = readCatalog(folder)
  expect({ size: rows.size, refusal }).toEqual({ size: 0, refusal: 'all users can write to the folder' })
  expect(readdirSync(folder)).toEqual([])
})

function databaseIn(folder: string): DatabaseSync {
  readCatalog(folder).update([row('a')], [])
  const [name = ''] = readdirSync(folder)
  return new DatabaseSync(join(folder, name))
}

/** Makes a catalog with a row of other types than its schema says: the schema is changed as bytes afterwards. */
function forgeColumn(folder: string, value: number | bigint | Uint8Array | null): void {
  const database = databaseIn(folder)
  const [form] = database.prepare('SELECT sql FROM sqlite_schema').all()
  const sql = String(form?.['sql'])
  const loose = sql.replaceAll(' TEXT', ' BLOB').replace('STRICT, ', ' '.repeat(8))
  expect(loose).toHaveLength(sql.length)
  database.exec(`DROP TABLE run; ${loose}`)
  database.prepare('INSERT INTO run VALUES (?, ?, ?, ?)').run('a', value, value, 'x'.repeat(64))
  database.close()
  const path = join(folder, readdirSync(folder)[0] ?? '')
  const bytes = readFileSync(path)
  const at = bytes.indexOf(loose)
  expect(at).toBeGreaterThan(0)
  bytes.write(sql, at)
  writeFileSync(path, bytes)
}

test('values of other types, huge ones and bytes are left out', () => {
  for (const value of [1, 2n ** 62n, null, new Uint8Array([0xff, 0])]) {
    const folder = folderOf()
    forgeColumn(folder, value)
    expect(rowsIn(folder)).toEqual([])
    readCatalog(folder).update([row('b')], [])
    expect(rowsIn(folder)).toContainEqual(row('b'))
  }
})

test('an entry that is too long is not kept', () => {
  const folder = folderOf()
  readCatalog(folder).update([row('a', 'x'.repeat(1 << 20)), row('b')], [])
  expect(rowsIn(folder)).toEqual([row('b')])
})

test('a file that is too long, or with pages that repeat, is thrown away', () => {
  const folder = folderOf()
  const first = databaseIn(folder)
  first.close()
  const [name = ''] = readdirSync(folder)
  truncateSync(join(folder, name), 2 ** 31)
  expect(rowsIn(folder)).toEqual([])

  const repeated = folderOf()
  const rows = Array.from({ length: 3000 }, (_, index) => row(String(index).padStart(5, '0')))
  readCatalog(repeated).update(rows, [])
  const path = join(repeated, readdirSync(repeated)[0] ?? '')
  const bytes = readFileSync(path)
  // The root of the table is page 2, an interior page; all of its pointers are made to lead to the first child.
  const page = bytes.subarray(4096, 8192)
  expect(page[0]).toBe(2)
  const cells = page.readUInt16BE(3)
  const child = page.readUInt32BE(page.readUInt16BE(12))
  for (let cell = 0; cell < cells; cell++) page.writeUInt32BE(child, page.readUInt16BE(12 + 2 * cell))
  page.writeUInt32BE(child, 8)
  writeFileSync(path, bytes)
  expect(rowsIn(repeated).length).toBeLessThanOrEqual(rows.length)
})

test('what a killed process left unfinished is swept after a while', () => {
  const folder = folderOf()
  const [old, young] = ['index-v1-00000000000000aa.sqlite.tmp', 'index-v1-00000000000000bb.sqlite-wal']
  for (const name of [old, young]) writeFileSync(join(folder, name), '')
  utimesSync(join(folder, old), 0, 0)
  readCatalog(folder).update([row('a')], [])
  expect(readdirSync(folder)).toContain(young)
  expect(readdirSync(folder)).not.toContain(old)
})
