import { expect, test } from 'vitest'
import { listRuns } from '../../src/database/runs.ts'
import { storeIn } from '../../src/store/store.ts'
import { finished } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'

test('runs are chosen by status, name, tags, time and count', async () => {
  const root = folderOf()
  const store = storeIn(root)
  await finished(root, { experimentId: 'a', experimentName: 'x', tags: ['t', 'u'] })
  await finished(root, { experimentId: 'b', experimentName: 'x', tags: ['t'] })
  await finished(root, { experimentId: 'c', experimentName: 'y', tags: [] }, (tracker) => tracker.fail('no'))
  const chosen = async (filter: Parameters<typeof listRuns>[1]): Promise<string> => {
    const { runs, total } = await listRuns(store, filter)
    expect(total).toBe(3)
    return runs.map(({ id }) => id).join('')
  }
  const second = (await listRuns(store)).runs[1]?.startedAt ?? ''
  expect(await chosen({})).toBe('abc')
  expect(await chosen({ limit: 2 })).toBe('bc')
  expect(await chosen({ limit: 9 })).toBe('abc')
  expect(await chosen({ name: 'x' })).toBe('ab')
  expect(await chosen({ name: 'x', limit: 1 })).toBe('b')
  expect(await chosen({ tags: ['t', 'u'] })).toBe('a')
  expect(await chosen({ status: ['failed', 'lost'] })).toBe('c')
  expect(await chosen({ since: new Date(second) })).toBe('bc')
  expect(await chosen({ since: new Date('9999-01-01') })).toBe('')
})
