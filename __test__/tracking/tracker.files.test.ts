/** Which files a run writes, and when. */
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf } from '../support/folder.ts'
import { finished, started } from './support.ts'

test('a logged value neither makes a file nor rewrites the record', async () => {
  const root = folderOf()
  const tracker = await started(root)
  const files = (): string[] => readdirSync(root, { recursive: true }).map(String).toSorted()
  const before = files()
  const record = join(tracker.runDirectory, 'run.json')
  const { mtimeMs } = statSync(record)
  for (let step = 0; step < 30; step++) {
    tracker.logMetric('loss', step, { step })
    await tracker.flush()
  }
  expect(files()).toEqual(before)
  expect(statSync(record).mtimeMs).toBe(mtimeMs)
  await tracker.finishExperiment()
})

test('a run makes no cache of digests unless it is asked to', async () => {
  const root = folderOf({ d: '1' })
  const [one, two] = [
    await finished(root, {}, (tracker) => tracker.trackDataset('d', 'd')),
    await finished(root, {}, (tracker) => tracker.trackDataset('d', 'd')),
  ]
  expect(one.record.datasets).toEqual(two.record.datasets)
  expect(readdirSync(join(root, '.lineaprint')).filter((name) => name.includes('cache'))).toEqual([])
})

test('files with metrics are read to the end of the run', async () => {
  const root = folderOf()
  const { record } = await finished(root, { metricFiles: ['log.jsonl'] }, () => {
    writeFileSync(join(root, 'log.jsonl'), '{"loss":2}\n{"loss":1}\n')
  })
  expect(record.metrics).toMatchObject({ loss: { count: 2, last: 1, sources: ['log.jsonl'] } })
  expect(record.metricFiles).toMatchObject([
    { path: join(root, 'log.jsonl'), source: 'log.jsonl', status: 'read', rows: 2, values: 2 },
  ])
})
