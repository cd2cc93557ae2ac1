import {
  cpSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { hashTensors } from '../../src/model/in-memory.ts'
import { listModel, readModel } from '../../src/model/read.ts'
import { folderOf } from '../support/folder.ts'

const MODELS = join(import.meta.dirname, '../../vectors/models')

interface Expected {
  readonly files: readonly {
    readonly file: string
    readonly weights: { readonly blake3: string; readonly sha256: string } | null
    readonly tensors: readonly { readonly name: string; readonly dtype: string; readonly blake3: string }[]
  }[]
}

function expectedOf(folder: string): Expected['files'] {
  const text = readFileSync(join(MODELS, folder, 'expected.json'), 'utf8')
  return (JSON.parse(text) as Expected).files
}

test('the same named weights have one digest in every format', async () => {
  const files = expectedOf('table')
  const formats = new Set<string>()
  for (const { file, weights } of files) {
    const report = await readModel(join(MODELS, 'table', file), { algorithm: 'both' })
    const digests = [report.digests.weights.blake3, report.digests.weights.sha256].map(String)
    expect(digests, file).toEqual([weights?.blake3, weights?.sha256])
    formats.add(report.format)
  }
  expect(new Set(files.map(({ weights }) => weights?.blake3)).size).toBe(1)
  expect([...formats].toSorted()).toEqual(FORMATS)
})

test('the same weights in memory have the digest of the files', async () => {
  const path = join(MODELS, 'table', 'weights.safetensors')
  const { tensors, weights } = await readModel(path)
  const bytes = readFileSync(path)
  const data = Object.fromEntries(
    tensors.map(({ name, shape, dtype, start, end }) => [
      name,
      { shape, dtype, data: new Uint8Array(bytes.subarray(start, end)) },
    ]),
  )
  expect(Object.keys(data)).toHaveLength(3)
  expect(String((await hashTensors(data)).weights)).toBe(String(weights))
})

const FORMATS = ['flax', 'gguf', 'hdf5', 'keras', 'npz', 'onnx', 'pytorch', 'safetensors', 'tfjs']

test('tensors of the vectors have the digests that the packages of their formats give', async () => {
  for (const folder of ['flax', 'gguf', 'hdf5', 'keras', 'onnx', 'pytorch', 'tfjs', 'tflite'])
    for (const { file, weights, tensors } of expectedOf(folder).filter((one) => !isPart(one.file))) {
      const report = await listModel(join(MODELS, folder, file))
      expect(report.weights?.toString() ?? null, file).toBe(weights?.blake3 ?? null)
      expect(
        report.tensors.map(({ name, dtype, digest }) => ({ name, dtype, blake3: digest.hex })),
        file,
      ).toEqual(tensors.map(({ name, dtype, blake3 }) => ({ name, dtype, blake3 })))
    }
})

const isPart = (file: string): boolean => /-of-[0-9]{5}\.gguf$/.test(file)

test('the files of a split model are read together, whichever of them is named', async () => {
  const parts = expectedOf('gguf').filter(({ file }) => isPart(file))
  const expected = parts.flatMap(({ tensors }) => tensors.map(({ name, blake3 }) => `${name} ${blake3}`))
  const weights = new Set<string>()
  for (const { file } of parts) {
    const report = await readModel(join(MODELS, 'gguf', file))
    expect(report.tensors.map(({ name, digest }) => `${name} ${digest.hex}`)).toEqual(expected.toSorted())
    weights.add(report.weights.toString())
  }
  const folder = folderOf()
  for (const { file } of parts) cpSync(join(MODELS, 'gguf', file), join(folder, file))
  weights.add((await readModel(folder)).weights.toString())
  expect(weights.size).toBe(1)
  const [, second] = parts
  rmSync(join(folder, second?.file ?? ''))
  await expect(readModel(folder)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND' })
})

test('the files are digested in the same read, those beside a model among them', async () => {
  const folder = folderOf()
  for (const name of ['external.onnx', 'external.onnx.data'])
    cpSync(join(MODELS, 'table', name), join(folder, name))
  const report = await readModel(folder, { files: true })
  expect(report.files.map(({ name, digests }) => [name, digests !== undefined])).toEqual([
    ['external.onnx', true],
    ['external.onnx.data', true],
  ])
  expect(report.tree?.kind).toBe('tree')
  expect(report.tensors[0]).toMatchObject({ file: 'external.onnx.data', bytes: 48 })
})

/** The files of a model whose elements lie in another file, and the name of that file. */
const WITH_DATA = [
  { entry: 'external.onnx', data: 'external.onnx.data' },
  { entry: 'tfjs/model.json', data: 'group1-shard1of1.bin' },
]

test.each([
  ['a symbolic link', symlinkSync],
  ['a hard link', (other: string, path: string): void => linkSync(join(path, '..', other), path)],
])('elements behind %s are refused', async (_, link) => {
  for (const { entry, data } of WITH_DATA) {
    const folder = folderOf()
    const model = join(MODELS, 'table', entry)
    const name = basename(entry)
    cpSync(model, join(folder, name))
    cpSync(join(model, '..', data), join(folder, data))
    expect((await readModel(join(folder, name))).tensors.length, name).toBe(3)
    renameSync(join(folder, data), join(folder, 'other'))
    link('other', join(folder, data))
    await expect(readModel(join(folder, name)), name).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
    })
  }
})

