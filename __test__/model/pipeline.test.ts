import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashTree } from '../../src/hash/tree.ts'
import { describeModel } from '../../src/model/describe.ts'
import { listModel, readModel } from '../../src/model/read.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'

const ONE = safetensors({ w: floats([1]) })
const TWO = safetensors({ w: floats([2]) })
const INDEX = {
  _class_name: 'TinyPipeline',
  scheduler: ['diffusers', 'DDIMScheduler'],
  unet: ['diffusers', 'UNet2DModel'],
}

type Files = Readonly<Record<string, string | Uint8Array>>

function pipeline(more: Files = {}, index: unknown = INDEX): string {
  return folderOf({
    'model_index.json': JSON.stringify(index),
    'scheduler/scheduler_config.json': '{"steps": 10}',
    'unet/config.json': '{}',
    'unet/diffusion_pytorch_model.safetensors': ONE,
    ...more,
  })
}

test('each component has its digests, and all together are one model', async () => {
  const folder = pipeline()
  const report = await readModel(folder)
  const unet = await readModel(join(folder, 'unet'))
  expect(report).toMatchObject({
    format: 'diffusers',
    tensorCount: 1,
    parameters: 1,
    files: [{ name: 'unet/diffusion_pytorch_model.safetensors' }],
    tensors: [{ name: 'unet/w', file: 'unet/diffusion_pytorch_model.safetensors' }],
    warnings: [],
  })
  expect(report.pipeline?.kind).toBe('pipeline')
  const [scheduler, model] = report.components ?? []
  expect(scheduler).toMatchObject({ name: 'scheduler', library: 'diffusers', class: 'DDIMScheduler' })
  expect(Object.keys(scheduler?.digests ?? {})).toEqual(['settings'])
  expect(model?.weights?.equals(unet.weights)).toBe(true)
  expect(model?.architecture?.equals(unet.architecture)).toBe(true)
  expect((await describeModel(folder)).structure.classes).toEqual(['TinyPipeline'])
})

test('with files, its tree is that of the folder', async () => {
  const folder = pipeline()
  const report = await readModel(folder, { files: true, algorithm: 'both' })
  const { digests } = await hashTree(folder, { algorithm: 'both' })
  expect(report.digests.tree).toEqual(digests)
})

test('a variant is read where a component has it, and the report says where not', async () => {
  const index = { ...INDEX, vae: ['diffusers', 'AutoencoderKL'] }
  const folder = pipeline(
    { 'unet/diffusion_pytorch_model.fp16.safetensors': TWO, 'vae/diffusion_pytorch_model.safetensors': ONE },
    index,
  )
  const plain = await readModel(folder)
  expect(plain.warnings).toEqual([])
  expect(plain.components?.map(({ name, sameAs }) => [name, sameAs])).toEqual([
    ['scheduler', undefined],
    ['unet', undefined],
    ['vae', undefined],
  ])
  const half = await readModel(folder, { weights: 'fp16' })
  expect(half.selectedWeights).toBe('fp16')
  expect(half.weights.equals(plain.weights)).toBe(false)
  expect(half.files.map(({ name }) => name)).toEqual([
    'unet/diffusion_pytorch_model.fp16.safetensors',
    'vae/diffusion_pytorch_model.safetensors',
  ])
  expect(half.warnings).toEqual(['vae has no variant "fp16": its other weights were read'])
  for (const weights of ['bf16', '../x', 'x.safetensors'])
    await expect(readModel(folder, { weights })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_NOT_FOUND',
      field: 'weights',
    })
})

test('a component that another one equals is named', async () => {
  const index = { ...INDEX, second: ['diffusers', 'UNet2DModel'] }
  const folder = pipeline(
    { 'second/diffusion_pytorch_model.safetensors': ONE, 'second/config.json': '{}' },
    index,
  )
  const { components, ties } = await readModel(folder)
  expect(components?.map(({ name, sameAs }) => [name, sameAs])).toEqual([
    ['scheduler', undefined],
    ['second', undefined],
    ['unet', 'second'],
  ])
  expect(ties).toEqual([['second/w', 'unet/w']])
})

test('what no digest covers is named', async () => {
  const folder = pipeline({
    'unet/model.py': 'pass',
    'pipeline.py': 'pass',
    'other/x': '',
    'v1-5-pruned.safetensors': TWO,
  })
  const report = await readModel(folder)
  expect(report.otherCopies).toEqual(['v1-5-pruned.safetensors'])
  expect(report.warnings).toEqual([
    'unet has code, which only --files covers: model.py',
    'model_index.json names no component for these folders, which were not read: other',
    'the pipeline has code, which only --files covers: pipeline.py',
  ])
  const root = await readModel(folder, { weights: 'v1-5-pruned.safetensors' })
  expect(root).toMatchObject({ format: 'safetensors', tensorCount: 1 })
})

test('a pipeline that is not whole is refused with the name of the component', async () => {
  const missing = pipeline()
  rmSync(join(missing, 'unet'), { recursive: true })
  await expect(readModel(missing)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_FOUND',
    message: expect.stringContaining('"unet" is missing') as string,
  })
  const empty = pipeline()
  rmSync(join(empty, 'scheduler', 'scheduler_config.json'))
  await expect(readModel(empty)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_FOUND',
    path: join(empty, 'scheduler'),
  })
})

test('no name of a component leaves the folder', async () => {
  for (const name of ['..', '.', '../unet', 'a/b', 'a\\b', 'c:', '', 'a\0b']) {
    const folder = join(pipeline(), 'inner')
    mkdirSync(folder)
    writeFileSync(join(folder, 'model_index.json'), JSON.stringify({ [name]: ['diffusers', 'UNet2DModel'] }))
    await expect(readModel(folder), JSON.stringify(name)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
      received: JSON.stringify(name),
    })
  }
})

test('an index that is none is refused', async () => {
  for (const text of ['[]', 'null', '3', '{}', '{"a": 1, "_b": ["x", "y"]}', '{"a": 1, "a": 2}', 'no JSON'])
    await expect(readModel(folderOf({ 'model_index.json': text })), text).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
    })
})

test('a component without digest of its weights leaves the whole without', async () => {
  const script = readFileSync('vectors/models/gguf/unknown-type.gguf')
  const folder = pipeline({ 'unet/model.gguf': script })
  rmSync(join(folder, 'unet', 'diffusion_pytorch_model.safetensors'))
  const listing = await listModel(folder)
  expect(listing.incomplete).toMatch(/^unet: /)
  expect(listing.pipeline).toBeUndefined()
  expect(listing.weights).toBeUndefined()
  await expect(readModel(folder)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_UNSUPPORTED' })
})

test('a sample and a base are refused', async () => {
  await expect(readModel(pipeline(), { sample: { strategy: 'strided', count: 1 } })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_UNSUPPORTED',
    received: 'a pipeline of diffusers (model_index.json)',
    hint: 'sample its components one by one: they are the folders below it',
  })
  await expect(readModel(pipeline(), { base: pipeline() })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    field: 'base',
  })
})

test('a snapshot in the cache of the Hub is read through its links', async () => {
  const folder = pipeline()
  const repository = folderOf({ 'refs/main': 'abc', 'blobs/x': '' })
  mkdirSync(join(repository, 'snapshots'))
  symlinkSync(folder, join(repository, 'snapshots', 'abc'))
  const [first, second] = [await readModel(folder), await readModel(repository)]
  expect(String(first.pipeline)).toBe(String(second.pipeline))
})
