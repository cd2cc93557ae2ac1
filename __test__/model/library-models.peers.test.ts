/** The packages of TensorFlow.js and ONNX Runtime, which scripts/setup-peers.sh installs. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { hashTensors } from '../../src/model/in-memory.ts'
import { readModel } from '../../src/model/read.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { folderOf } from '../support/folder.ts'
import type { ModelTensors } from '../../src/model/model-tensors.ts'

const FOLDER = resolve('.peers/javascript')
const load = createRequire(join(FOLDER, 'package.json'))

/** The part of a tensor that the tests use. */
interface Tensor {
  readonly shape: readonly number[]
}

/** The part of a layers model that the tests use. */
interface LayersModel {
  save(handler: { save(artifacts: Artifacts): Promise<object> }): Promise<object>
  setWeights(weights: readonly Tensor[]): void
}

interface Artifacts {
  readonly modelTopology: object
  readonly weightSpecs: readonly object[]
  readonly weightData: ArrayBuffer | readonly ArrayBuffer[]
}

interface Layers {
  sequential(options: object): LayersModel
  loadLayersModel(handler: object): Promise<LayersModel>
  readonly layers: { dense(options: object): object }
}

interface Core {
  tensor(values: readonly number[], shape: readonly number[]): Tensor
}

interface OnnxRuntime {
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => object
  readonly InferenceSession: { create(path: string): Promise<Session> }
}

interface Session {
  run(feeds: object): Promise<Readonly<Record<string, object>>>
  release(): Promise<void>
}

/** A constant of an ONNX graph. */
interface Constant {
  /** Its number in `TensorProto.DataType`. */
  readonly type: number
  readonly shape: readonly number[]
  readonly data: ArrayBufferView
}

interface Converter {
  loadGraphModel(handler: object): Promise<object>
}

function tensorflow(): { core: Core; layers: Layers; converter: Converter } {
  const core = load('@tensorflow/tfjs-core') as Core
  load('@tensorflow/tfjs-backend-cpu')
  const layers = load('@tensorflow/tfjs-layers') as Layers
  return { core, layers, converter: load('@tensorflow/tfjs-converter') as Converter }
}

/** Save a model as TensorFlow.js does into a folder, and return what was saved. */
async function saved(model: LayersModel, folder: string): Promise<Artifacts> {
  let artifacts: Artifacts | undefined
  await model.save({
    save: (given) => {
      artifacts = given
      return Promise.resolve({ modelArtifactsInfo: {} })
    },
  })
  if (artifacts === undefined) throw new Error('nothing was saved')
  const { modelTopology, weightSpecs, weightData } = artifacts
  const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }]
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, 'model.json'),
    JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest }),
  )
  const parts = Array.isArray(weightData) ? (weightData as ArrayBuffer[]) : [weightData as ArrayBuffer]
  writeFileSync(join(folder, 'weights.bin'), Buffer.concat(parts.map((part) => Buffer.from(part))))
  return artifacts
}

test.skipIf(!existsSync(FOLDER))(
  'a layers model of TensorFlow.js has the digests of its file, also after it was loaded',
  async () => {
    const { core, layers } = tensorflow()
    const model = layers.sequential({
      layers: [
        layers.layers.dense({ units: 2, inputShape: [3], activation: 'relu', name: 'first' }),
        layers.layers.dense({ units: 1, useBias: false, name: 'second' }),
      ],
    })
    model.setWeights([
      core.tensor([1, 2, 3, 4, 5, 6], [3, 2]),
      core.tensor([0.5, -0], [2]),
      core.tensor([7, 8], [2, 1]),
    ])
    const folder = join(folderOf(), 'saved')
    const artifacts = await saved(model, folder)
    const file = await readModel(folder)
    const inMemory = await hashTensors(model as unknown as ModelTensors)
    expect(inMemory.tensors.map(({ name }) => name)).toEqual(['first/bias', 'first/kernel', 'second/kernel'])
    const loaded = await layers.loadLayersModel({ load: () => Promise.resolve(artifacts) })
    for (const kind of ['weights', 'architecture', 'family'] as const) {
      expect(String(inMemory[kind]), kind).toBe(String(file[kind]))
      expect(String((await hashTensors(loaded as unknown as ModelTensors))[kind]), kind).toBe(
        String(file[kind]),
      )
    }
    expect(inMemory.config?.ignored).toContain('keras_version')
  },
)

test.skipIf(!existsSync(FOLDER))('a graph model of TensorFlow.js has the weights of its file', async () => {
  const type = { dtype: { type: 'DT_FLOAT' } }
  const modelTopology = {
    node: [
      { name: 'x', op: 'Placeholder', attr: type },
      { name: 'w', op: 'Const', attr: type },
      { name: 'y', op: 'AddV2', input: ['x', 'w'], attr: { T: { type: 'DT_FLOAT' } } },
    ],
    versions: {},
  }
  const weightSpecs = [{ name: 'w', shape: [2], dtype: 'float32' }]
  const data = Float32Array.of(1, 2)
  const model = await tensorflow().converter.loadGraphModel({
    load: () => Promise.resolve({ modelTopology, weightSpecs, weightData: data.buffer }),
  })
  const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }]
  const folder = folderOf({
    'model.json': JSON.stringify({ format: 'graph-model', modelTopology, weightsManifest }),
    'weights.bin': new Uint8Array(data.buffer),
  })
  const [file, inMemory] = [await readModel(folder), await hashTensors(model as ModelTensors)]
  expect(inMemory.tensors.map(({ name }) => name)).toEqual(['w'])
  for (const kind of ['weights', 'architecture', 'family'] as const)
    expect(String(inMemory[kind]), kind).toBe(String(file[kind]))
})

