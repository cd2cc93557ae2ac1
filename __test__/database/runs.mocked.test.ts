import { readdirSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { LineaprintError } from '../../src/core/errors.ts'
import { findRun, indexedNames, listRuns } from '../../src/database/runs.ts'
import { storeIn } from '../../src/store/store.ts'
import { finished } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'

vi.mock(import('../../src/database/index-files/sqlite.ts'), async (original) => ({
  ...(await original()),
  openDatabase: () => {
    throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', 'this Node.js has no SQLite')
  },
}))

test('without SQLite everything is found in the folders', async () => {
  const root = folderOf()
  const store = storeIn(root)
  for (const [experimentId, loss] of [
    ['a', 3],
    ['b', 1],
    ['c', 2],
  ] as const)
    await finished(root, { experimentId, tags: [`tag-${experimentId}`] }, (tracker) =>
      tracker.logMetric('loss', loss),
    )
  const list = await listRuns(store, {
    where: 'metrics.loss < 3',
    sort: ['-metrics.loss'],
    columns: ['metrics.loss'],
  })
  expect(list.runs.map(({ id, values }) => [id, values?.['metrics.loss']])).toEqual([
    ['c', 2],
    ['b', 1],
  ])
  expect(list.slow).toContain('this Node.js has no SQLite')
  for (const [reference, id] of [
    ['@latest', 'c'],
    ['@latest~2', 'a'],
    ['tag-b', 'b'],
  ] as const)
    expect((await findRun(store, reference)).id).toBe(id)
  expect(await indexedNames(store)).toEqual([])
  expect(readdirSync(store.root).filter((name) => name.includes('.sqlite'))).toEqual([])
})
