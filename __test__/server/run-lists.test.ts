import { expect, test } from 'vitest'
import { RunLists, sourceOf } from '../../src/server/run-lists.ts'
import { storeIn } from '../../src/store/store.ts'
import { folderOf } from '../support/folder.ts'
import { finished } from '../tracking/support.ts'

const idsOf = ({ runs }: { runs: readonly { id: string }[] }): string[] => runs.map(({ id }) => id)

test('a list stays as it was while runs start, and a new one has them', async () => {
  const root = folderOf()
  for (const index of [0, 1, 2]) await finished(root, { experimentId: `run-${index}` }, () => undefined)
  const lists = new RunLists(sourceOf(storeIn(root)))
  const first = await lists.part({ offset: 0, limit: 2 })
  expect(idsOf(first)).toEqual(['run-2', 'run-1'])
  await finished(root, { experimentId: 'run-3' }, () => undefined)
  const rest = await lists.part({ offset: 2, limit: 2, list: first.list })
  expect([idsOf(rest), rest.list, rest.matched]).toEqual([['run-0'], first.list, 3])
  const next = await lists.part({ offset: 0, limit: 2 })
  expect([idsOf(next), next.list === first.list]).toEqual([['run-3', 'run-2'], false])
  expect((await lists.part({ offset: 0, limit: 2 })).list).toBe(next.list)
})

test('a list is of its question: another one does not get it', async () => {
  const root = folderOf()
  await finished(root, { experimentId: 'run-0' }, () => undefined)
  const lists = new RunLists(sourceOf(storeIn(root)))
  const { list } = await lists.part({ offset: 0, limit: 2 })
  const other = await lists.part({ offset: 0, limit: 2, list, where: "name = 'none'" })
  expect([other.matched, other.total]).toEqual([0, 1])
})

test('long texts are cut', async () => {
  const root = folderOf()
  await finished(root, { experimentId: 'run-0', tags: ['t'.repeat(100_000)] }, (tracker) => {
    tracker.addMetadata({ long: 'v'.repeat(1_000_000) })
  })
  const { runs } = await new RunLists(sourceOf(storeIn(root))).part({
    offset: 0,
    limit: 1,
    columns: ['params.long'],
  })
  expect(JSON.stringify(runs).length).toBeLessThan(10_000)
})
