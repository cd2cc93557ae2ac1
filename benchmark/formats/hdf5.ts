/** HDF5, with every tensor in one piece or in chunks that are deflated, and Keras, which holds such a file. */
import { constants, deflateSync } from 'node:zlib'
import { readFileSync, rmSync } from 'node:fs'
import { Output, uint } from './output.ts'
import { ZipWriter } from './zip.ts'
import type { TensorPlan } from './output.ts'

/** An address that stands for none. */
const NOWHERE = Buffer.alloc(8, 0xff)

/** Half of the chunks that a node of the index holds: what the library takes without being told. */
const INDEX_K = 32

/** Bytes of a chunk, about. */
const CHUNK_BYTES = 1 << 20

/** Write an HDF5 file with a dataset for each tensor. Specification: HDF5 File Format 2.0, superblock 0. */
export function writeHdf5(path: string, plans: readonly TensorPlan[], isChunked: boolean): void {
  const output = new Output(path)
  output.write(Buffer.alloc(96))
  const links = plans.map((plan) => {
    const layout = isChunked ? writeChunks(output, plan) : writeContiguous(output, plan)
    output.align(8)
    const address = output.position
    output.write(objectHeader([...typeMessages(plan), ...layout]))
    const name = Buffer.from(plan.name)
    return message(0x06, Buffer.from([1, 0, name.length]), name, uint(address, 8))
  })
  output.align(8)
  const root = output.position
  output.write(
    objectHeader([
      message(0x02, Buffer.from([0, 0]), NOWHERE, NOWHERE),
      message(0x0a, Buffer.from([0, 0])),
      ...links,
    ]),
  )
  output.rewrite(0, superblock(root, output.position))
  output.close()
}

/** Write a model of Keras, whose weights are an HDF5 file in a zip archive. */
export function writeKeras(path: string, plans: readonly TensorPlan[]): void {
  const weights = `${path}.weights.h5`
  writeHdf5(weights, plans, false)
  const zip = new ZipWriter(path)
  zip.add('metadata.json', Buffer.from('{"keras_version": "3.0.0"}'))
  zip.add('config.json', Buffer.from('{"class_name": "Sequential", "config": {"layers": []}}'))
  zip.add('model.weights.h5', readFileSync(weights))
  zip.close()
  rmSync(weights)
}

function superblock(root: number, end: number): Buffer {
  return Buffer.concat([
    Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]),
    Buffer.from([0, 0, 0, 0, 0, 8, 8, 0]),
    uint(4, 2),
    uint(16, 2),
    uint(0, 4),
    uint(0, 8),
    NOWHERE,
    uint(end, 8),
    NOWHERE,
    uint(0, 8),
    uint(root, 8),
    Buffer.alloc(24),
  ])
}

function message(type: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const length = Math.ceil(content.length / 8) * 8
  const padding = Buffer.alloc(length - content.length)
  return Buffer.concat([uint(type, 2), uint(length, 2), Buffer.alloc(4), content, padding])
}

function objectHeader(messages: readonly Buffer[]): Buffer {
  const content = Buffer.concat(messages)
  const head = [
    Buffer.from([1, 0]),
    uint(messages.length, 2),
    uint(1, 4),
    uint(content.length, 4),
    uint(0, 4),
  ]
  return Buffer.concat([...head, content])
}

/** Shape, type F32, and no fill value. */
function typeMessages({ shape }: TensorPlan): Buffer[] {
  const dimensions = shape.map((length) => uint(length, 8))
  return [
    message(0x01, Buffer.from([1, shape.length, 0, 0]), uint(0, 4), ...dimensions),
    message(
      0x03,
      Buffer.from([0x11, 0x20, 0x1f, 0]),
      uint(4, 4),
      uint(0, 2),
      uint(32, 2),
      Buffer.from([23, 8, 0, 23]),
      uint(127, 4),
    ),
    message(0x05, Buffer.from([2, 2, 2, 0])),
  ]
}

function writeContiguous(output: Output, plan: TensorPlan): Buffer[] {
  const address = output.position
  output.write(plan.content())
  return [message(0x08, Buffer.from([3, 1]), uint(address, 8), uint(plan.bytes, 8))]
}

function zeros(count: number): Buffer[] {
  return Array.from({ length: count }, () => uint(0, 8))
}

/** Write the chunks of a tensor and their index, a tree of one node. The last chunk is filled up with zeros. */
function writeChunks(output: Output, plan: TensorPlan): Buffer[] {
  const [rows = 1, columns = 1] = plan.shape
  const rowBytes = columns * 4
  const chunkRows = Math.min(
    rows,
    Math.max(1, Math.floor(CHUNK_BYTES / rowBytes), Math.ceil(rows / (2 * INDEX_K))),
  )
  const content = plan.content()
  const entries: Buffer[] = []
  for (let row = 0; row < rows; row += chunkRows) {
    const chunk = Buffer.alloc(chunkRows * rowBytes)
    content.copy(chunk, 0, row * rowBytes, (row + chunkRows) * rowBytes)
    const bytes = deflateSync(chunk, { level: constants.Z_BEST_SPEED })
    entries.push(
      Buffer.concat([
        uint(bytes.length, 4),
        uint(0, 4),
        uint(row, 8),
        ...zeros(plan.shape.length),
        uint(output.position, 8),
      ]),
    )
    output.write(bytes)
  }
  output.align(8)
  const index = output.position
  const behind = Math.ceil(rows / chunkRows) * chunkRows
  const last = Buffer.concat([uint(0, 4), uint(0, 4), uint(behind, 8), ...zeros(plan.shape.length)])
  const node = Buffer.concat([
    Buffer.from('TREE'),
    Buffer.from([1, 0]),
    uint(entries.length, 2),
    NOWHERE,
    NOWHERE,
    ...entries,
    last,
  ])
  const keyBytes = last.length
  output.write(node, Buffer.alloc(24 + 2 * INDEX_K * (keyBytes + 8) + keyBytes - node.length))
  const chunkShape = plan.shape.map((length, axis) => uint(axis === 0 ? chunkRows : length, 4))
  return [
    message(
      0x0b,
      Buffer.from([1, 1]),
      Buffer.alloc(6),
      uint(1, 2),
      uint(0, 2),
      uint(1, 2),
      uint(1, 2),
      uint(1, 4),
      uint(0, 4),
    ),
    message(0x08, Buffer.from([3, 2, plan.shape.length + 1]), uint(index, 8), ...chunkShape, uint(4, 4)),
  ]
}
