import { closeSync, openSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashFile } from '../../src/hash/file.ts'
import { hashTree } from '../../src/hash/tree.ts'
import { jsonPieces } from '../../src/json/pieces.ts'
import { listingDocument, readModel, readModelWith, readParts } from '../../src/model/read.ts'
import { folderOf, paint } from '../support/folder.ts'
import { floats, fromHeader, safetensors } from '../support/safetensors.ts'
import type { TensorToWrite } from '../support/safetensors.ts'

const WEIGHTS = {
  'layer.weight': floats([1, 2, 3, 4, 5, 6], [2, 3]),
  'layer.bias': floats([0, 0, 0]),
  'embedding.weight': { dtype: 'BF16', shape: [500, 20], data: paint(20_000) },
  'lm_head.weight': { dtype: 'BF16', shape: [500, 20], data: paint(20_000) },
}
const CONFIG = JSON.stringify({
  hidden_size: 20,
  _name_or_path: 'somewhere',
  inner: { torch_dtype: 'bfloat16' },
})

const index = (map: Readonly<Record<string, string>>): string =>
  JSON.stringify({ metadata: {}, weight_map: map })

test('a configuration that is given stands for that of the folder', async () => {
  const weights = safetensors(WEIGHTS)
  const inFolder = await readModel(folderOf({ 'model.safetensors': weights, 'config.json': CONFIG }))
  const alone = join(folderOf({ 'model.safetensors': weights }), 'model.safetensors')
  const given = { name: 'parameters', text: CONFIG, ignored: ['seed'] }
  const report = await readModelWith(alone, {}, given)
  expect(report.architecture.equals(inFolder.architecture)).toBe(true)
  expect(report.config).toEqual({
    name: 'parameters',
    ignored: ['seed', '_name_or_path', 'inner.torch_dtype'],
  })
  expect((await readModelWith(alone, {}, undefined)).architecture.equals(report.architecture)).toBe(false)
  await expect(readModelWith(alone, {}, { ...given, text: '{"a":1,"a":2}' })).rejects.toThrow(
    /two members|equal|twice|duplicate/i,
  )
})

test('counts, dtypes and ties', async () => {
  const report = await readModel(
    folderOf({ 'model.safetensors': safetensors(WEIGHTS), 'config.json': CONFIG }),
  )
  expect(report).toMatchObject({
    format: 'safetensors',
    tensorCount: 4,
    parameters: 20_009,
    bytes: 40_036,
    dtypes: {
      F32: { tensors: 2, parameters: 9, bytes: 36 },
      BF16: { tensors: 2, parameters: 20_000, bytes: 40_000 },
    },
    ties: [['embedding.weight', 'lm_head.weight']],
    config: { name: 'config.json', ignored: ['_name_or_path', 'inner.torch_dtype'] },
    warnings: [],
  })
  expect(report.tensors.map(({ name }) => name)).toEqual([
    'embedding.weight',
    'layer.bias',
    'layer.weight',
    'lm_head.weight',
  ])
  expect(report.tree).toBeUndefined()
})

test('sharding, order in the file and metadata do not change the weights', async () => {
  const single = await readModel(folderOf({ 'model.safetensors': safetensors(WEIGHTS, { format: 'pt' }) }), {
    algorithm: 'both',
  })
  const [one, two, three, four] = Object.entries(WEIGHTS)
  if (!one || !two || !three || !four) throw new Error('four tensors')
  const sharded = await readModel(
    folderOf({
      'model-1.safetensors': safetensors(Object.fromEntries([three, one])),
      'model-2.safetensors': safetensors(Object.fromEntries([four, two]), { a: 'b' }),
      'model.safetensors.index.json': index({
        [one[0]]: 'model-1.safetensors',
        [three[0]]: 'model-1.safetensors',
        [two[0]]: 'model-2.safetensors',
        [four[0]]: 'model-2.safetensors',
      }),
    }),
    { algorithm: 'both' },
  )
  expect(sharded.digests).toEqual(single.digests)
  expect(sharded.files.map(({ name }) => name)).toEqual(['model-1.safetensors', 'model-2.safetensors'])
})

test('a changed weight changes the weights and not the architecture, a changed shape both', async () => {
  const model = (weights: typeof WEIGHTS): Promise<Awaited<ReturnType<typeof readModel>>> =>
    readModel(folderOf({ 'model.safetensors': safetensors(weights) }))
  const before = await model(WEIGHTS)
  const trained = await model({ ...WEIGHTS, 'layer.bias': floats([0, 0, 1e-7]) })
  const reshaped = await model({ ...WEIGHTS, 'layer.weight': floats([1, 2, 3, 4, 5, 6], [3, 2]) })
  const renamed = await model({ ...WEIGHTS, 'layer.bias': floats([0, 0, -0]) })
  expect(trained.architecture.equals(before.architecture)).toBe(true)
  expect(trained.weights.equals(before.weights)).toBe(false)
  expect(reshaped.architecture.equals(before.architecture)).toBe(false)
  expect(renamed.weights.equals(before.weights)).toBe(false)
})

