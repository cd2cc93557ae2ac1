import { chmodSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { orderRuns, runsWithIds } from '../../src/database/pages.ts'
import { parseField, writtenField } from '../../src/database/expression/fields.ts'
import { readFolders } from '../../src/database/folders.ts'
import { listRuns } from '../../src/database/runs.ts'
import { storeIn } from '../../src/store/store.ts'
import { folderOf } from '../support/folder.ts'
import { finished } from '../tracking/support.ts'

async function storeOf(count: number): Promise<string> {
  const root = folderOf()
  for (let index = 0; index < count; index++)
    await finished(
      root,
      { experimentId: `run-${index}`, tags: index % 2 === 0 ? ['even'] : [] },
      (tracker) => {
        tracker.logMetric('loss', (index * 7) % 5)
        tracker.logMetric('rate', index)
      },
    )
  return root
}

test('the order is that of a list, the newest first without one', async () => {
  const root = await storeOf(6)
  const store = storeIn(root)
  for (const filter of [
    {},
    { sort: ['metrics.loss', '-metrics.rate'] },
    { where: 'tags has "even"', sort: ['-started'] },
  ]) {
    const { runs, total } = await listRuns(store, filter)
    const order = await orderRuns(store, { ...filter, columns: ['auto'] })
    const ids = runs.map(({ id }) => id)
    expect(order.ids).toEqual('sort' in filter ? ids : ids.toReversed())
    expect(order.columns.map(writtenField)).toEqual(['metrics.loss', 'metrics.rate'])
    expect(order).toMatchObject({ total, damaged: [] })
    expect(order.names).toEqual({ parameters: [], metrics: ['loss', 'rate'] })
  }
})

test('runs by their ids have the values of columns; one that is gone is left out', async () => {
  const root = await storeOf(3)
  const store = storeIn(root)
  const { ids } = await orderRuns(store, {})
  const columns = ['metrics.rate', 'tags'].map((name) => parseField(name, 'columns'))
  const [first, second] = await runsWithIds(store, ids, columns)
  expect([first?.id, first?.values]).toEqual(['run-2', { 'metrics.rate': 2, tags: ['even'] }])
  expect(second?.values).toEqual({ 'metrics.rate': 1, tags: [] })
  const gone = await runsWithIds(store, ['run-7' as (typeof ids)[number], ...ids], [])
  expect(gone.map(({ id }) => id)).toEqual(ids)
})

test.skipIf(process.platform === 'win32')('without an index the answers are the same', async () => {
  const root = await storeOf(4)
  const store = storeIn(root)
  const indexed = await orderRuns(store, { columns: ['auto'] })
  // An index is refused in a folder that everybody can write to.
  chmodSync(store.root, 0o777)
  expect((await listRuns(store)).slow).toBeDefined()
  expect(await orderRuns(store, { columns: ['auto'] })).toEqual(indexed)
  expect((await readFolders(store)).runs.length).toBe(4)
})

test('a field is written as it is read, whatever its name is', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ minLength: 1 }),
        fc.constantFrom('loss', 'val/loss', 'a.b', 'loss.min', 'a"b', 'a\\b', '1e5', 'min'),
      ),
      fc.constantFrom('last' as const, 'min' as const, 'max' as const),
      (name, part) => {
        for (const field of [
          { kind: 'metric', name, part },
          { kind: 'parameter', name },
        ] as const)
          expect(parseField(writtenField(field), 'columns')).toEqual(field)
      },
    ),
  )
  expect(writtenField({ kind: 'metric', name: 'val/loss', part: 'min' })).toBe('metrics.val/loss.min')
})

test('a store that is not there has no runs', async () => {
  const order = await orderRuns(storeIn(folderOf()), { where: 'metrics.loss > 1' })
  expect(order).toEqual({
    ids: [],
    first: [],
    columns: [],
    damaged: [],
    total: 0,
    names: { parameters: [], metrics: [] },
  })
})
