/** Values of JavaScript as columns of Arrow. A value that its type cannot hold exactly is refused. */
import { isAnyArrayBuffer, isDate, isMap } from 'node:util/types'
import { LineaprintError } from '../../core/errors.ts'
import { asBytes } from '../../hash/bytes.ts'
import { dtypeOf } from '../../hash/array.ts'
import { CellProblem, isRecord } from './cell.ts'
import { widthOf } from './arrow-types.ts'
import type { ArrowField, ArrowType, TimeUnit } from './arrow-types.ts'
import type { ColumnData } from './arrow-stream.ts'

/**
 * The values of a column, until they are taken as a batch. The buffers of a batch are used again for the next one: whoever takes
 * a batch must have written it before the next value is added.
 */
export abstract class ColumnWriter {
  #length = 0
  #nulls = 0
  #validity: Uint8Array = new Uint8Array(1024)

  /** Number of values. */
  get length(): number {
    return this.#length
  }

  /** Add a value. @throws CellProblem for one that the type cannot hold. */
  append(value: unknown): void {
    const at = this.#length
    if (at === 0) this.#validity.fill(0)
    if (at >> 3 >= this.#validity.length) this.#validity = grown(this.#validity, (at >> 3) + 1)
    if (value === null || value === undefined) {
      this.addNull()
      this.#nulls += 1
    } else {
      this.add(value)
      this.#validity[at >> 3] = (this.#validity[at >> 3] ?? 0) | (1 << (at & 7))
    }
    this.#length += 1
  }

  /** Return what was added, and begin anew. What is returned changes as soon as another value is added. */
  take(): ColumnData {
    const [length, nulls] = [this.#length, this.#nulls]
    const validity = this.#validity.subarray(0, Math.ceil(length / 8))
    this.#length = 0
    this.#nulls = 0
    return { length, nulls, ...this.takeValues(validity, length) }
  }

  /** Bytes that the values take so far. */
  abstract get bytes(): number
  protected abstract add(value: unknown): void
  protected abstract addNull(): void
  protected abstract takeValues(
    validity: Uint8Array,
    length: number,
  ): { readonly buffers: readonly Uint8Array[]; readonly children?: readonly ColumnData[] }
}

/** Return a writer of a type. */
export function columnWriter(type: ArrowType): ColumnWriter {
  switch (type.kind) {
    case 'null':
      return new NullWriter()
    case 'bool':
      return new BoolWriter()
    case 'utf8':
    case 'binary':
      return type.kind === 'utf8' ? new TextWriter() : new BytesWriter()
    case 'list':
      return new ListWriter(type.item)
    case 'fixed_list':
      return new FixedListWriter(type.item, type.size)
    case 'struct':
      return new StructWriter(type.fields)
    case 'map':
      return new MapWriter(type.key, type.value)
    case 'int':
    case 'float':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'duration':
    case 'interval':
    case 'decimal':
    case 'fixed_binary':
      return new FixedWriter(widthOf(type) ?? 0, setterOf(type))
    case 'large_utf8':
    case 'large_binary':
    case 'large_list':
    case 'utf8_view':
    case 'binary_view':
    case 'dictionary':
      break
  }
  throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'values are not written in this form', {
    received: type.kind,
  })
}

function grown(bytes: Uint8Array, least: number): Uint8Array {
  const larger = new Uint8Array(Math.max(least, bytes.length * 2))
  larger.set(bytes)
  return larger
}

class NullWriter extends ColumnWriter {
  get bytes(): number {
    return 0
  }

  protected add(value: unknown): void {
    throw new CellProblem('null', value)
  }

  protected addNull(): void {
    // Nothing is stored.
  }

  protected takeValues(): { buffers: Uint8Array[] } {
    return { buffers: [] }
  }
}

class BoolWriter extends ColumnWriter {
  #bits: Uint8Array = new Uint8Array(1024)

  get bytes(): number {
    return this.length >> 3
  }

