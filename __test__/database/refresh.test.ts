import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { connectSqlite } from '../../src/database/sqlite.ts'
import { openDatabase } from '../../src/database/index-files/sqlite.ts'
import { checkFilter } from '../../src/database/filter.ts'
import { queryRuns } from '../../src/database/read.ts'
import { refresh } from '../../src/database/refresh.ts'
import { SQLITE, createStatements } from '../../src/database/schema.ts'
import { storeIn } from '../../src/store/store.ts'
import { folderOf } from '../support/folder.ts'
import { recordOf, writeRun } from './support.ts'

function later(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

test('in a large store, new and removed runs show at once, and a changed sealed record in its turn', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const store = storeIn(folderOf())
  const connection = connectSqlite(openDatabase(':memory:'))
  for (const statement of createStatements(SQLITE)) await statement.execute(connection.database)
  const ids = Array.from({ length: 10 }, (_, index) => `run-${index}`)
  for (const id of ids) writeRun(store, recordOf(id))
  later(10)
  const names = async (checked: number): Promise<string> => {
    await refresh(connection, store, checked)
    const runs = await queryRuns(connection, store, checkFilter({}))
    return runs.map(({ run }) => (run.name === 'experiment' ? run.id.slice(4) : run.name)).join('')
  }
  expect(await names(3)).toBe('0123456789')
  writeRun(store, recordOf('run-new', { startedAt: '2026-01-02T00:00:00.000Z' }))
  rmSync(join(store.runs, 'run-3'), { recursive: true })
  expect(await names(0)).toBe('012456789new')
  later(10)
  expect(await names(0)).toBe('012456789new')
  writeRun(store, recordOf('run-8', { name: 'X' }))
  const seen: string[] = []
  for (let round = 0; round < 4; round++) seen.push(await names(3))
  // Three at a time: all ten have had their turn after four rounds.
  expect(seen.at(-1)).toBe('0124567X9new')
  // A check of all sees it at once.
  writeRun(store, recordOf('run-1', { name: 'Y' }))
  expect(await names(Infinity)).toBe('0Y24567X9new')
  await connection.close()
})
