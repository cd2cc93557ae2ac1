import { expect, test } from 'vitest'
import { seriesKey, withoutOrigin } from '../../src/record/series-keys.ts'
import type { MetricRecord } from '../../src/record/record.ts'

const TOTALS: MetricRecord = { count: 1, nanCount: 0, first: 1, last: 1, min: 1, max: 1, lastStep: null }

test('events of a process belong to its series', () => {
  const keyOf = seriesKey({
    metrics: {
      loss: { ...TOTALS, process: 2 },
      'loss/rank 1': { ...TOTALS, process: 1, loggedAs: 'loss' },
      'system/cpu_percent': TOTALS,
    },
    digests: {
      weights: { count: 1, first: 'a', last: 'a', lastStep: null, process: 2 },
    },
  })
  expect(keyOf({ type: 'metric', name: 'loss', process: 2 })).toBe('loss')
  expect(keyOf({ type: 'metric', name: 'loss', process: 1 })).toBe('loss/rank 1')
  expect(keyOf({ type: 'metric', name: 'system/cpu_percent' })).toBe('system/cpu_percent')
  expect(keyOf({ type: 'digest', name: 'weights', process: 2 })).toBe('weights')
  // A record that lacks the series, or an older one.
  expect(keyOf({ type: 'metric', name: 'constructor', process: 9 })).toBe('constructor')
})

test('events of a source belong to its series', () => {
  const keyOf = seriesKey({
    metrics: {
      loss: { ...TOTALS, process: 1, sources: ['lineaprint', 'mlflow'] },
      'loss (wandb)': { ...TOTALS, process: 1, loggedAs: 'loss', sources: ['wandb', 'tensorboard'] },
    },
  })
  expect(keyOf({ type: 'metric', name: 'loss', process: 1 })).toBe('loss')
  expect(keyOf({ type: 'metric', name: 'loss', process: 1, source: 'wandb' })).toBe('loss (wandb)')
})

test('a summary is compared without the number of its process, and without its sources', () => {
  expect(withoutOrigin({ ...TOTALS, sources: ['wandb'] })).toEqual(TOTALS)
  expect(withoutOrigin({ ...TOTALS, process: 1, loggedAs: 'loss' })).toEqual(TOTALS)
  expect(withoutOrigin(undefined)).toBeUndefined()
})
