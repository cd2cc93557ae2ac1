import { expect, test } from 'vitest'
import { MODELS, startsRight } from '../../soak/models-mutate.ts'
import { modelsRound } from '../../soak/models.ts'
import { faultsOf, quietly } from './support.ts'

test('a model file of any format gives a typed error or sound tensors', { timeout: 120_000 }, async () => {
  const outcome = await modelsRound({ ...quietly, executions: 1000 })
  expect(faultsOf(outcome)).toEqual([])
  expect(outcome.rounds).toBe(1000)
})

test('every format has models to change, and the control takes them', () => {
  for (const suffix of 'safetensors pt gguf npz onnx keras h5 tflite msgpack json'.split(' ')) {
    // In one file HDF5 begins behind a block of the user.
    const models = MODELS.filter(
      ({ entry }) => entry.endsWith(`.${suffix}`) && !entry.startsWith('user-block'),
    )
    expect(models.length, suffix).toBeGreaterThan(0)
    for (const model of models) expect(startsRight(model), model.entry).toBe(true)
  }
})