test.each([
  ['a parent', '../ext.data'.padEnd(18, '/.')],
  ['an absolute path', '/etc/hostname/////'],
])('external data at %s is refused', async (_, name) => {
  const folder = join(folderOf(), 'model')
  mkdirSync(folder)
  const sound = readFileSync(join(MODELS, 'table', 'external.onnx')).toString('latin1')
  cpSync(join(MODELS, 'table', 'external.onnx.data'), join(folder, '..', 'ext.data'))
  const changed = sound.replaceAll('external.onnx.data', name.slice(0, 18))
  writeFileSync(join(folder, 'model.onnx'), Buffer.from(changed, 'latin1'))
  await expect(readModel(join(folder, 'model.onnx'))).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT' })
})

test('the content decides, not the name', async () => {
  const folder = folderOf()
  cpSync(join(MODELS, 'table', 'weights.gguf'), join(folder, 'model.safetensors'))
  expect((await readModel(folder)).format).toBe('gguf')
  renameSync(join(folder, 'model.safetensors'), join(folder, 'x'))
  expect((await readModel(join(folder, 'x'))).format).toBe('gguf')
})

test('what is not read is named for what it is', async () => {
  const cases: readonly (readonly [content: string, what: RegExp])[] = [
    ['\x08\x01\x12\x02\x0a\x00', /this is a TensorFlow SavedModel; it is not read/],
    ['PAR1\0\0\0\0', /this is a Parquet file/],
    ['hello\n', /this is text/],
    ['', /its content is of no format that is read/],
  ]
  for (const [content, what] of cases) {
    const folder = folderOf({ file: Buffer.from(content, 'latin1') })
    await expect(readModel(join(folder, 'file'))).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
      message: expect.stringMatching(what) as string,
    })
  }
  await expect(readModel(folderOf({ 'saved_model.pb': 'x' }))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_UNSUPPORTED',
    message: expect.stringMatching(/a TensorFlow SavedModel/) as string,
  })
})

test('a model with a tensor of an unknown type is listed and has no digest of its weights', async () => {
  const unknown = expectedOf('gguf').find(({ weights }) => weights === null)
  const path = join(MODELS, 'gguf', unknown?.file ?? '')
  const listing = await listModel(path)
  expect(listing).toMatchObject({ format: 'gguf', incomplete: expect.any(String) as string })
  expect(listing).not.toHaveProperty('weights')
  expect(listing).not.toHaveProperty('architecture')
  expect(listing.notRead).not.toHaveLength(0)
  await expect(readModel(path)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_UNSUPPORTED' })
})
