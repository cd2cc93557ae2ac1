import { expect, test } from 'vitest'
import { describeReported } from '../../src/record/reported-summary.ts'

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
