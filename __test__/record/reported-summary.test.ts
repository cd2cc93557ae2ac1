import { expect, test } from 'vitest'
import { describeMetricFiles, describeReported } from '../../src/record/reported-summary.ts'

test('metrics and parameters by their libraries', () => {
  expect(describeReported({ metrics: {} })).toBeUndefined()
  expect(describeReported({ metrics: { loss: {} }, parameters: {} })).toBeUndefined()
  const text = describeReported({
    metrics: {
      own: {},
      loss: { sources: ['lineaprint', 'tensorboard 2'] },
      other: { sources: ['tensorboard', 'wandb'] },
    },
    parameters: { lr: { value: 1, sources: ['argparse'] } },
  })
  expect(text).toMatch(/: 2 metrics from tensorboard, wandb; 1 parameter from argparse; --no-reported/)
})

test('files are no libraries, and are not switched off', () => {
  const metrics = { loss: { sources: ['log.csv'] }, acc: { sources: ['m.json'] }, own: {} }
  expect(describeReported({ metrics })).toBeUndefined()
  expect(describeMetricFiles({ metrics })).toBe('recorded 2 metrics that the command wrote: log.csv, m.json')
  expect(describeMetricFiles({ metrics: { own: {}, loss: { sources: ['wandb'] } } })).toBeUndefined()
})