test('what the configuration says of its origin does not count, what it says of the model does', async () => {
  const model = (config: object): ReturnType<typeof readModel> =>
    readModel(folderOf({ 'model.safetensors': safetensors(WEIGHTS), 'config.json': JSON.stringify(config) }))
  const before = await model({ heads: 4, transformers_version: '4.1', target_modules: ['q', 'v'] })
  const moved = await model({
    target_modules: ['v', 'q'],
    _name_or_path: '/elsewhere',
    dtype: 'float16',
    heads: 4,
  })
  const other = await model({ heads: 8, target_modules: ['q', 'v'] })
  expect(moved.architecture.equals(before.architecture)).toBe(true)
  expect(other.architecture.equals(before.architecture)).toBe(false)
})

test('the exact files are digested in the same read when asked for', async () => {
  const folder = folderOf({
    'model.safetensors': safetensors(WEIGHTS),
    'config.json': CONFIG,
    'README.md': '# x',
  })
  const plain = await readModel(folder, { algorithm: 'both' })
  const withFiles = await readModel(folder, { algorithm: 'both', files: true })
  expect(withFiles.digests.tree).toEqual((await hashTree(folder, { algorithm: 'both' })).digests)
  expect(withFiles.digests.weights).toEqual(plain.digests.weights)
  const file = join(folder, 'model.safetensors')
  const single = await readModel(file, { files: true })
  expect(single.tree?.toString()).toBe((await hashFile(file)).digest.toString())
})

test('a folder with two candidates, none, or a lying index is refused', async () => {
  const file = safetensors(WEIGHTS)
  const other = safetensors({ ...WEIGHTS, 'layer.bias': floats([0, 0, 7]) })
  await expect(readModel(folderOf({ 'a.safetensors': file, 'b.safetensors': other }))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_AMBIGUOUS',
    message: expect.stringMatching(/a\.safetensors, b\.safetensors.*--weights/) as string,
  })
  await expect(readModel(folderOf({ 'README.md': '' }))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_FOUND',
  })
  await expect(readModel(folderOf({}) + '/none')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND' })
  const lying = folderOf({ 'model.safetensors.index.json': index({ a: '../../etc/passwd' }) })
  await expect(readModel(lying)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT', tensor: 'a' })
  const missing = folderOf({ 'model.safetensors.index.json': index({ a: 'gone.safetensors' }) })
  await expect(readModel(missing)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND' })
  const partial = folderOf({
    'model.safetensors.index.json': index({ 'layer.bias': 'm.safetensors' }),
    'm.safetensors': file,
  })
  await expect(readModel(partial)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_FORMAT',
    tensor: 'embedding.weight',
  })
})

test('two tensors of one name are refused with the name', async () => {
  const entry = (dtype: string): string => `"w":{"dtype":"${dtype}","shape":[1],"data_offsets":[0,4]}`
  const path = join(
    folderOf({ 'm.safetensors': fromHeader(`{${entry('F32')},${entry('I32')}}`, new Uint8Array(4)) }),
    'm.safetensors',
  )
  await expect(readModel(path)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT', tensor: 'w', path })
})

test('a safetensors file is read as its reference reads it on request, and each deviation is listed', async () => {
  const header =
    '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}'
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  const folder = folderOf({
    'model.safetensors': Buffer.concat([length, Buffer.from(header), Buffer.alloc(4)]),
  })
  await expect(readModel(folder)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT' })
  const { tensors, remarks } = await readModel(folder, { lenient: true })
  expect(tensors).toMatchObject([{ name: 'a', dtype: 'I32' }])
  expect(remarks).toEqual([expect.stringMatching(/tensor "a": the name appears twice/)])
})

test('a configuration that is not JSON, or has a key twice, is refused with its path', async () => {
  for (const config of ['{', '{"a":1,"a":2}', '[1e999]']) {
    const folder = folderOf({ 'model.safetensors': safetensors(WEIGHTS), 'config.json': config })
    await expect(readModel(folder)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
      path: join(folder, 'config.json'),
    })
  }
})

test('BOOL bytes other than 0 and 1 are reported, and count as they are', async () => {
  const model = (data: Uint8Array): ReturnType<typeof readModel> =>
    readModel(folderOf({ 'm.safetensors': safetensors({ mask: { dtype: 'BOOL', shape: [2], data } }) }))
  const plain = await model(Uint8Array.of(0, 1))
  const odd = await model(Uint8Array.of(0, 2))
  expect(plain.warnings).toEqual([])
  expect(odd.warnings).toEqual(['BOOL tensors with bytes other than 0 and 1: mask'])
  expect(odd.weights.equals(plain.weights)).toBe(false)
})

test('a configuration that loaders refuse or read in another way is reported', async () => {
  const warningsFor = async (config: string): Promise<readonly string[]> => {
    const folder = folderOf({ 'model.safetensors': safetensors(WEIGHTS), 'config.json': config })
    return (await readModel(folder)).warnings
  }
  expect(await warningsFor('{"a":1}')).toEqual([])
  expect(await warningsFor('[{"a":1}]')).toEqual([expect.stringContaining('not a JSON object')])
  expect(await warningsFor('"text"')).toEqual([expect.stringContaining('not a JSON object')])
  expect(await warningsFor('{"eps":NaN,"in":{"list":[1,-Infinity]}}')).toEqual([
    'the configuration has NaN or Infinity, which is not JSON: eps, in.list.1',
  ])
})

test('half a surrogate pair in a configuration or tokenizer is a fault of the file', async () => {
  const weights = safetensors(WEIGHTS)
  for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) {
    const folder = folderOf({ 'model.safetensors': weights, [name]: '{"a":"\\ud812"}' })
    await expect(readModel(folder)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
      path: join(folder, name),
    })
  }
})

