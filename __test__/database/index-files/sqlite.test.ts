import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { failureOf, hasSoundLog, openDatabase } from '../../../src/database/index-files/sqlite.ts'
import { folderOf } from '../../support/folder.ts'

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
  const fresh = await import('../../../src/database/index-files/sqlite.ts')
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