test.skipIf(!existsSync(FOLDER))('tensors of ONNX Runtime and TensorFlow.js equal typed arrays', async () => {
  const { core } = tensorflow()
  const { Tensor } = load('onnxruntime-node') as OnnxRuntime
  const data = Float32Array.of(1, 2, 3, 4)
  const plain = await hashTensors({ w: { data, shape: [2, 2] } })
  for (const tensor of [new Tensor('float32', data, [2, 2]), core.tensor([1, 2, 3, 4], [2, 2])])
    expect(String((await hashTensors({ w: tensor } as unknown as ModelTensors)).weights)).toBe(
      String(plain.weights),
    )
  const half = new Tensor('float16', Uint16Array.of(0x3c00), [1])
  expect((await hashTensors({ w: half } as unknown as ModelTensors)).tensors[0]?.dtype).toBe('F16')
})

function varint(value: number): Buffer {
  return value < 128
    ? Buffer.of(value)
    : Buffer.concat([Buffer.of((value % 128) + 128), varint(Math.floor(value / 128))])
}

function whole(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)])
}

function bytes(field: number, ...content: readonly (string | Uint8Array)[]): Buffer {
  const joined = Buffer.concat(content.map((part) => Buffer.from(part)))
  return Buffer.concat([varint(field * 8 + 2), varint(joined.length), joined])
}

/** Return an ONNX file whose outputs are its constants. */
function onnxFile(constants: Readonly<Record<string, Constant>>): Buffer {
  const entries = Object.entries(constants)
  const initialisers = entries.map(([name, { type, shape, data }]) => {
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    return bytes(5, ...shape.map((size) => whole(1, size)), whole(2, type), bytes(8, name), bytes(9, raw))
  })
  const outputs = entries.map(([name, { type, shape }]) => {
    const sizes = bytes(2, ...shape.map((size) => bytes(1, whole(1, size))))
    return bytes(12, bytes(1, name), bytes(2, bytes(1, whole(1, type), sizes)))
  })
  const operators = bytes(8, bytes(1, ''), whole(2, 17))
  return Buffer.concat([whole(1, 8), operators, bytes(7, bytes(2, 'graph'), ...initialisers, ...outputs)])
}

const CONSTANTS: Readonly<Record<string, Constant>> = {
  F32: { type: 1, shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, -0) },
  U8: { type: 2, shape: [2], data: Uint8Array.of(1, 255) },
  I8: { type: 3, shape: [2], data: Int8Array.of(1, -1) },
  U16: { type: 4, shape: [2], data: Uint16Array.of(1, 65_535) },
  I16: { type: 5, shape: [2, 1], data: Int16Array.of(1, -1) },
  I32: { type: 6, shape: [2], data: Int32Array.of(1, -1) },
  I64: { type: 7, shape: [2], data: BigInt64Array.of(1n, -1n) },
  BOOL: { type: 9, shape: [3], data: Uint8Array.of(0, 1, 1) },
  F16: { type: 10, shape: [2], data: Uint16Array.of(0x3c00, 0x8000) },
  F64: { type: 11, shape: [2], data: Float64Array.of(1, -0) },
  U32: { type: 12, shape: [2], data: Uint32Array.of(1, 4_294_967_295) },
  U64: { type: 13, shape: [2], data: BigUint64Array.of(1n, 2n ** 64n - 1n) },
}

test.skipIf(!existsSync(FOLDER))(
  'the outputs of a session of ONNX Runtime have the digests of the constants in its file',
  async () => {
    const { InferenceSession } = load('onnxruntime-node') as OnnxRuntime
    const root = folderOf({ 'model.onnx': onnxFile(CONSTANTS) })
    const path = join(root, 'model.onnx')
    const session = await InferenceSession.create(path)
    const outputs = (await session.run({})) as unknown as ModelTensors
    const [file, inMemory] = [await readModel(path), await hashTensors(outputs)]
    expect(inMemory.tensors.map(({ name, dtype }) => [name, dtype])).toEqual(
      Object.keys(CONSTANTS)
        .toSorted()
        .map((name) => [name, name]),
    )
    for (const kind of ['weights', 'architecture'] as const)
      expect(String(inMemory[kind]), kind).toBe(String(file[kind]))

    const tracker = new ExperimentTracker({ outputDir: join(root, 'runs'), experimentName: 'onnx' })
    await tracker.startExperiment()
    const tracked = await tracker.trackModel(outputs, 'outputs')
    await tracker.finishExperiment()
    expect(String(tracked?.weights)).toBe(String(file.weights))

    await expect(hashTensors(session as unknown as ModelTensors)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_UNSUPPORTED',
      field: 'tensors',
      received: 'an InferenceSession',
    })
    await session.release()
  },
)
