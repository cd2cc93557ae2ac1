/**
 * A writer of FlatBuffers, as far as the messages of Arrow need them. Everything that is referred to lies behind what refers
 * to it.
 */
import { utf8Of } from '../../hash/value-bytes.ts'

/** A number in a table, with its width in bytes. */
export interface Scalar {
  readonly width: 1 | 2 | 4 | 8
  readonly value: number
}

/** A value that a table refers to, or holds. */
export type Part = Scalar | string | Table | readonly Table[] | Structs | undefined

/** A table: its fields by their numbers. */
export interface Table {
  readonly fields: readonly Part[]
}

/** A vector of structures of numbers of 8 bytes. */
export interface Structs {
  readonly rows: number
  /** All numbers, one after the other. */
  readonly numbers: readonly number[]
}

/** Return a number of 8, 16, 32 or 64 bits. */
export function scalar(width: 1 | 2 | 4 | 8, value: number): Scalar {
  return { width, value }
}

/** Serialise a table. */
export function serialise(root: Table): Uint8Array {
  const writer = new Writer()
  writer.reserve(4)
  writer.refer(0, writer.table(root))
  return writer.take()
}

class Writer {
  #bytes: Buffer = Buffer.alloc(1024)
  #length = 0

  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  reserve(size: number): number {
    const at = this.#length
    this.#length += size
    if (this.#length > this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(Math.max(this.#length, this.#bytes.length))])
    return at
  }

  /** Let the four bytes at a position refer to another one behind it. */
  refer(at: number, target: number): void {
    this.#bytes.writeUInt32LE(target - at, at)
  }

  table({ fields }: Table): number {
    const slots: number[] = []
    let size = 4
    for (const [index, field] of fields.entries()) {
      if (field === undefined) continue
      const width = isScalar(field) ? field.width : 4
      size = Math.ceil(size / width) * width
      slots[index] = size
      size += width
    }
    this.#align(8)
    const vtable = this.reserve(4 + 2 * fields.length)
    this.#align(8)
    const table = this.reserve(size)
    this.#bytes.writeUInt16LE(4 + 2 * fields.length, vtable)
    this.#bytes.writeUInt16LE(size, vtable + 2)
    this.#bytes.writeInt32LE(table - vtable, table)
    const referred: (() => void)[] = []
    for (const [index, field] of fields.entries()) {
      const slot = slots[index]
      if (field === undefined || slot === undefined) continue
      this.#bytes.writeUInt16LE(slot, vtable + 4 + 2 * index)
      if (isScalar(field)) this.#number(table + slot, field)
      else referred.push(() => this.refer(table + slot, this.#part(field)))
    }
    for (const write of referred) write()
    return table
  }

  #part(part: Exclude<Part, Scalar | undefined>): number {
    if (typeof part === 'string') return this.#text(part)
    if (isTables(part)) {
      this.#align(4)
      const at = this.reserve(4 + 4 * part.length)
      this.#bytes.writeUInt32LE(part.length, at)
      for (const [index, table] of part.entries()) this.refer(at + 4 + 4 * index, this.table(table))
      return at
    }
    if ('fields' in part) return this.table(part)
    this.#align(8)
    // The elements, and not their number, are where multiples of 8 are.
    const at = this.reserve(8 + 8 * part.numbers.length) + 4
    this.#bytes.writeUInt32LE(part.rows, at)
    for (const [index, number] of part.numbers.entries())
      this.#number(at + 4 + 8 * index, { width: 8, value: number })
    return at
  }

  #text(text: string): number {
    const bytes = utf8Of(text, 'the name of a column, or of a time zone,')
    this.#align(4)
    const at = this.reserve(4 + bytes.length + 1)
    this.#bytes.writeUInt32LE(bytes.length, at)
    bytes.copy(this.#bytes, at + 4)
    return at
  }

  #number(at: number, { width, value }: Scalar): void {
    if (width === 8) this.#bytes.writeBigInt64LE(BigInt(value), at)
    else this.#bytes.writeIntLE(value, at, width)
  }

  #align(width: number): void {
    this.reserve((width - (this.#length % width)) % width)
  }
}

function isScalar(part: Part): part is Scalar {
  return typeof part === 'object' && 'width' in part
}

function isTables(part: Table | readonly Table[] | Structs): part is readonly Table[] {
  return Array.isArray(part)
}
