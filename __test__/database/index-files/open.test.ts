import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  linkSync,
  lstatSync,
  readFileSync,
  readdirSync,
  renameSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { openIndex } from '../../../src/database/index-files/open.ts'
import { folderRefusal } from '../../../src/database/index-files/paths.ts'
import { folderOf } from '../../support/folder.ts'

/** Open the index of a folder, and return how many rows of a kind are in it. */
async function damagedIn(folder: string): Promise<string[]> {
  const connection = openIndex(folder)
  const rows = await connection.database.selectFrom('damaged').select('id').execute()
  await connection.close()
  return rows.map(({ id }) => id)
}

/** Make an index with a row, by which it is known again. */
async function madeIn(folder: string): Promise<string> {
  const connection = openIndex(folder)
  await connection.database.insertInto('damaged').values({ id: 'row' }).execute()
  await connection.close()
  const [name = '', ...others] = readdirSync(folder)
  expect(others).toEqual([])
  return join(folder, name)
}

test('an index is kept, and is one file', async () => {
  const folder = folderOf()
  expect(await madeIn(folder)).toMatch(/index-v4-[0-9a-f]{16}\.sqlite$/)
  expect(await damagedIn(folder)).toEqual(['row'])
  expect(readdirSync(folder)).toHaveLength(1)
})

test('an index that was made elsewhere is not read, whatever it holds', async () => {
  const folder = folderOf()
  const path = await madeIn(folder)
  copyFileSync(path, `${path}.copy`)
  renameSync(`${path}.copy`, path)
  expect(await damagedIn(folder)).toEqual([])
  // As an archive does that keeps the times of its files.
  const other = folderOf()
  execFileSync('cp', ['-a', await madeIn(folderOf()), other])
  expect(await damagedIn(other)).toEqual([])
})

test('an index that was moved with its folder is read', async () => {
  const [folder, other] = [folderOf({ 'store/x': '' }), folderOf()]
  const connection = openIndex(join(folder, 'store'))
  await connection.database.insertInto('damaged').values({ id: 'row' }).execute()
  await connection.close()
  renameSync(join(folder, 'store'), join(other, 'store'))
  expect(await damagedIn(join(other, 'store'))).toEqual(['row'])
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

test.each(Object.entries(FOREIGN))('a %s at a name of the index is thrown away', async (_, put) => {
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    const folder = folderOf()
    const elsewhere = join(folderOf({ worth: 'of worth' }), 'worth')
    const path = await madeIn(folder)
    put(suffix === '' ? join(folder, 'index-v4-0000000000000000.sqlite') : path + suffix, elsewhere)
    await damagedIn(folder)
    expect(readFileSync(elsewhere, 'utf8'), suffix).toBe('of worth')
    for (const name of readdirSync(folder)) expect(lstatSync(join(folder, name)).isFile()).toBe(true)
    expect(readdirSync(folder), suffix).toHaveLength(1)
  }
})

test('a folder that all users can write to, is none or is not there has no index', () => {
  const folder = folderOf({ file: '' })
  expect(folderRefusal(join(folder, 'none'))).toMatch(/^the folder cannot be written/)
  expect(folderRefusal(join(folder, 'file'))).toBe('it is not a folder')
  chmodSync(folder, 0o777)
  expect(folderRefusal(folder)).toBe('all users can write to the folder')
})

test('a file that is too long is thrown away', async () => {
  const folder = folderOf()
  truncateSync(await madeIn(folder), 2 ** 37)
  expect(await damagedIn(folder)).toEqual([])
})

test('a schema with one program more is not used', async () => {
  const folder = folderOf()
  const database = new DatabaseSync(await madeIn(folder))
  database.exec('CREATE TRIGGER t AFTER INSERT ON damaged BEGIN DELETE FROM run; END')
  database.close()
  expect(await damagedIn(folder)).toEqual([])
})

test('what a killed process left unfinished is swept after a while', async () => {
  const folder = folderOf()
  const [old, young] = ['index-v4-00000000000000aa.sqlite.tmp', 'index-v4-00000000000000bb.sqlite-wal']
  for (const name of [old, young]) writeFileSync(join(folder, name), '')
  utimesSync(join(folder, old), 0, 0)
  await damagedIn(folder)
  expect(readdirSync(folder)).toContain(young)
  expect(readdirSync(folder)).not.toContain(old)
})