  protected add(value: unknown): void {
    if (typeof value !== 'boolean') throw new CellProblem('true or false', value)
    this.addNull()
    if (value) this.#bits[this.length >> 3] = (this.#bits[this.length >> 3] ?? 0) | (1 << (this.length & 7))
  }

  protected addNull(): void {
    if (this.length === 0) this.#bits.fill(0)
    if (this.length >> 3 >= this.#bits.length) this.#bits = grown(this.#bits, (this.length >> 3) + 1)
  }

  protected takeValues(validity: Uint8Array, length: number): { buffers: Uint8Array[] } {
    return { buffers: [validity, this.#bits.subarray(0, Math.ceil(length / 8))] }
  }
}

/** Write a value at a position. */
type Setter = (view: DataView, at: number, value: unknown) => void

class FixedWriter extends ColumnWriter {
  readonly #width: number
  readonly #set: Setter
  #values: Uint8Array = new Uint8Array(1024)
  #view: DataView = new DataView(this.#values.buffer)

  constructor(width: number, set: Setter) {
    super()
    this.#width = width
    this.#set = set
  }

  get bytes(): number {
    return this.length * this.#width
  }

  protected add(value: unknown): void {
    this.#makeRoom()
    this.#set(this.#view, this.length * this.#width, value)
  }

  protected addNull(): void {
    this.#makeRoom()
    // What a batch before has left there.
    this.#values.fill(0, this.length * this.#width, (this.length + 1) * this.#width)
  }

  #makeRoom(): void {
    const end = (this.length + 1) * this.#width
    if (end <= this.#values.length) return
    this.#values = grown(this.#values, end)
    this.#view = new DataView(this.#values.buffer)
  }

  protected takeValues(validity: Uint8Array, length: number): { buffers: Uint8Array[] } {
    return { buffers: [validity, this.#values.subarray(0, length * this.#width)] }
  }
}

class Offsets {
  #numbers: Int32Array = new Int32Array(256)

  set(at: number, end: number): void {
    if (end > 2 ** 31 - 1) throw new CellProblem('at most 2 GiB of values in one batch', `${end} bytes`)
    if (at + 1 >= this.#numbers.length) {
      const larger = new Int32Array(this.#numbers.length * 2)
      larger.set(this.#numbers)
      this.#numbers = larger
    }
    this.#numbers[at + 1] = end
  }

  take(length: number): Uint8Array {
    return new Uint8Array(this.#numbers.buffer, 0, 4 * (length + 1))
  }
}

class BytesWriter extends ColumnWriter {
  readonly #offsets = new Offsets()
  #values: Buffer = Buffer.alloc(1024)
  #end = 0

  get bytes(): number {
    return this.#end + 4 * this.length
  }

  protected add(value: unknown): void {
    const bytes = cellBytes(value)
    this.write(bytes.byteLength, (into, at) => {
      into.set(bytes, at)
      return bytes.byteLength
    })
  }

  /** Let a function write at most a number of bytes, and return how many they were. */
  protected write(most: number, put: (into: Buffer, at: number) => number): void {
    const room = this.#end + most
    if (room > this.#values.length) {
      const larger = grown(this.#values, room)
      this.#values = Buffer.from(larger.buffer, larger.byteOffset, larger.byteLength)
    }
    const end = this.#end + put(this.#values, this.#end)
    this.#offsets.set(this.length, end)
    this.#end = end
  }

  protected addNull(): void {
    this.#offsets.set(this.length, this.#end)
  }

  protected takeValues(validity: Uint8Array, length: number): { buffers: Uint8Array[] } {
    const values = this.#values.subarray(0, this.#end)
    this.#end = 0
    return { buffers: [validity, this.#offsets.take(length), values] }
  }
}

/** Texts up to this length are written character by character, which is faster than a call if they are ASCII. */
const SHORT = 32

class TextWriter extends BytesWriter {
  protected override add(value: unknown): void {
    if (typeof value !== 'string') throw new CellProblem('text', value)
    if (!value.isWellFormed())
      throw new CellProblem(
        'text of Unicode',
        value,
        'it has half of a surrogate pair, which UTF-8 cannot hold',
      )
    // Room for the most bytes that it can have; those of a long text are counted, because they can be a third.
    const most = value.length > 1024 ? Buffer.byteLength(value) : 3 * value.length
    this.write(most, (into, at) => {
      if (value.length > SHORT) return into.write(value, at)
      for (let index = 0; index < value.length; index++) {
        const unit = value.charCodeAt(index)
        if (unit > 127) return into.write(value, at)
        into[at + index] = unit
      }
      return value.length
    })
  }
}

class ListWriter extends ColumnWriter {
  readonly #offsets = new Offsets()
  readonly #items: ColumnWriter

  constructor(item: ArrowType) {
    super()
    this.#items = columnWriter(item)
  }

  get bytes(): number {
    return this.#items.bytes + 4 * this.length
  }

  protected add(value: unknown): void {
    for (const item of itemsOf(value)) this.#items.append(item)
    this.addNull()
  }

  protected addNull(): void {
    this.#offsets.set(this.length, this.#items.length)
  }

  protected takeValues(
    validity: Uint8Array,
    length: number,
  ): { buffers: Uint8Array[]; children: ColumnData[] } {
    return { buffers: [validity, this.#offsets.take(length)], children: [this.#items.take()] }
  }
}

class FixedListWriter extends ColumnWriter {
  readonly #items: ColumnWriter
  readonly #size: number

  constructor(item: ArrowType, size: number) {
    super()
    this.#items = columnWriter(item)
    this.#size = size
  }

  get bytes(): number {
    return this.#items.bytes
  }

  protected add(value: unknown): void {
    const items = itemsOf(value)
    if (items.length !== this.#size)
      throw new CellProblem(`${this.#size} elements`, `${items.length} elements`)
    for (let at = 0; at < this.#size; at++) this.#items.append(items[at])
  }

  protected addNull(): void {
    for (let at = 0; at < this.#size; at++) this.#items.append(null)
  }

  protected takeValues(validity: Uint8Array): { buffers: Uint8Array[]; children: ColumnData[] } {
    return { buffers: [validity], children: [this.#items.take()] }
  }
}

class StructWriter extends ColumnWriter {
  readonly #names: readonly string[]
  readonly #members: readonly ColumnWriter[]

  constructor(fields: readonly ArrowField[]) {
    super()
    this.#names = fields.map(({ name }) => name)
    this.#members = fields.map(({ type }) => columnWriter(type))
  }

  get bytes(): number {
    return this.#members.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  protected add(value: unknown): void {
    if (!isRecord(value)) throw new CellProblem('an object', value)
    let known = 0
    for (const [at, name] of this.#names.entries()) {
      if (Object.hasOwn(value, name)) known += 1
      this.#members[at]?.append(Object.hasOwn(value, name) ? value[name] : null)
    }
    if (Object.keys(value).length > known)
      throw new CellProblem(
        `an object with no other keys than ${JSON.stringify(this.#names).slice(0, 200)}`,
        value,
      )
  }

  protected addNull(): void {
    for (const member of this.#members) member.append(null)
  }

  protected takeValues(validity: Uint8Array): { buffers: Uint8Array[]; children: ColumnData[] } {
    return { buffers: [validity], children: this.#members.map((member) => member.take()) }
  }
}

class MapWriter extends ColumnWriter {
  readonly #offsets = new Offsets()
  readonly #keys: ColumnWriter
  readonly #values: ColumnWriter

  constructor(key: ArrowType, value: ArrowType) {
    super()
    this.#keys = columnWriter(key)
    this.#values = columnWriter(value)
  }

  get bytes(): number {
    return this.#keys.bytes + this.#values.bytes + 4 * this.length
  }

  protected add(value: unknown): void {
    if (!isMap(value)) throw new CellProblem('a Map', value)
    for (const [key, item] of value as ReadonlyMap<unknown, unknown>) {
      if (key === null || key === undefined) throw new CellProblem('keys that are not null', key)
      this.#keys.append(key)
      this.#values.append(item)
    }
    this.addNull()
  }

  protected addNull(): void {
    this.#offsets.set(this.length, this.#keys.length)
  }

  protected takeValues(
    validity: Uint8Array,
    length: number,
  ): { buffers: Uint8Array[]; children: ColumnData[] } {
    const entries = this.#keys.length
    const all = new Uint8Array(Math.ceil(entries / 8)).fill(255)
    const children = [this.#keys.take(), this.#values.take()]
    return {
      buffers: [validity, this.#offsets.take(length)],
      children: [{ length: entries, nulls: 0, buffers: [all], children }],
    }
  }
}

function itemsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  if (dtypeOf(value) !== undefined) {
    // The length of a view that its buffer no longer holds would be 0.
    asBytes(value as ArrayBufferView)
    return value as readonly number[]
  }
  throw new CellProblem('an array', value)
}

function cellBytes(value: unknown): Uint8Array {
  if (ArrayBuffer.isView(value) || isAnyArrayBuffer(value)) return asBytes(value)
  throw new CellProblem('bytes', value)
}

function setterOf(type: ArrowType): Setter {
  if (type.kind === 'int') return integerSetter(type.bits, type.isSigned)
  if (type.kind === 'float') return floatSetter(type.bits)
  if (type.kind === 'fixed_binary') return bytesSetter(type.width)
  if (type.kind === 'decimal') return decimalSetter(type)
  if (type.kind === 'date') return dateSetter(type.bits)
  if (type.kind === 'duration') return integerSetter(64, true)
  if (type.kind === 'time') return integerSetter(type.bits, true)
  if (type.kind === 'timestamp') {
    return (view, at, value) =>
      view.setBigInt64(at, isDate(value) ? inUnit(value, type.unit) : wide(value, 64, true), true)
  }
  return (_view, _at, value) => {
    throw new CellProblem('a type that values of JavaScript can have', value)
  }
}

function bytesSetter(width: number): Setter {
  return (view, at, value) => {
    const bytes = cellBytes(value)
    if (bytes.byteLength !== width) throw new CellProblem(`${width} bytes`, `${bytes.byteLength} bytes`)
    new Uint8Array(view.buffer).set(bytes, at)
  }
}

function dateSetter(bits: 32 | 64): Setter {
  return (view, at, value) => {
    const time = timeOf(value)
    if (bits === 64) return view.setBigInt64(at, BigInt(time), true)
    const days = time / 86_400_000
    if (!Number.isInteger(days)) throw new CellProblem('a Date at midnight of UTC', value)
    if (days !== (days | 0)) throw new CellProblem('a day that 32 bits hold', value)
    view.setInt32(at, days, true)
  }
}

function timeOf(value: unknown): number {
  const time = isDate(value) ? Date.prototype.getTime.call(value) : undefined
  if (time === undefined || Number.isNaN(time)) throw new CellProblem('a valid Date', value)
  return time
}

/** Return a date as a number of units since 1970. */
function inUnit(value: Date, unit: TimeUnit): bigint {
  const time = timeOf(value)
  if (unit === 's') {
    if (time % 1000 !== 0) throw new CellProblem('a Date at a whole second', value)
    return BigInt(time / 1000)
  }
  const units = BigInt(time) * { ms: 1n, us: 1000n, ns: 1_000_000n }[unit]
  if (BigInt.asIntN(64, units) !== units)
    throw new CellProblem('a Date that 64 bits of nanoseconds hold', value)
  return units
}

/** Return an integer that fits a number of bits. */
function wide(value: unknown, bits: number, isSigned: boolean): bigint {
  const expected = `an integer of ${isSigned ? '' : 'unsigned '}${bits} bits`
  if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isInteger(value)))
    throw new CellProblem(expected, value)
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new CellProblem(expected, value, 'a number beyond 2^53 may have lost digits; give a BigInt')
  if (Object.is(value, -0)) throw new CellProblem(expected, value)
  const whole = BigInt(value)
  if ((isSigned ? BigInt.asIntN(bits, whole) : BigInt.asUintN(bits, whole)) !== whole)
    throw new CellProblem(
      expected,
      value,
      'declare a type in the schema that holds it, for example "decimal(38,0)"',
    )
  return whole
}

function integerSetter(bits: 8 | 16 | 32 | 64, isSigned: boolean): Setter {
  if (bits === 64)
    return (view, at, value) => view.setBigInt64(at, BigInt.asIntN(64, wide(value, 64, isSigned)), true)
  return (view, at, value) => {
    const whole = Number(wide(value, bits, isSigned))
    if (bits === 8) view.setUint8(at, whole)
    else if (bits === 16) view.setUint16(at, whole, true)
    else view.setUint32(at, whole, true)
  }
}

function floatSetter(bits: 16 | 32 | 64): Setter {
  return (view, at, value) => {
    if (typeof value !== 'number') throw new CellProblem('a number', value)
    if (Number.isNaN(value)) {
      // JavaScript does not say which NaN a number is, so that it is the one that others write.
      if (bits === 64) view.setBigUint64(at, 0x7ff8_0000_0000_0000n, true)
      else if (bits === 32) view.setUint32(at, 0x7fc0_0000, true)
      else view.setUint16(at, 0x7e00, true)
    } else if (bits === 64) view.setFloat64(at, value, true)
    else if (bits === 32) {
      if (Math.fround(value) !== value)
        throw new CellProblem('a number that 32 bits hold exactly', value, ROUNDED)
      view.setFloat32(at, value, true)
    } else view.setUint16(at, halfOf(value), true)
  }
}

const ROUNDED = 'round it before, for example with Math.fround'

/** Return the bits of a number of 16 bits. */
function halfOf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const size = Math.abs(value)
  if (size === Infinity) return sign | 0x7c00
  const exponent = Math.max(-14, Math.floor(Math.log2(size === 0 ? 2 ** -24 : size)))
  // In units of the last place, of which numbers of one exponent have 1024.
  const units = size / 2 ** (exponent - 10)
  if (!Number.isInteger(units) || units > 2047 || exponent > 15)
    throw new CellProblem('a number that 16 bits hold exactly', value, ROUNDED)
  return sign | (units < 1024 ? units : ((exponent + 15) << 10) | (units - 1024))
}

function decimalSetter({ precision, scale, bits }: ArrowType & { kind: 'decimal' }): Setter {
  const limit = 10n ** BigInt(precision)
  return (view, at, value) => {
    const digits = digitsOf(value, scale)
    if (digits === undefined || digits >= limit || digits <= -limit)
      throw new CellProblem(`a decimal with ${precision} digits, ${scale} of them behind the point`, value)
    for (let word = 0; word < bits / 64; word++)
      view.setBigInt64(at + 8 * word, BigInt.asIntN(64, digits >> BigInt(64 * word)), true)
  }
}

/** Return a number as an integer of units of its last decimal place. */
function digitsOf(value: unknown, scale: number): bigint | undefined {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return undefined
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'string') return undefined
  const matched = /^(-?)(\d{1,80})(?:\.(\d{1,80}))?$/.exec(String(value))
  if (matched === null) return undefined
  const [, sign = '', whole = '', behind = ''] = matched
  const moved = BigInt(whole + behind)
  const shift = scale - behind.length
  const unit = 10n ** BigInt(Math.abs(shift))
  if (shift < 0 && moved % unit !== 0n) return undefined
  const digits = shift < 0 ? moved / unit : moved * unit
  return sign === '-' ? -digits : digits
}
