import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashTensors } from '../../src/model/in-memory.ts'
import { readModel } from '../../src/model/read.ts'
import { readRun } from '../../src/store/runs.ts'
import { folderOf } from '../support/folder.ts'
import { safetensors } from '../support/safetensors.ts'
import { started } from '../tracking/support.ts'
import type { ModelTensors } from '../../src/model/model-tensors.ts'

const FLOATS = Float32Array.of(1, -0, NaN, 4, 5, 6)
const BITS = Uint16Array.of(0x3f80, 0xc000)

/** The same tensors in memory and as a file. */
const TENSORS: ModelTensors = {
  'layer.weight': { data: FLOATS, shape: [2, 3] },
  scale: { data: BITS, shape: [2], dtype: 'BF16' },
  mask: { data: Uint8Array.of(1, 0), shape: [2], dtype: 'BOOL' },
  count: { data: BigInt64Array.of(-7n), shape: [] },
  bytes: { data: new DataView(Float64Array.of(0.5).buffer), shape: [1], dtype: 'F64' },
  none: { data: new Int8Array(0), shape: [0, 3] },
}

function file(root: string): string {
  const bytesOf = ({ buffer }: { readonly buffer: ArrayBufferLike }): Uint8Array => new Uint8Array(buffer)
  const path = join(root, 'model.safetensors')
  writeFileSync(
    path,
    safetensors({
      none: { dtype: 'I8', shape: [0, 3], data: new Uint8Array(0) },
      bytes: { dtype: 'F64', shape: [1], data: bytesOf(Float64Array.of(0.5)) },
      count: { dtype: 'I64', shape: [], data: bytesOf(BigInt64Array.of(-7n)) },
      mask: { dtype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) },
      scale: { dtype: 'BF16', shape: [2], data: bytesOf(BITS) },
      'layer.weight': { dtype: 'F32', shape: [2, 3], data: bytesOf(FLOATS) },
    }),
  )
  return path
}

test('tensors have the digests of the safetensors file that holds them', async () => {
  const expected = await readModel(file(folderOf()), { algorithm: 'both' })
  const report = await hashTensors(TENSORS, { algorithm: 'both' })
  expect(report.digests).toEqual(expected.digests)
  expect(report.dtypes).toEqual(expected.dtypes)
  expect(report).toMatchObject({ parameters: expected.parameters, bytes: expected.bytes, files: [] })
  expect(report.tensors.map(({ name, digest }) => [name, String(digest)])).toEqual(
    expected.tensors.map(({ name, digest }) => [name, String(digest)]),
  )
})

test('a tracker records a model in memory without a path', async () => {
  const root = folderOf()
  const tracker = await started(root)
  const report = await tracker.trackModel(TENSORS, 'm')
  const { weights, architecture } = await readModel(file(root))
  expect(String(report?.weights)).toBe(String(weights))
  await tracker.trackModel(join(root, 'model.safetensors'), 'm')
  await expect(tracker.trackModel({ w: { data: Int8Array.of(1), shape: [1] } }, 'm')).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
  })
  await tracker.finishExperiment()
  const { record } = await readRun(tracker.runDirectory)
  expect(record.models['m']).toMatchObject({
    status: 'tracked',
    weights: String(weights),
    architecture: String(architecture),
    tensorCount: 6,
    tensorsFile: 'models/m.tensors.json',
  })
  expect(Object.keys(record.models['m'] ?? {})).not.toContain('path')
})

test.each<[string, unknown, string]>([
  ['a shape of other data', { data: FLOATS, shape: [5] }, 'tensors.w'],
  ['a shape with a fraction', { data: FLOATS, shape: [1.5, 4] }, 'tensors.w.shape'],
  ['no shape', { data: FLOATS }, 'tensors.w.shape'],
  ['no dtype for bytes', { data: new ArrayBuffer(4), shape: [1] }, 'tensors.w.dtype'],
  ['an unknown dtype', { data: FLOATS, shape: [6], dtype: 'float32' }, 'tensors.w.dtype'],
  ['a name of every object', { data: FLOATS, shape: [6], dtype: 'toString' }, 'tensors.w.dtype'],
  ['a dtype of another array', { data: FLOATS, shape: [6], dtype: 'I32' }, 'tensors.w.dtype'],
  ['half of the bits', { data: Uint32Array.of(1), shape: [2], dtype: 'BF16' }, 'tensors.w.dtype'],
  ['an unknown field', { data: FLOATS, shape: [6], name: 'w' }, 'tensors.w.name'],
  ['no data', { shape: [0], dtype: 'F32' }, ''],
  ['an array of numbers', [1, 2], 'tensors.w'],
])('%s is refused', async (_, tensor, field) => {
  await expect(hashTensors({ w: tensor } as ModelTensors)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    ...(field !== '' && { field }),
  })
})

test('the name of the metadata is that of no tensor', async () => {
  await expect(hashTensors({ __metadata__: { data: FLOATS, shape: [6] } })).rejects.toMatchObject({
    field: 'tensors.__metadata__',
  })
})
