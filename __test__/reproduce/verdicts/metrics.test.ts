import { expect, test } from 'vitest'
import { compareMetrics } from '../../../src/reproduce/verdicts/metrics.ts'
import type { MetricSummary } from '../../../src/reproduce/verdicts/metrics.ts'

const summary = (last: number, sources?: readonly string[]): MetricSummary => ({
  count: 1,
  nanCount: 0,
  first: last,
  last,
  min: last,
  max: last,
  lastStep: 1,
  ...(sources !== undefined && { sources }),
})

test('what a library was told about time is not compared; everything else is', () => {
  const metrics = (last: number): Map<string, MetricSummary> =>
    new Map([
      ['eval_runtime', summary(last, ['transformers'])],
      ['eval_loss', summary(last, ['transformers'])],
      // The program asked for this one itself.
      ['own_runtime', summary(last)],
    ])
  const verdicts = compareMetrics(metrics(1), metrics(2), undefined)
  expect(verdicts.map(({ name, verdict }) => [name, verdict])).toEqual([
    ['eval_runtime', 'not-compared'],
    ['eval_loss', 'different'],
    ['own_runtime', 'different'],
  ])
  const others = new Map([
    ['train_runtime', summary(1, ['transformers'])],
    ['loss', summary(1, ['transformers'])],
  ])
  expect(compareMetrics(new Map(), others, undefined).map(({ name }) => name)).toEqual(['loss'])
})
