import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diffModels } from '../../src/model/diff/diff.ts'
import { readModel } from '../../src/model/read.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'

test('health is counted in the read of the digests, of floating-point numbers alone', async () => {
  const folder = folderOf({
    'm.safetensors': safetensors({
      a: floats([0, -0, 3, -4]),
      b: floats([NaN, Infinity, -Infinity, 2]),
      c: floats([NaN]),
      d: { dtype: 'U8', shape: [2], data: Uint8Array.of(1, 2) },
    }),
  })
  const path = join(folder, 'm.safetensors')
  const { tensors, weights } = await readModel(path, { health: true })
  expect(tensors.map(({ health }) => health)).toEqual([
    {
      numbers: 4,
      nan: 0,
      infinite: 0,
      zeros: 2,
      zeroShare: 0.5,
      minimum: -4,
      maximum: 3,
      mean: -0.25,
      norm: 5,
    },
    { numbers: 4, nan: 1, infinite: 2, zeros: 0, zeroShare: 0, minimum: 2, maximum: 2, mean: 2, norm: 2 },
    { numbers: 1, nan: 1, infinite: 0, zeros: 0, zeroShare: 0, norm: 0 },
    undefined,
  ])
  const plain = await readModel(path)
  expect(plain.weights.equals(weights)).toBe(true)
  expect(plain.tensors[0]).not.toHaveProperty('health')
  const sampled = readModel(path, { health: true, sample: { count: 1 } })
  await expect(sampled).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
})

test('a tensor that turned into NaN is changed', async () => {
  const folder = folderOf({
    'a.safetensors': safetensors({ w: floats([1, 2]) }),
    'b.safetensors': safetensors({ w: floats([NaN, NaN]) }),
  })
  const { same, tensors } = await diffModels(join(folder, 'a.safetensors'), join(folder, 'b.safetensors'))
  expect(same).toBe(false)
  expect(tensors).toMatchObject([{ status: 'changed', name: 'w', differs: ['data'] }])
})
