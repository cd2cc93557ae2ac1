/** Errors of calls that record something: thrown, or warnings of the run. */
import { expect, test } from 'vitest'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { readRun } from '../../src/store/runs.ts'
import { folderOf } from '../support/folder.ts'
import { NO_CAPTURES } from './support.ts'
import type { TrackerSettings } from '../../src/tracking/settings.ts'

function trackerIn(root: string, settings: TrackerSettings): ExperimentTracker {
  return new ExperimentTracker(
    { outputDir: root, ...NO_CAPTURES },
    { directory: root, environment: {}, ...settings },
  )
}

/** Every call that records something, with what is wrong. */
const CALLS: Readonly<Record<string, (tracker: ExperimentTracker) => unknown>> = {
  trackDataset: (tracker) => tracker.trackDataset('missing', 'd'),
  trackModel: (tracker) => tracker.trackModel('missing', 'm'),
  trackTokenizer: (tracker) => tracker.trackTokenizer('missing', 't'),
  trackOutput: (tracker) => tracker.trackOutput('missing', 'o'),
  logMetric: (tracker) => tracker.logMetric('m', 'text' as never),
  logMetrics: (tracker) => tracker.logMetrics({ good: 1, bad: null as never }),
  logDigest: (tracker) => tracker.logDigest('d', 7 as never),
  addMetadata: (tracker) => tracker.addMetadata('f', (() => undefined) as never),
  addTags: (tracker) => tracker.addTags(''),
  setNotes: (tracker) => tracker.setNotes(7 as never),
}

test('without strict, an error is a warning of the run, and the call returns undefined', async () => {
  const root = folderOf()
  const tracker = trackerIn(root, { strict: false })
  await tracker.startExperiment()
  for (const call of Object.values(CALLS)) expect(await call(tracker)).toBeUndefined()
  // The same error is told once.
  await tracker.trackDataset('missing', 'd')
  tracker.logMetric('after', 1)
  const { status, runDirectory } = await tracker.finishExperiment()
  const { record } = await readRun(runDirectory)
  expect(status).toBe('finished')
  expect(record.warnings.map((warning) => warning.split(':')[0])).toEqual(Object.keys(CALLS))
  expect(Object.keys(record.metrics)).toEqual(['after'])
})

test.each([
  ['by default', {}],
  ['where the program says so', { strict: true, environment: { LINEAPRINT_STRICT: '0' } }],
  ['by the variable', { environment: { LINEAPRINT_STRICT: '1' } }],
])('errors are thrown %s', async (_, settings) => {
  const root = folderOf()
  const tracker = trackerIn(root, settings)
  await tracker.startExperiment()
  for (const call of Object.values(CALLS))
    await expect((async () => call(tracker))()).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_LINEAPRINT_/) as string,
    })
  const { runDirectory } = await tracker.finishExperiment()
  expect((await readRun(runDirectory)).record.warnings).toEqual([])
})

test('the variable makes errors warnings', async () => {
  const tracker = trackerIn(folderOf(), { environment: { LINEAPRINT_STRICT: 'false' } })
  await tracker.startExperiment()
  expect(await tracker.trackDataset('missing', 'd')).toBeUndefined()
  expect((await tracker.finishExperiment()).warnings).toHaveLength(1)
})

test('a call outside of a run is told once, by a warning of the process', async () => {
  const tracker = trackerIn(folderOf(), { strict: false })
  const told: Error[] = []
  const take = (warning: Error): void => void (warning.name === 'LineaprintWarning' && told.push(warning))
  process.on('warning', take)
  try {
    tracker.logMetric('m', 1)
    tracker.addTags('t')
    await new Promise((done) => setImmediate(done))
  } finally {
    process.off('warning', take)
  }
  expect(told.map(({ message }) => message.split(':')[0])).toEqual(['logMetric'])
})

test('a cancelled call throws the reason', async () => {
  const stop = new AbortController()
  const tracker = trackerIn(folderOf({ a: 'x' }), { strict: false, signal: stop.signal })
  await tracker.startExperiment()
  const reason = new Error('enough')
  stop.abort(reason)
  await expect(tracker.trackDataset('a', 'a')).rejects.toBe(reason)
})
