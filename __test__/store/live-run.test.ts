import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LiveRun } from '../../src/store/live-run.ts'
import { readMetrics } from '../../src/store/metrics/series.ts'
import { readRun } from '../../src/store/read.ts'
import { ExperimentTracker } from '../../src/index.ts'
import { folderOf } from '../support/folder.ts'

const NO_CAPTURES = { enableEnvironmentTracking: false, enableGitTracking: false }

test('after every line of its journal it is as the whole journal says', async () => {
  const root = folderOf()
  const tracker = new ExperimentTracker({
    outputDir: root,
    ...NO_CAPTURES,
  })
  await tracker.startExperiment()
  for (let step = 0; step < 40; step++)
    tracker.logMetrics({ loss: 1 / (step + 1), 'val/loss': NaN }, { step })
  tracker.addTags(['one'])
  tracker.addMetadata({ rate: 0.1 })
  tracker.logMetric('without step', 3)
  await tracker.flush()
  const source = (await LiveRun.open(tracker.runDirectory ?? ''))?.folder ?? ''
  const lines = readFileSync(join(source, 'events.jsonl'), 'utf8').split(/(?<=\n)/)
  const copy = join(root, 'copy')
  mkdirSync(copy)
  writeFileSync(join(copy, 'run.json'), readFileSync(join(source, 'run.json')))
  writeFileSync(join(copy, 'events.jsonl'), '')
  const live = await LiveRun.open(copy)
  for (const [index, line] of lines.entries()) {
    // A line can be seen while it is written.
    const half = Math.floor(line.length / 2)
    appendFileSync(join(copy, 'events.jsonl'), line.slice(0, half))
    expect(await live?.refresh()).toBe(true)
    appendFileSync(join(copy, 'events.jsonl'), line.slice(half))
    expect(await live?.refresh()).toBe(true)
    if (index % 9 !== 0 && index < lines.length - 1) continue
    const run = await readRun(copy)
    expect(live?.run()).toEqual(run)
    const { series } = await readMetrics([run])
    const columns = series.map(({ name, values, steps, times }) => [name, { values, steps, times }] as const)
    expect(live?.metrics()).toEqual(new Map(columns))
  }
  expect(live?.version).toBe(lines.length)
  await tracker.finishExperiment()
  expect(await LiveRun.open(source)).toBeUndefined()
  writeFileSync(join(copy, 'run.json'), readFileSync(join(source, 'run.json')))
  expect(await live?.refresh()).toBe(false)
})

test('a journal that was cut, replaced or removed is not read on', async () => {
  const root = folderOf()
  const tracker = new ExperimentTracker({ outputDir: root, ...NO_CAPTURES })
  await tracker.startExperiment()
  tracker.logMetric('loss', 1)
  await tracker.flush()
  const source = tracker.runDirectory ?? ''
  const text = readFileSync(join(source, 'events.jsonl'), 'utf8')
  const folder = join(root, 'copy')
  mkdirSync(folder)
  writeFileSync(join(folder, 'run.json'), readFileSync(join(source, 'run.json')))
  const journal = join(folder, 'events.jsonl')
  const faults = [
    () => writeFileSync(journal, text.slice(0, 10)),
    () => {
      writeFileSync(`${journal}.other`, `${text}${text}`)
      renameSync(`${journal}.other`, journal)
    },
    () => rmSync(journal),
  ]
  for (const fault of faults) {
    writeFileSync(journal, text)
    const live = await LiveRun.open(folder)
    expect(await live?.refresh()).toBe(true)
    fault()
    expect(await live?.refresh()).toBe(false)
  }
  await tracker.finishExperiment()
})
