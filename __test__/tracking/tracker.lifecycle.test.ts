import { expect, test } from 'vitest'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { folderOf } from '../support/folder.ts'
import { NO_CAPTURES, finished } from './support.ts'

test('isRunning is true between start and finish', async () => {
  const tracker = new ExperimentTracker(NO_CAPTURES, { directory: folderOf(), environment: {} })
  expect(tracker.isRunning).toBe(false)
  await tracker.startExperiment()
  expect(tracker.isRunning).toBe(true)
  await tracker.finishExperiment()
  expect(tracker.isRunning).toBe(false)
})

test('a tokenizer is recorded among the tokenizers alone', async () => {
  const { record } = await finished(folderOf({ 't/vocab.txt': 'a' }), {}, (tracker) =>
    tracker.trackTokenizer('t', 't'),
  )
  expect(Object.keys(record.models)).toEqual([])
  expect(Object.keys(record.tokenizers)).toEqual(['t'])
})
