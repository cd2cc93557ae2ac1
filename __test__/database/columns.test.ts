/** Columns of a list have names of their own. */
import { expect, test } from 'vitest'
import { listRuns } from '../../src/database/runs.ts'
import { storeIn } from '../../src/store/store.ts'
import { finished } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'

test('the least value of a metric is not that of a metric whose name ends in .min', async () => {
  const root = folderOf()
  await finished(root, { experimentId: 'a' }, (tracker) => {
    tracker.logMetric('loss', 1, { step: 0 })
    tracker.logMetric('loss', 2, { step: 1 })
    tracker.logMetric('loss.min', 77)
  })
  const both = ['metrics.loss.min', 'metrics."loss.min"', 'metrics.loss.min']
  const { runs, columns } = await listRuns(storeIn(root), { columns: both })
  expect(columns).toEqual(both)
  expect(runs[0]?.values).toEqual({ 'metrics.loss.min': 1, 'metrics."loss.min"': 77 })
  // One alone keeps its short name.
  const alone = await listRuns(storeIn(root), { columns: ['metrics."loss.min"'] })
  expect(alone.runs[0]?.values).toEqual({ 'metrics.loss.min': 77 })
})
