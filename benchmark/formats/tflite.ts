/** TensorFlow Lite: a FlatBuffer with a table for each tensor, and its data in the FlatBuffer. */
import { Output, uint } from './output.ts'
import type { TensorPlan } from './output.ts'

/** Write a TFLite file of less than 2 GiB. Source of the fields: `schema.fbs` of LiteRT. */
export function writeTflite(path: string, plans: readonly TensorPlan[]): void {
  const flat = new FlatHead()
  const root = flat.append(uint(0, 4), Buffer.from('TFL3'))
  const model = flat.table([3, 0, 0, 0, 0])
  flat.link(root, model.at)
  const graphs = flat.vector(1)
  flat.link(model.field(2), graphs)
  const graph = flat.table([0])
  flat.link(graphs + 4, graph.at)
  const tensors = flat.vector(plans.length)
  flat.link(graph.field(0), tensors)
  for (const [index, { name, shape }] of plans.entries()) {
    // Buffer 0 is empty by convention. The type F32 is the default and has no field.
    const tensor = flat.table([0, undefined, index + 1, 0])
    flat.link(tensors + 4 + 4 * index, tensor.at)
    flat.link(tensor.field(0), flat.append(uint(shape.length, 4), ...shape.map((length) => uint(length, 4))))
    const text = Buffer.from(`${name}\0`)
    flat.link(tensor.field(3), flat.append(uint(text.length - 1, 4), text))
  }
  const buffers = flat.vector(plans.length + 1)
  flat.link(model.field(4), buffers)
  flat.link(buffers + 4, flat.table([]).at)
  const fields = plans.map((_, index) => {
    const buffer = flat.table([0])
    flat.link(buffers + 8 + 4 * index, buffer.at)
    return buffer.field(0)
  })
  // The data comes behind all tables, each a vector whose elements begin at a multiple of 16.
  let end = flat.length
  for (const [index, { bytes }] of plans.entries()) {
    const start = vectorStart(end)
    flat.link(fields[index] ?? 0, start)
    end = start + 4 + bytes
  }
  const output = new Output(path)
  output.write(flat.bytes())
  for (const plan of plans) {
    output.write(
      Buffer.alloc(vectorStart(output.position) - output.position),
      uint(plan.bytes, 4),
      plan.content(),
    )
  }
  output.close()
}

function vectorStart(position: number): number {
  return Math.ceil((position + 4) / 16) * 16 - 4
}

/** The tables of a FlatBuffer, whose references all lead forward. */
class FlatHead {
  #bytes = Buffer.alloc(1 << 16)
  length = 0

  /** Append bytes at a multiple of four, and return where they begin. */
  append(...parts: readonly Uint8Array[]): number {
    const at = Math.ceil(this.length / 4) * 4
    const bytes = Buffer.concat(parts)
    while (at + bytes.length > this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length)])
    bytes.copy(this.#bytes, at)
    this.length = at + bytes.length
    return at
  }

  /** Append a table of fields of four bytes; an absent one has its default. */
  table(values: readonly (number | undefined)[]): { at: number; field(slot: number): number } {
    const present = values.filter((value) => value !== undefined)
    const offset = (slot: number): number =>
      values[slot] === undefined
        ? 0
        : 4 + 4 * values.slice(0, slot).filter((value) => value !== undefined).length
    const offsets = values.map((_, slot) => uint(offset(slot), 2))
    const slots = this.append(uint(4 + 2 * values.length, 2), uint(4 + 4 * present.length, 2), ...offsets)
    const at = Math.ceil(this.length / 4) * 4
    this.append(uint(at - slots, 4), ...present.map((value) => uint(value, 4)))
    return { at, field: (slot) => at + offset(slot) }
  }

  /** Append a vector of references. */
  vector(count: number): number {
    return this.append(uint(count, 4), Buffer.alloc(4 * count))
  }

  /** Let the reference at `from` lead to `to`. */
  link(from: number, to: number): void {
    this.#bytes.writeUInt32LE(to - from, from)
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.length)
  }
}
