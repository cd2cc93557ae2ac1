import { expect, test } from 'vitest'
import { hashTensors } from '../../src/model/in-memory.ts'
import type { ModelTensors } from '../../src/model/model-tensors.ts'

const FLOATS = Float32Array.of(1, -0, Number.NaN, 4)

/** A tensor with the members by which one of TensorFlow.js is known. */
function tfjs(dtype: string, shape: number[], data: unknown): object {
  return { dtype, shape, data: () => Promise.resolve(data), dataSync: () => data }
}

/** A tensor with the members by which one of ONNX Runtime is known. */
function onnx(type: string, dims: number[], data: unknown, location = 'cpu'): object {
  return {
    type,
    dims,
    location,
    getData: () => Promise.resolve(data),
    get data(): unknown {
      if (location === 'cpu') return data
      throw new Error('the data is not on the CPU')
    },
  }
}

async function weightsOf(tensors: object): Promise<string> {
  return (await hashTensors(tensors as ModelTensors)).weights.toString()
}

test('tensors of both libraries equal the same elements in typed arrays', async () => {
  const plain = await weightsOf({ w: { data: FLOATS, shape: [2, 2] } })
  expect(await weightsOf({ w: tfjs('float32', [2, 2], FLOATS) })).toBe(plain)
  expect(await weightsOf({ w: onnx('float32', [2, 2], FLOATS) })).toBe(plain)
  expect(await weightsOf({ w: onnx('float32', [2, 2], FLOATS, 'gpu-buffer') })).toBe(plain)
})

test.each([
  ['bool', 'BOOL', Uint8Array.of(0, 1)],
  ['float16', 'F16', Uint16Array.of(0x3c00, 0x8000)],
  ['int8', 'I8', Int8Array.of(-1, 1)],
  ['uint16', 'U16', Uint16Array.of(1, 2)],
  ['int64', 'I64', BigInt64Array.of(1n, -1n)],
  ['uint64', 'U64', BigUint64Array.of(1n, 2n)],
  ['float64', 'F64', Float64Array.of(1, 2)],
] as const)('%s is %s', async (type, dtype, data) => {
  const report = await hashTensors({ w: onnx(type, [2], data) } as ModelTensors)
  expect(report.tensors[0]).toMatchObject({ dtype, shape: [2] })
  expect(report.weights.toString()).toBe(await weightsOf({ w: { dtype, data, shape: [2] } }))
})

test('complex numbers are pairs of floats', async () => {
  const report = await hashTensors({ w: tfjs('complex64', [2], FLOATS) } as ModelTensors)
  expect(report.tensors[0]).toMatchObject({ dtype: 'C64', shape: [2], bytes: 16 })
})

test('texts and elements below a byte are refused by name', async () => {
  for (const tensor of [
    tfjs('string', [1], ['a']),
    onnx('string', [1], ['a']),
    onnx('int4', [2], Uint8Array.of(0x21)),
  ])
    await expect(hashTensors({ w: tensor } as ModelTensors)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_UNSUPPORTED',
      field: 'tensors.w',
    })
})

test('a shape that does not fit the data is refused', async () => {
  for (const tensor of [tfjs('float32', [3], FLOATS), onnx('float32', [4], Float64Array.of(1, 2, 3, 4))])
    await expect(hashTensors({ w: tensor } as ModelTensors)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_ARGUMENT',
    })
})

function layersModel(names: readonly string[], topology: object): object {
  return {
    weights: names.map((name) => ({
      name: `${name}_1`,
      originalName: name,
      read: () => tfjs('float32', [4], FLOATS),
    })),
    getWeights: () => [],
    toJSON: () => topology,
  }
}

const TOPOLOGY = { class_name: 'Sequential', config: { layers: [] }, keras_version: 'tfjs-layers 4.22.0' }

test('a layers model has the names of its file, and its configuration', async () => {
  const model = await hashTensors(layersModel(['dense/kernel'], TOPOLOGY) as ModelTensors)
  expect(model.tensors.map(({ name }) => name)).toEqual(['dense/kernel'])
  expect(model.config).toEqual({ name: 'modelTopology', ignored: ['keras_version'] })
  const other = { ...TOPOLOGY, config: { layers: ['x'] } }
  const second = await hashTensors(layersModel(['dense/kernel'], other) as ModelTensors)
  expect(second.weights.toString()).toBe(model.weights.toString())
  expect(second.architecture.toString()).not.toBe(model.architecture.toString())
  await expect(hashTensors(layersModel(['a', 'a'], TOPOLOGY) as ModelTensors)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    field: 'tensors.a',
  })
})

test('a graph model has one tensor of each name', async () => {
  const graph = (weights: object): ModelTensors =>
    ({ weights, execute: () => undefined, executeAsync: () => undefined }) as unknown as ModelTensors
  const tensor = tfjs('float32', [4], FLOATS)
  expect(await weightsOf(graph({ w: [tensor] }))).toBe(await weightsOf({ w: tensor }))
  await expect(hashTensors(graph({ w: [tensor, tensor] }))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_UNSUPPORTED',
    field: 'tensors.w',
  })
})

test('a session gives no weights, and the error says what to give', async () => {
  const session = { inputNames: ['x'], outputNames: ['y'], run: () => Promise.resolve({}) }
  await expect(hashTensors(session as unknown as ModelTensors)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_UNSUPPORTED',
    expected: expect.stringContaining('path') as string,
  })
})

test('tensors called weights are tensors', async () => {
  const report = await hashTensors({ weights: { data: FLOATS, shape: [4] } })
  expect(report.tensors.map(({ name }) => name)).toEqual(['weights'])
})
