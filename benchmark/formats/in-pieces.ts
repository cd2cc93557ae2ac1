/** Formats whose tensors follow a header, in one piece each: safetensors, GGUF, NumPy, TensorFlow.js, Flax. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Output, uint } from './output.ts'
import { ZipWriter } from './zip.ts'
import type { TensorPlan } from './output.ts'

/** Write a safetensors file. */
export function writeSafetensors(path: string, plans: readonly TensorPlan[]): void {
  let end = 0
  const entries = plans.map(({ name, shape, bytes }) => {
    const start = end
    end += bytes
    return [name, { dtype: 'F32', shape, data_offsets: [start, end] }]
  })
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)))
  const output = new Output(path)
  output.write(uint(header.length, 8), header)
  for (const plan of plans) output.write(plan.content())
  output.close()
}

/** One part of a divided GGUF model. */
export interface GgufPart {
  /** Its number, from 0, and that of all. */
  readonly number: number
  readonly count: number
  /** Tensors of all parts. */
  readonly tensors: number
}

function ggufText(value: string): Buffer {
  return Buffer.concat([uint(Buffer.byteLength(value), 8), Buffer.from(value)])
}

/** Write a GGUF file of version 3. Its dimensions are in the reverse order. */
export function writeGguf(path: string, plans: readonly TensorPlan[], part?: GgufPart): void {
  const output = new Output(path)
  output.write(Buffer.from('GGUF'), uint(3, 4), uint(plans.length, 8), uint(part ? 4 : 1, 8))
  output.write(ggufText('general.architecture'), uint(8, 4), ggufText('llama'))
  if (part) {
    output.write(ggufText('split.no'), uint(2, 4), uint(part.number, 2))
    output.write(ggufText('split.count'), uint(2, 4), uint(part.count, 2))
    output.write(ggufText('split.tensors.count'), uint(5, 4), uint(part.tensors, 4))
  }
  let offset = 0
  for (const { name, shape, bytes } of plans) {
    const dimensions = shape.toReversed().map((length) => uint(length, 8))
    output.write(ggufText(name), uint(shape.length, 4), ...dimensions, uint(0, 4), uint(offset, 8))
    offset += Math.ceil(bytes / 32) * 32
  }
  for (const plan of plans) {
    output.align(32)
    output.write(plan.content())
  }
  output.align(32)
  output.close()
}

/** Return the bytes of a `.npy` file before its elements. */
function npyHeader(shape: readonly number[], isFortran: boolean): Buffer {
  const tuple = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`
  const order = isFortran ? 'True' : 'False'
  const text = `{'descr': '<f4', 'fortran_order': ${order}, 'shape': ${tuple}, }`
  const padded = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`
  return Buffer.concat([
    Buffer.from([0x93]),
    Buffer.from('NUMPY'),
    uint(1, 2),
    uint(padded.length, 2),
    Buffer.from(padded),
  ])
}

/** Write an array of NumPy: one of all elements, with as many columns as the first tensor. */
export function writeNpy(path: string, plans: readonly TensorPlan[], isFortran = false): void {
  const columns = plans[0]?.shape[1] ?? 1
  const bytes = plans.reduce((sum, plan) => sum + plan.bytes, 0)
  const output = new Output(path)
  output.write(npyHeader([bytes / 4 / columns, columns], isFortran))
  for (const plan of plans) output.write(plan.content())
  output.close()
}

/** Write an archive of arrays of NumPy. */
export function writeNpz(path: string, plans: readonly TensorPlan[], deflated: boolean): void {
  const zip = new ZipWriter(path)
  for (const plan of plans)
    zip.add(`${plan.name}.npy`, Buffer.concat([npyHeader(plan.shape, false), plan.content()]), { deflated })
  zip.close()
}

/** Write a model of TensorFlow.js: its manifest, and its weights in files of 4 MiB, as its converter does. */
export function writeTensorFlowJs(folder: string, plans: readonly TensorPlan[]): void {
  mkdirSync(folder)
  const size = 4 << 20
  const bytes = plans.reduce((sum, plan) => sum + plan.bytes, 0)
  const count = Math.ceil(bytes / size)
  const paths = Array.from({ length: count }, (_, index) => `group1-shard${index + 1}of${count}.bin`)
  const weights = plans.map(({ name, shape }) => ({ name, shape, dtype: 'float32' }))
  const manifest = { format: 'layers-model', weightsManifest: [{ paths, weights }] }
  writeFileSync(join(folder, 'model.json'), JSON.stringify(manifest))
  let rest = Buffer.alloc(0)
  let file = 0
  for (const plan of plans) {
    rest = Buffer.concat([rest, plan.content()])
    for (; rest.length >= size; rest = rest.subarray(size))
      writeFileSync(join(folder, paths[file++] ?? ''), rest.subarray(0, size))
  }
  if (rest.length > 0) writeFileSync(join(folder, paths[file] ?? ''), rest)
}

function bigEndian(value: number, width: 2 | 4): Buffer {
  return Buffer.from(uint(value, width).toReversed())
}

function packedText(value: string): Buffer {
  return Buffer.concat([Buffer.from([0xd9, Buffer.byteLength(value)]), Buffer.from(value)])
}

/** Write the parameters of Flax: a MessagePack map of arrays, each an extension with shape, dtype and bytes. */
export function writeFlax(path: string, plans: readonly TensorPlan[]): void {
  const output = new Output(path)
  output.write(Buffer.from([0xde]), bigEndian(plans.length, 2))
  for (const plan of plans) {
    const { name, shape, bytes } = plan
    const axes = shape.map((length) => Buffer.concat([Buffer.from([0xce]), bigEndian(length, 4)]))
    const head = Buffer.concat([
      Buffer.from([0x93, 0x90 + shape.length]),
      ...axes,
      packedText('float32'),
      Buffer.from([0xc6]),
      bigEndian(bytes, 4),
    ])
    output.write(
      packedText(name),
      Buffer.from([0xc9]),
      bigEndian(head.length + bytes, 4),
      Buffer.from([1]),
      head,
      plan.content(),
    )
  }
  output.close()
}
