import { expect, test } from 'vitest'
import { isDurationName } from '../../src/record/duration-names.ts'

test.each([
  'train_runtime',
  'eval_samples_per_second',
  'train/steps_per_second',
  'time',
  '_runtime',
  '_timestamp',
  'perf/iter_time',
  'data.time',
  'fps',
  'tokens_per_sec',
  'step_time_ms',
  'Runtime',
])('%s measures time', (name) => {
  expect(isDurationName(name)).toBe(true)
})

test.each([
  'loss',
  'timesteps',
  'time/loss',
  'second',
  'loss_second',
  'overtime',
  'epoch',
  'sentiment',
  'items',
  'msd',
  'total_flos',
  '',
  '1',
])('%s does not', (name) => {
  expect(isDurationName(name)).toBe(false)
})
