import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diffModels } from '../../../src/model/diff/diff.ts'
import { folderOf } from '../../support/folder.ts'
import { floats, safetensors } from '../../support/safetensors.ts'

/** Two equal pipelines. */
function pair(): readonly [string, string] {
  const first = folderOf({
    'model_index.json': '{"_class_name": "P", "scheduler": ["diffusers", "S"], "unet": ["diffusers", "U"]}',
    'scheduler/scheduler_config.json': '{"steps": 1}',
    'unet/diffusion_pytorch_model.safetensors': safetensors({ w: floats([1, 2]) }),
  })
  const second = folderOf()
  cpSync(first, second, { recursive: true })
  return [first, second]
}

test('pipelines that are equal, and one with other settings of a scheduler', async () => {
  const [first, second] = pair()
  expect(await diffModels(first, second)).toMatchObject({ same: true, samePipeline: true, components: [] })
  writeFileSync(join(second, 'scheduler', 'scheduler_config.json'), '{"steps": 2}')
  expect(await diffModels(first, second)).toMatchObject({
    same: false,
    sameWeights: true,
    samePipeline: false,
    components: ['scheduler'],
    tensors: [],
  })
})

test('a changed tensor is named with its component, and compared by its values', async () => {
  const [first, second] = pair()
  writeFileSync(
    join(second, 'unet', 'diffusion_pytorch_model.safetensors'),
    safetensors({ w: floats([1, 3]) }),
  )
  const diff = await diffModels(first, second, { values: true })
  expect(diff).toMatchObject({
    components: ['unet'],
    tensors: [{ status: 'changed', name: 'unet/w', differs: ['data'], values: { maxAbsolute: 1 } }],
  })
})

test('a pipeline and a model have no pipeline in common', async () => {
  const [first] = pair()
  const diff = await diffModels(first, join(first, 'unet'))
  expect(diff).toMatchObject({ same: false, samePipeline: undefined, counts: { renamed: 1 } })
})
