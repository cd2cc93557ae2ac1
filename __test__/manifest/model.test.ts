import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkManifest } from '../../src/manifest/check.ts'
import { createManifest, formatManifest, parseManifest } from '../../src/manifest/manifest.ts'
import { readModel } from '../../src/model/read.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import type { ManifestCheck } from '../../src/manifest/check.ts'

const CONFIG = JSON.stringify({ hidden_size: 2, transformers_version: '4.0.0' })
const TENSORS = { 'a.weight': floats([1, 2]), 'b.weight': floats([3, 4, 5, 6], [2, 2]) }

function model(): string {
  return folderOf({ 'model.safetensors': safetensors(TENSORS), 'config.json': CONFIG, 'README.md': 'hello' })
}

/** A model in two shards with their index. */
function sharded(): string {
  const index = { metadata: {}, weight_map: { 'a.weight': '1.safetensors', 'b.weight': '2.safetensors' } }
  return folderOf({
    '1.safetensors': safetensors({ 'a.weight': TENSORS['a.weight'] }),
    '2.safetensors': safetensors({ 'b.weight': TENSORS['b.weight'] }),
    'model.safetensors.index.json': JSON.stringify(index),
    'config.json': CONFIG,
  })
}

/** Each difference in one line. */
function said({ changed, missing, added, unreadable }: ManifestCheck): string[] {
  return Object.entries({ changed, missing, added, unreadable }).flatMap(([kind, items]) =>
    items.map(({ path, tensor, digest }) => [kind, path, tensor ?? digest].filter(Boolean).join(' ')),
  )
}

test('a manifest with tensors has the digests of readModel and survives its text', async () => {
  for (const root of [model(), sharded()]) {
    for (const algorithm of ['blake3', 'sha256', 'both'] as const) {
      const manifest = await createManifest(root, { tensors: true, algorithm })
      const { digests, tensors } = await readModel(root, { algorithm })
      expect(manifest.model).toMatchObject({ weights: digests.weights, architecture: digests.architecture })
      expect(manifest.tensors).toEqual(
        tensors.map(({ name, dtype, shape, file, digest }) => ({ name, dtype, shape, file, digest })),
      )
      expect(parseManifest(formatManifest(manifest))).toEqual(manifest)
      const check = await checkManifest(manifest, root)
      expect(check).toMatchObject({ same: true, counts: { tensors: 2, same: manifest.entries.length + 2 } })
    }
  }
})

test('the tensor that changed is named', async () => {
  const root = model()
  const manifest = await createManifest(root, { tensors: true })
  const file = join(root, 'model.safetensors')
  writeFileSync(file, safetensors({ ...TENSORS, 'b.weight': floats([3, 4, 5, 7], [2, 2]) }))
  const elements = await checkManifest(manifest, root)
  expect(said(elements)).toEqual(['changed model.safetensors', 'changed model.safetensors b.weight'])
  expect(elements.changed[1]?.detail).toBe('its elements differ')
  writeFileSync(file, safetensors({ ...TENSORS, 'b.weight': floats([3, 4, 5, 6]) }))
  const shape = await checkManifest(manifest, root)
  expect(said(shape)).toEqual([
    'changed model.safetensors',
    'changed model.safetensors architecture',
    'changed model.safetensors b.weight',
  ])
  expect(shape.changed[2]?.detail).toBe('its shape was [2, 2] and is [4]')
  writeFileSync(file, safetensors({ 'a.weight': TENSORS['a.weight'], c: floats([1]) }))
  expect(said(await checkManifest(manifest, root))).toEqual([
    'changed model.safetensors',
    'changed model.safetensors architecture',
    'missing model.safetensors b.weight',
    'added model.safetensors c',
  ])
})

test('metadata changes the file and no tensor; a configuration only where it means something', async () => {
  const root = model()
  const manifest = await createManifest(root, { tensors: true })
  writeFileSync(join(root, 'model.safetensors'), safetensors(TENSORS, { note: 'saved again' }))
  expect(said(await checkManifest(manifest, root))).toEqual(['changed model.safetensors'])
  writeFileSync(join(root, 'model.safetensors'), safetensors(TENSORS))
  writeFileSync(join(root, 'config.json'), CONFIG.replace('4.0.0', '4.0.1'))
  expect(said(await checkManifest(manifest, root))).toEqual(['changed config.json'])
  writeFileSync(join(root, 'config.json'), CONFIG.replace('2', '3'))
  expect(said(await checkManifest(manifest, root))).toEqual([
    'changed config.json',
    'changed model.safetensors architecture',
  ])
})

