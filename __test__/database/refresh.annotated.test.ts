/** Runs are found by what was said of them after their end, at once and in every store. */
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { connectSqlite } from '../../src/database/sqlite.ts'
import { openDatabase } from '../../src/database/index-files/sqlite.ts'
import { checkFilter } from '../../src/database/filter.ts'
import { readFolders, selectRuns } from '../../src/database/folders.ts'
import { queryRuns } from '../../src/database/read.ts'
import { refresh } from '../../src/database/refresh.ts'
import { findRun, listRuns } from '../../src/database/runs.ts'
import { SQLITE, createStatements } from '../../src/database/schema.ts'
import { annotate } from '../../src/store/annotations.ts'
import { storeIn } from '../../src/store/store.ts'
import { folderOf } from '../support/folder.ts'
import { recordOf, writeRun } from './support.ts'
import type { Store } from '../../src/store/store.ts'

function storeOf(ids: readonly string[]): Store {
  const store = storeIn(folderOf())
  for (const id of ids) writeRun(store, recordOf(id, { tags: ['base'] }))
  return store
}

const folder = (store: Store, id: string): string => join(store.runs, id)

const list = (store: Store): string => join(store.runs, '.annotated')

test('a list and a reference know tags and names that were added and removed', async () => {
  const store = storeOf(['run-1', 'run-2'])
  expect((await listRuns(store)).runs.map(({ tags }) => tags)).toEqual([['base'], ['base']])
  await annotate(folder(store, 'run-2'), { addTags: ['best'], removeTags: ['base'], name: 'the one' })
  const { runs } = await listRuns(store, { where: 'tags has "best"' })
  expect(runs).toMatchObject([{ id: 'run-2', tags: ['best'], runName: 'the one' }])
  expect(await listRuns(store, { where: 'not tags has "base"' })).toMatchObject({ runs: [{ id: 'run-2' }] })
  expect((await findRun(store, 'the one')).id).toBe('run-2')
  expect((await findRun(store, 'best')).id).toBe('run-2')
})

test('an index of a large store reads an annotated run again, and no other', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const ids = Array.from({ length: 10 }, (_, index) => `run-${index}`)
  const store = storeOf(ids)
  const connection = connectSqlite(openDatabase(':memory:'))
  for (const statement of createStatements(SQLITE)) await statement.execute(connection.database)
  const best = async (): Promise<readonly string[]> => {
    // No record is looked at in its turn.
    await refresh(connection, store, 0)
    const query = checkFilter({ where: 'tags has "best"' })
    const found = (await queryRuns(connection, store, query)).map(({ run }) => run.id)
    expect(found).toEqual(selectRuns((await readFolders(store)).runs, query).map(({ run }) => run.id))
    return found
  }
  expect(await best()).toEqual([])
  vi.setSystemTime(Date.now() + 10_000)
  await refresh(connection, store, Infinity)
  await annotate(folder(store, 'run-3'), { addTags: ['best'] })
  expect(await best()).toEqual(['run-3'])
  await annotate(folder(store, 'run-5'), { addTags: ['best'] })
  await annotate(folder(store, 'run-3'), { removeTags: ['best'] })
  expect(await best()).toEqual(['run-5'])
  // Whatever becomes of the list of annotated runs: the annotations decide.
  await annotate(folder(store, 'run-7'), { addTags: ['best'] })
  rmSync(list(store))
  expect(await best()).toEqual(['run-5', 'run-7'])
  for (const id of ['run-2', 'run-4', 'run-6']) await annotate(folder(store, id), { note: id })
  expect(await best()).toEqual(['run-5', 'run-7'])
  await annotate(folder(store, 'run-8'), { addTags: ['best'] })
  writeFileSync(list(store), '../../x\n')
  expect(await best()).toEqual(['run-5', 'run-7', 'run-8'])
  await annotate(folder(store, 'run-9'), { addTags: ['best'] })
  writeFileSync(list(store), Buffer.alloc((1 << 24) + 1))
  expect(await best()).toEqual(['run-5', 'run-7', 'run-8', 'run-9'])
  // A removed run is not a damaged one.
  rmSync(folder(store, 'run-9'), { recursive: true })
  expect(await refresh(connection, store, 0)).toEqual([])
  expect(await best()).toEqual(['run-5', 'run-7', 'run-8'])
  await connection.close()
})

test('the list of annotated runs is never written through a link', async () => {
  const store = storeOf(['run-1'])
  const victim = join(store.root, 'victim')
  writeFileSync(victim, 'worth')
  symlinkSync(victim, list(store))
  await expect(annotate(folder(store, 'run-1'), { addTags: ['x'] })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STORE',
    message: expect.stringContaining('the annotation was written, but lists may show it late') as string,
  })
  expect(readFileSync(victim, 'utf8')).toBe('worth')
  rmSync(list(store))
  mkdirSync(list(store))
  chmodSync(list(store), 0o700)
  await expect(annotate(folder(store, 'run-1'), { addTags: ['y'] })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STORE',
  })
  expect((await listRuns(store)).runs).toMatchObject([{ tags: ['base', 'x', 'y'] }])
})
