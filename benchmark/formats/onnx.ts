/** ONNX: the weights as raw initialisers, in the file or in one beside it. */
import { basename } from 'node:path'
import { Output } from './output.ts'
import type { TensorPlan } from './output.ts'

/** Write an ONNX file with its weights in it. */
export function writeOnnx(path: string, plans: readonly TensorPlan[]): void {
  // The data of a tensor is its last field, so that it is written after everything else of it.
  const heads = plans.map((plan) => Buffer.concat([tensorHead(plan), tag(9, 2), varint(plan.bytes)]))
  const output = new Output(path)
  const initialisers = plans.map(({ bytes }, at) => {
    const head = heads[at] ?? Buffer.alloc(0)
    return [Buffer.concat([tag(5, 2), varint(head.length + bytes), head]), bytes] as const
  })
  const name = field(2, Buffer.from('graph'))
  const length = initialisers.reduce((sum, [head, bytes]) => sum + head.length + bytes, name.length)
  output.write(modelHead(), tag(7, 2), varint(length), name)
  for (const [at, [head]] of initialisers.entries()) {
    output.write(head)
    output.write(plans[at]?.content() ?? Buffer.alloc(0))
  }
  output.close()
}

/** Write an ONNX file whose weights are in the file `dataPath` of the same folder. */
export function writeOnnxExternal(path: string, dataPath: string, plans: readonly TensorPlan[]): void {
  const data = new Output(dataPath)
  const initialisers = plans.map((plan) => {
    data.align(64)
    const entries = [
      ['location', basename(dataPath)],
      ['offset', String(data.position)],
      ['length', String(plan.bytes)],
    ] as const
    data.write(plan.content())
    const external = entries.map(([key, value]) =>
      field(13, Buffer.concat([field(1, Buffer.from(key)), field(2, Buffer.from(value))])),
    )
    return field(5, Buffer.concat([tensorHead(plan), ...external, tag(14, 0), varint(1)]))
  })
  data.close()
  const output = new Output(path)
  output.write(modelHead(), field(7, Buffer.concat([field(2, Buffer.from('graph')), ...initialisers])))
  output.close()
}

/** The version of the format, and the operators: version 17 of the default ones. */
function modelHead(): Buffer {
  return Buffer.concat([
    tag(1, 0),
    varint(8),
    field(8, Buffer.concat([field(1, Buffer.alloc(0)), tag(2, 0), varint(17)])),
  ])
}

/** Dimensions, type and name. */
function tensorHead({ name, shape }: TensorPlan): Buffer {
  const dimensions = shape.flatMap((length) => [tag(1, 0), varint(length)])
  return Buffer.concat([...dimensions, tag(2, 0), varint(1), field(8, Buffer.from(name))])
}

function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([tag(number, 2), varint(content.length), content])
}

function tag(number: number, wire: 0 | 2): Buffer {
  return varint(number * 8 + wire)
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}
