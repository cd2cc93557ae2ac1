import { expect, test } from 'vitest'
import { LiveMetrics } from '../../src/server/live-metrics.ts'
import { RunLists, sourceOf } from '../../src/server/run-lists.ts'
import { storeIn } from '../../src/store/store.ts'
import { folderOf } from '../support/folder.ts'
import { finished, started } from '../tracking/support.ts'

function listsOf(root: string): RunLists {
  return new RunLists(sourceOf(storeIn(root)), new LiveMetrics(storeIn(root), 60_000))
}

const idsOf = ({ runs }: { runs: readonly { id: string }[] }): string[] => runs.map(({ id }) => id)

test('a list stays as it was while runs start, and a new one has them', async () => {
  const root = folderOf()
  for (const index of [0, 1, 2]) await finished(root, { experimentId: `run-${index}` }, () => undefined)
  const lists = listsOf(root)
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
  const lists = listsOf(root)
  const { list } = await lists.part({ offset: 0, limit: 2 })
  const other = await lists.part({ offset: 0, limit: 2, list, where: "name = 'none'" })
  expect([other.matched, other.total]).toEqual([0, 1])
})

test('long texts are cut', async () => {
  const root = folderOf()
  await finished(root, { experimentId: 'run-0', tags: ['t'.repeat(100_000)] }, (tracker) => {
    tracker.addMetadata({ long: 'v'.repeat(1_000_000) })
  })
  const { runs } = await listsOf(root).part({
    offset: 0,
    limit: 1,
    columns: ['params.long'],
  })
  expect(JSON.stringify(runs).length).toBeLessThan(10_000)
})

test('a run that goes on has the last values of its metrics, which count for the columns', async () => {
  const root = folderOf()
  await finished(root, { experimentId: 'ended' }, (tracker) => tracker.logMetric('loss', 3))
  const tracker = await started(root, { experimentId: 'goes-on' })
  const lists = listsOf(root)
  const lossOf = async (columns?: readonly string[], list?: string) => {
    const part = await lists.part({ offset: 0, limit: 10, columns, list })
    return {
      ...part,
      loss: part.runs.map(({ id, values }) => [id, values['metrics.loss'], values['metrics.new.min']]),
    }
  }
  expect((await lossOf(['metrics.loss', 'metrics.new.min'])).loss).toEqual([
    ['goes-on', null, null],
    ['ended', 3, null],
  ])
  tracker.logMetric('loss', 2)
  tracker.logMetric('loss', 1)
  tracker.logMetric('new', 5)
  tracker.logMetric('new', 7)
  await tracker.flush()
  const auto = await lossOf()
  expect(auto.columns).toEqual(expect.arrayContaining(['metrics.loss', 'metrics.new']))
  expect(auto.names.metrics).toEqual(['loss', 'new'])
  expect(auto.loss[0]).toEqual(['goes-on', 1, undefined])
  const chosen = await lossOf(['metrics.loss', 'metrics.new.min'])
  expect(chosen.loss[0]).toEqual(['goes-on', 1, 5])
  // The same list says more when it is read again.
  tracker.logMetric('loss', 0.5)
  await tracker.flush()
  expect((await lossOf(['metrics.loss', 'metrics.new.min'], chosen.list)).loss[0]).toEqual([
    'goes-on',
    0.5,
    5,
  ])
  await tracker.finishExperiment()
  expect((await lossOf(['metrics.loss', 'metrics.new.min'])).loss[0]).toEqual(['goes-on', 0.5, 5])
})