test('null metadata is read as none', async () => {
  const header = '{"__metadata__":null,"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}'
  const folder = folderOf({
    'a/m.safetensors': fromHeader(header, Uint8Array.of(1, 2)),
    'b/m.safetensors': safetensors({ w: { dtype: 'U8', shape: [2], data: Uint8Array.of(1, 2) } }),
  })
  const [a, b] = [await readModel(join(folder, 'a')), await readModel(join(folder, 'b'))]
  expect(a.weights.equals(b.weights)).toBe(true)
})

test('a truncated file is refused', async () => {
  const folder = folderOf({ 'model.safetensors': safetensors(WEIGHTS) })
  writeFileSync(join(folder, 'model.safetensors'), safetensors(WEIGHTS).subarray(0, 1000))
  await expect(readModel(folder)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT' })
})

test('a file that was written again has the digest of its new weights', async () => {
  const folder = folderOf({ 'model.safetensors': safetensors({ w: floats([1]) }) })
  const before = await readModel(folder)
  writeFileSync(join(folder, 'model.safetensors'), safetensors({ w: floats([2]) }))
  expect((await readModel(folder)).weights.equals(before.weights)).toBe(false)
})

test('names, shapes, dtypes and buffers each change the digest of the weights', async () => {
  const data = new Uint8Array(8)
  const variants: Record<string, TensorToWrite>[] = [
    { w: { dtype: 'F32', shape: [2], data } },
    { v: { dtype: 'F32', shape: [2], data } },
    { w: { dtype: 'F32', shape: [1, 2], data } },
    { w: { dtype: 'I32', shape: [2], data } },
    { w: { dtype: 'BF16', shape: [4], data } },
    { w: { dtype: 'F32', shape: [2], data }, 'norm.running_mean': floats([0]) },
    { w: { dtype: 'F32', shape: [2], data }, 'norm.running_mean': floats([1]) },
  ]
  const reports = await Promise.all(
    variants.map((tensors) => readModel(folderOf({ 'model.safetensors': safetensors(tensors) }))),
  )
  expect(new Set(reports.map(({ weights }) => String(weights))).size).toBe(variants.length)
  // The value of a buffer is no architecture.
  expect(new Set(reports.map(({ architecture }) => String(architecture))).size).toBe(variants.length - 1)
})

test('shape and every byte count beyond 100 million parameters', { timeout: 120_000 }, async () => {
  const sparse = (shape: readonly number[], last: number): string => {
    const bytes = shape.reduce((product, length) => product * length, 1)
    const header = fromHeader(JSON.stringify({ w: { dtype: 'U8', shape, data_offsets: [0, bytes] } }))
    const path = join(folderOf({ file: header }), 'file')
    truncateSync(path, statSync(path).size + bytes)
    const file = openSync(path, 'r+')
    writeSync(file, Uint8Array.of(last), 0, 1, statSync(path).size - 1)
    closeSync(file)
    return path
  }
  const [wide, high, other] = [
    await readModel(sparse([10_001, 10_000], 0)),
    await readModel(sparse([10_000, 10_001], 0)),
    await readModel(sparse([10_001, 10_000], 1)),
  ]
  expect(wide.parameters).toBe(100_010_000)
  expect(wide.architecture.equals(high.architecture)).toBe(false)
  expect(wide.weights.equals(high.weights)).toBe(false)
  expect(wide.weights.equals(other.weights)).toBe(false)
})

test('the document of a listing has its fields in their order, and its tensors are built when they are written', async () => {
  const folder = folderOf({ 'model.safetensors': safetensors(WEIGHTS), 'config.json': CONFIG })
  for (const options of [{}, { health: true }, { sample: { strategy: 'strided', count: 2 } as const }]) {
    const parts = await readParts(folder, options)
    const pieces = [...jsonPieces(listingDocument(parts))].join('')
    expect(parts.tensorList?.slice(1, 3)).toEqual(parts.listing.tensors.slice(1, 3))
    expect(pieces).toBe(`${JSON.stringify(parts.listing, null, 2)}\n`)
  }
  const pipeline = {
    'model_index.json': '{"unet": ["diffusers", "UNet2DModel"]}',
    'unet/w.safetensors': safetensors(WEIGHTS),
  }
  const several = await readParts(folderOf(pipeline))
  expect(listingDocument(several)).toBe(several.listing)
})