test('of a model that is no longer whole, what is left is checked', async () => {
  const root = sharded()
  const manifest = await createManifest(root, { tensors: true })
  writeFileSync(join(root, '1.safetensors'), safetensors({ 'a.weight': floats([1, 3]) }))
  rmSync(join(root, '2.safetensors'))
  expect(said(await checkManifest(manifest, root))).toEqual([
    'changed 1.safetensors',
    'changed 1.safetensors a.weight',
    'missing 2.safetensors',
  ])
  writeFileSync(join(root, '2.safetensors'), 'no header')
  const broken = await checkManifest(manifest, root)
  expect(said(broken)).toEqual([
    'changed 1.safetensors',
    'changed 1.safetensors a.weight',
    'changed 2.safetensors',
  ])
  expect(broken.changed[2]?.detail).toMatch(/its tensors cannot be read/)
  const other = model()
  const whole = await createManifest(other, { tensors: true })
  writeFileSync(join(other, 'config.json'), '{')
  expect(said(await checkManifest(whole, other))).toEqual(['changed config.json'])
})

test('a second candidate beside the model is an added file, not a riddle', async () => {
  const root = model()
  const manifest = await createManifest(root, { tensors: true })
  writeFileSync(join(root, 'adapter.safetensors'), safetensors({ x: floats([1]) }))
  expect(said(await checkManifest(manifest, root))).toEqual(['added adapter.safetensors'])
  expect((await checkManifest(manifest, root, { ignoreAdded: true })).same).toBe(true)
})

test('a single weights file has weights and no architecture: the configuration is another file', async () => {
  const root = model()
  const file = join(root, 'model.safetensors')
  const manifest = await createManifest(file, { tensors: true })
  expect(Object.keys(manifest.model ?? {})).toEqual(['file', 'weights'])
  expect(manifest.model?.weights).toEqual((await readModel(root)).digests.weights)
  writeFileSync(join(root, 'config.json'), 'broken')
  expect((await checkManifest(formatBytes(manifest), file)).same).toBe(true)
  writeFileSync(file, safetensors({ ...TENSORS, 'a.weight': floats([0, 0]) }))
  expect(said(await checkManifest(manifest, root))).toEqual([
    'changed model.safetensors',
    'changed model.safetensors a.weight',
  ])
  const index = join(sharded(), 'model.safetensors.index.json')
  await expect(createManifest(index, { tensors: true })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    path: index,
    hint: 'pass the folder instead',
  })
})

test('a model whose files are left out or only linked to has no manifest with tensors', async () => {
  const root = model()
  await expect(createManifest(root, { tensors: true, ignore: ['config.json'] })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    path: join(root, 'config.json'),
    received: 'an ignored file or a recorded link',
  })
  const elsewhere = model()
  rmSync(join(root, 'config.json'))
  symlinkSync(join(elsewhere, 'config.json'), join(root, 'config.json'))
  await expect(createManifest(root, { tensors: true, links: 'record' })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
  })
  expect((await createManifest(root, { tensors: true })).tensors).toHaveLength(2)
})

test('recorded links are not followed to weights outside the folder', async () => {
  const root = model()
  const manifest = await createManifest(root, { tensors: true, links: 'record' })
  const outside = model()
  rmSync(join(root, 'model.safetensors'))
  symlinkSync(join(outside, 'model.safetensors'), join(root, 'model.safetensors'))
  const check = await checkManifest(manifest, root)
  expect(said(check)).toEqual(['changed model.safetensors'])
  expect(check.changed[0]?.detail).toBe('was a file and is a link')
  expect(check.counts.same).toBe(2)
})

test('tensors that contradict their weights digest, or lie in no entry, are refused', async () => {
  const text = formatManifest(await createManifest(model(), { tensors: true }))
  expect(() => parseManifest(text.replace('"a.weight"', '"a.bias"'))).toThrow(/contradicts itself/)
  expect(() => parseManifest(text.replaceAll('"file":"model.safetensors"', '"file":"../m"'))).toThrow(
    /the model file "\.\.\/m" is not among the entries/,
  )
  expect(() => parseManifest(text.replace('"b.weight"', '"a.weight"'))).toThrow(
    /the tensor "a\.weight" .*twice/,
  )
})

function formatBytes(manifest: Awaited<ReturnType<typeof createManifest>>): Uint8Array {
  return Buffer.from(formatManifest(manifest))
}

test('a pipeline is refused with what to do instead, even where weights lie beside its index', async () => {
  const unet = { 'unet/config.json': '{}', 'unet/diffusion_pytorch_model.safetensors': safetensors(TENSORS) }
  const index = { 'model_index.json': JSON.stringify({ unet: ['diffusers', 'UNet2DModel'] }) }
  for (const files of [
    { ...index, ...unet },
    { ...index, ...unet, 'all.safetensors': safetensors(TENSORS) },
  ]) {
    const root = folderOf(files)
    await expect(createManifest(root, { tensors: true })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_UNSUPPORTED',
      path: root,
      received: 'a pipeline of diffusers (model_index.json)',
      hint: 'create a manifest with tensors of each component, and one without tensors of the pipeline',
    })
    const component = await createManifest(join(root, 'unet'), { tensors: true })
    expect(component.tensors?.map(({ name }) => name)).toEqual(['a.weight', 'b.weight'])
    const whole = await createManifest(root)
    expect((await checkManifest(whole, root)).same).toBe(true)
  }
})
