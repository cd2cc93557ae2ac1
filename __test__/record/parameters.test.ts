import { expect, test } from 'vitest'
import { Parameters } from '../../src/record/parameters.ts'
import type { JsonValue } from '../../src/core/json-value.ts'
import type { ReportingProcess } from '../../src/record/record.ts'

type Set = readonly [name: string, value: JsonValue, source: string, process?: number]

function recordOf(sets: readonly Set[], processes: readonly ReportingProcess[] = []): unknown {
  const parameters = new Parameters()
  for (const [name, value, source, process] of sets)
    parameters.set({ name, value, source, ...(process !== undefined && { process }) })
  return parameters.record((number) => processes.find((process) => process.number === number))
}

test('a run without parameters has no section', () => {
  expect(recordOf([])).toBeUndefined()
})

test('equal values of several sources are one parameter; others are apart', () => {
  const sets: Set[] = [
    ['lr', 0.1, 'argparse'],
    ['lr', 0.1, 'wandb'],
    ['lr', 0.2, 'hydra'],
    ['lr', 0.2, 'mlflow 2'],
    ['layers', [1, 2], 'argparse'],
  ]
  expect(recordOf(sets)).toEqual({
    lr: { value: 0.1, sources: ['argparse', 'wandb'] },
    'lr (hydra)': { value: 0.2, sources: ['hydra', 'mlflow 2'] },
    layers: { value: [1, 2], sources: ['argparse'] },
  })
})

test('a later value of a source replaces its earlier one', () => {
  expect(
    recordOf([
      ['lr', 0.1, 'wandb'],
      ['lr', 0.2, 'wandb'],
    ]),
  ).toEqual({ lr: { value: 0.2, sources: ['wandb'] } })
})

test.each<[string, JsonValue, boolean]>([
  ['0.1', 0.1, true],
  ['1e-05', 0.00001, true],
  ['2', 2, true],
  ['True', true, true],
  ['False', false, true],
  ['None', null, true],
  ['0.10001', 0.1, false],
  ['', 0, false],
  ['true', true, false],
  ['None', 'null', false],
  ['nan', { __float__: 'NaN' }, false],
])('the text %j of MLflow and the value %j: the same is %j', (text, value, same) => {
  const either = [
    [
      ['a', text, 'mlflow'],
      ['a', value, 'argparse'],
    ],
    [
      ['a', value, 'argparse'],
      ['a', text, 'mlflow'],
    ],
  ] as const
  for (const sets of either) {
    const found = recordOf(sets) as Record<string, { value: unknown }>
    expect(Object.keys(found)).toHaveLength(same ? 1 : 2)
    // The value itself says more than its text.
    const [, , first] = sets[0]
    expect(found['a']?.value).toEqual(same || first === 'argparse' ? value : text)
  }
})

test('ranks with equal parameters share them, and others are told apart', () => {
  const processes = [0, 1].map((rank) => ({ number: rank + 1, pid: rank + 5, rank }))
  const sets: Set[] = [
    ['lr', 1, 'argparse', 1],
    ['lr', 1, 'argparse', 2],
    ['shard', 0, 'argparse', 1],
    ['shard', 1, 'argparse', 2],
  ]
  expect(recordOf(sets, processes)).toEqual({
    lr: { value: 1, sources: ['argparse'] },
    shard: { value: 0, sources: ['argparse'] },
    'shard/rank 1': { value: 1, sources: ['argparse'] },
  })
})
