/**
 * Tables of Arrow libraries in memory, recognised by their shape: apache-arrow (its vectors and their data), and flechette,
 * which arquero uses. Their buffers are written as they are, without a value in between.
 */
import { LineaprintError } from '../../core/errors.ts'
import { asBytes } from '../../hash/bytes.ts'
import { INTERVAL_UNITS, TIME_UNITS, widthOf } from './arrow-types.ts'
import { columnWriter } from './columns.ts'
import { within as inPart } from './within.ts'
import { tableOfColumns } from './column-source.ts'
import type { ArrowField, ArrowType } from './arrow-types.ts'
import type { ColumnData } from './arrow-stream.ts'
import type { ColumnSource } from './column-source.ts'
import type { MemoryTable } from './records.ts'

/** A type of apache-arrow or flechette. */
interface LibraryType {
  readonly typeId: number
  readonly [field: string]: unknown
}

/** Values of a column in one piece: `Data` of apache-arrow, `Batch` of flechette. */
interface Piece {
  readonly length: number
  readonly [field: string]: unknown
}

/** A table of apache-arrow or flechette. */
export interface ArrowTableLike {
  readonly schema: {
    readonly fields: readonly { readonly name: string; readonly type: LibraryType }[]
  }
  readonly numRows: number
}

/** Most levels of nested types, as in every table. */
const MAX_DEPTH = 64

/** Bytes of values that a batch has at most, unless one row has more. */
const BATCH_BYTES = 64 << 20

/** Check whether a value is a table or record batch of apache-arrow, or a table of flechette. */
export function isArrowTable(value: object): value is ArrowTableLike {
  if (!('schema' in value) || !('numRows' in value) || typeof value.numRows !== 'number') return false
  const { schema } = value
  if (typeof schema !== 'object' || schema === null || !('fields' in schema)) return false
  const { fields } = schema
  return Array.isArray(fields) && fields.every((field) => isTyped(field) && 'name' in field)
}

/** Check whether a value is a column of apache-arrow or flechette. */
export function isArrowColumn(
  value: unknown,
): value is { readonly type: LibraryType; readonly data: readonly Piece[]; readonly length: number } {
  return isTyped(value) && 'data' in value && Array.isArray(value.data) && 'length' in value
}

function isTyped(value: unknown): value is { readonly type: LibraryType } {
  if (typeof value !== 'object' || value === null || !('type' in value)) return false
  const { type } = value
  return typeof type === 'object' && type !== null && 'typeId' in type && typeof type.typeId === 'number'
}

/** Return a table of apache-arrow or flechette as one in memory. */
export function tableOfArrow(table: ArrowTableLike): MemoryTable {
  const pieces = piecesOf(table)
  let id = 0
  const nextId = (): number => id++
  const columns = table.schema.fields.map(({ name, type }, index) =>
    arrowColumn(name, type, pieces[index] ?? [], table.numRows, nextId),
  )
  return tableOfColumns(columns, table.numRows)
}

/** Return the pieces of each column. */
function piecesOf(table: object): readonly (readonly Piece[])[] {
  // A table of apache-arrow, then a record batch of it, then a table of flechette.
  if ('batches' in table && Array.isArray(table.batches)) {
    const batches = table.batches as readonly { readonly data: Piece }[]
    const columns = batches.map(({ data }) => childrenOf(data))
    const count = Math.max(0, ...columns.map(({ length }) => length))
    return Array.from({ length: count }, (_, index) =>
      columns.map((children) => children[index]).filter((piece) => piece !== undefined),
    )
  }
  if ('data' in table && typeof table.data === 'object' && table.data !== null)
    return childrenOf(table.data as Piece).map((piece) => [piece])
  if ('children' in table && Array.isArray(table.children))
    return (table.children as readonly { readonly data: readonly Piece[] }[]).map(({ data }) => data)
  throw unsupported('a table without its columns')
}

function childrenOf(piece: Piece): readonly Piece[] {
  return Array.isArray(piece['children']) ? (piece['children'] as readonly Piece[]) : []
}

/**
 * Return a column of apache-arrow or flechette.
 *
 * @param total Rows that it must have.
 * @param nextId Return a new number for a dictionary.
 */
export function arrowColumn(
  name: string,
  libraryType: LibraryType,
  pieces: readonly Piece[],
  total: number,
  nextId: () => number,
): ColumnSource {
  const type = inColumn(name, () => typeOf(libraryType, nextId, 0))
  const starts: number[] = []
  let rows = 0
  for (const { length } of pieces) {
    starts.push(rows)
    rows += length
  }
  if (rows !== total) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_ARGUMENT',
      `column ${JSON.stringify(name)} has another length`,
      {
        field: name,
        expected: `${total} rows`,
        received: `${rows} rows`,
      },
    )
  }
  const dictionaries = new Map<unknown, ColumnData>()
  const find = (start: number): number => {
    let [low, high] = [0, starts.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] ?? 0) <= start) low = middle
      else high = middle - 1
    }
    // Pieces without rows begin where the next one does; the last of them with that start has the row.
    return low
  }
  return {
    name,
    type,
    most: (start, limit) => {
      const at = find(start)
      let count = Math.min(limit, (pieces[at]?.length ?? 0) - (start - (starts[at] ?? 0)))
      const piece = pieces[at]
      if (piece === undefined) return count
      while (count > 1 && bytesOf(type, piece, start - (starts[at] ?? 0), count) > BATCH_BYTES)
        count = Math.ceil(count / 2)
      return inColumn(name, () => rowsAtOnce(type, piece, start - (starts[at] ?? 0), count))
    },
    take: (start, count) => {
      const at = find(start)
      const piece = pieces[at]
      if (piece === undefined) throw unsupported('a column without rows')
      return inColumn(name, () => rangeOf(type, piece, start - (starts[at] ?? 0), count, dictionaries))
    },
  }
}

function inColumn<T>(name: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (!LineaprintError.is(cause)) throw cause
    throw inPart(`column ${JSON.stringify(name)}`, name, cause)
  }
}

/** Return about how many bytes a range of texts takes. */
function bytesOf(type: ArrowType, piece: Piece, start: number, count: number): number {
  if (!OFFSET_TYPE.test(type.kind)) return 0
  const offsets = fieldOf(piece, 'valueOffsets', 'offsets') as ArrayLike<number | bigint> | undefined
  return Number(offsets?.[start + count] ?? 0) - Number(offsets?.[start] ?? 0)
}

function fieldOf(piece: Piece, ...names: readonly string[]): unknown {
  for (const name of names) if (piece[name] !== undefined && piece[name] !== null) return piece[name]
  return undefined
}

/** Return rows of a piece as buffers. Its values and children begin at its first row; its bits at its `offset`. */
function rangeOf(
  type: ArrowType,
  piece: Piece,
  start: number,
  count: number,
  dictionaries: Map<unknown, ColumnData>,
): ColumnData {
  if (type.kind === 'null') return { length: count, nulls: count, buffers: [] }
  const bit = Number(piece['offset'] ?? 0) + start
  const { validity, nulls } = validityOf(piece, bit, count)
  if (nulls === count && !hasValues(type, piece, start, count)) return nullRows(type, count)
  const base = { length: count, nulls }
  const child = (index: number, from: number, length: number): ColumnData => {
    const inner = childrenOf(piece)[index]
    const fields = childTypes(type)
    const own = fields[index]
    if (inner === undefined || own === undefined || inner.length < from + length)
      throw unsupported('a column whose children have fewer elements than it states')
    return rangeOf(own, inner, from, length, dictionaries)
  }
  switch (type.kind) {
    case 'bool':
      return { ...base, buffers: [validity, bitsOf(valuesOf(piece), bit, count)] }
    case 'utf8':
    case 'binary':
    case 'large_utf8':
    case 'large_binary': {
      const { offsets, first, last } = offsetsOf(piece, start, count, type.kind.startsWith('large'))
      return { ...base, buffers: [validity, offsets, within(valuesOf(piece), first, last)] }
    }
    case 'utf8_view':
    case 'binary_view': {
      const parts = (fieldOf(piece, 'variadicBuffers', 'data') ?? []) as readonly Uint8Array[]
      const views = within(valuesOf(piece), 16 * start, 16 * (start + count))
      return { ...base, buffers: [validity, views, ...parts.map(asBytes)], variadic: parts.length }
    }
    case 'list':
    case 'large_list':
    case 'map': {
      const { offsets, first, last } = offsetsOf(piece, start, count, type.kind === 'large_list')
      return { ...base, buffers: [validity, offsets], children: [child(0, first, last - first)] }
    }
    case 'fixed_list':
      return { ...base, buffers: [validity], children: [child(0, start * type.size, count * type.size)] }
    case 'struct': {
      const children = type.fields.map((_, index) => child(index, start, count))
      return { ...base, buffers: [validity], children }
    }
    case 'int':
    case 'float':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'duration':
    case 'interval':
    case 'decimal':
    case 'fixed_binary':
    case 'dictionary':
      break
  }
  const width = widthOf(type) ?? 0
  const values = within(valuesOf(piece), width * start, width * (start + count))
  if (type.kind !== 'dictionary') return { ...base, buffers: [validity, values] }
  const dictionary = dictionaryOf(type.values, piece['dictionary'], dictionaries)
  return { ...base, buffers: [validity, values], dictionary }
}

/**
 * Return how many of some rows can be taken at once. apache-arrow makes columns equally long with rows that are null and have
 * no values: those at the end of a piece are taken apart from the others.
 */
function rowsAtOnce(type: ArrowType, piece: Piece, start: number, count: number): number {
  if (count === 0 || hasValues(type, piece, start, count)) return count
  const { validity, nulls } = validityOf(piece, Number(piece['offset'] ?? 0) + start, count)
  if (nulls === 0) return count
  let valid = count
  while (valid > 0 && ((validity[(valid - 1) >> 3] ?? 0) & (1 << ((valid - 1) & 7))) === 0) valid--
  return valid === 0 ? count : valid
}

/** Check whether the buffers and children of a piece reach to the end of a range of its rows. */
function hasValues(type: ArrowType, piece: Piece, start: number, count: number): boolean {
  const end = start + count
  if (type.kind === 'null') return true
  if (type.kind === 'bool') return 8 * valuesOf(piece).byteLength >= Number(piece['offset'] ?? 0) + end
  if (OFFSET_TYPE.test(type.kind)) {
    const offsets = fieldOf(piece, 'valueOffsets', 'offsets') as ArrayLike<unknown> | undefined
    return (offsets?.length ?? 0) > end
  }
  const each = type.kind === 'fixed_list' ? type.size : 1
  if (type.kind === 'fixed_list' || type.kind === 'struct')
    return childTypes(type).every((own, index) => {
      const child = childrenOf(piece)[index]
      if (child === undefined || child.length < each * end) return false
      return hasValues(own, child, each * start, each * count)
    })
  const width = type.kind.endsWith('_view') ? 16 : (widthOf(type) ?? 0)
  return valuesOf(piece).byteLength >= width * end
}

/** Kinds of types whose rows are ranges between offsets. */
const OFFSET_TYPE = /^(?:(?:large_)?(?:utf8|binary|list)|map)$/

/** Return rows that are all null. */
function nullRows(type: ArrowType, count: number): ColumnData {
  if (type.kind === 'null') return { length: count, nulls: count, buffers: [] }
  const bits = new Uint8Array(Math.ceil(count / 8))
  const base = { length: count, nulls: count }
  if (OFFSET_TYPE.test(type.kind)) {
    const offsets = new Uint8Array((type.kind.startsWith('large_') ? 8 : 4) * (count + 1))
    const inner = childTypes(type)
    if (inner.length === 0) return { ...base, buffers: [bits, offsets, new Uint8Array()] }
    return { ...base, buffers: [bits, offsets], children: inner.map((own) => nullRows(own, 0)) }
  }
  const each = type.kind === 'fixed_list' ? type.size : 1
  if (type.kind === 'fixed_list' || type.kind === 'struct')
    return {
      ...base,
      buffers: [bits],
      children: childTypes(type).map((own) => nullRows(own, each * count)),
    }
  if (type.kind === 'bool') return { ...base, buffers: [bits, bits] }
  if (type.kind.endsWith('_view'))
    return { ...base, buffers: [bits, new Uint8Array(16 * count)], variadic: 0 }
  const values = new Uint8Array((widthOf(type) ?? 0) * count)
  if (type.kind !== 'dictionary') return { ...base, buffers: [bits, values] }
  return { ...base, buffers: [bits, values], dictionary: nullRows(type.values, 0) }
}

function childTypes(type: ArrowType): readonly ArrowType[] {
  if (type.kind === 'struct') return type.fields.map((member) => member.type)
  if (type.kind === 'map') {
    const fields: ArrowField[] = [
      { name: 'key', type: type.key },
      { name: 'value', type: type.value },
    ]
    return [{ kind: 'struct', fields }]
  }
  return 'item' in type ? [type.item] : []
}

function valuesOf(piece: Piece): Uint8Array {
  const values = fieldOf(piece, 'values')
  return values === undefined ? new Uint8Array() : asBytes(values as ArrayBufferView)
}

/** Return a range of bytes. A buffer that was detached or is too short has fewer. */
function within(bytes: Uint8Array, first: number, last: number): Uint8Array {
  if (first < 0 || last < first || last > bytes.byteLength)
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a buffer is shorter than its rows', {
      expected: `${last} bytes`,
      received: `${bytes.byteLength} bytes`,
    })
  return bytes.subarray(first, last)
}

function offsetsOf(
  piece: Piece,
  start: number,
  count: number,
  isLarge: boolean,
): { readonly offsets: Uint8Array; readonly first: number; readonly last: number } {
  const given = fieldOf(piece, 'valueOffsets', 'offsets') as ArrayLike<number | bigint> | undefined
  const first = Number(given?.[start] ?? 0)
  const bytes = Buffer.alloc((isLarge ? 8 : 4) * (count + 1))
  let before = first
  for (let at = 0; at <= count; at++) {
    const offset = given?.[start + at]
    // A column without rows can have no offsets at all.
    const number = offset === undefined && count === 0 ? 0 : Number(offset)
    if (!Number.isSafeInteger(number) || number < before)
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'its offsets do not ascend', {
        expected: `${start + count + 1} numbers that ascend`,
        received: String(offset),
      })
    before = number
    if (isLarge) bytes.writeBigInt64LE(BigInt(number - first), 8 * at)
    else bytes.writeInt32LE(number - first, 4 * at)
  }
  return { offsets: bytes, first, last: before }
}

function validityOf(
  piece: Piece,
  bit: number,
  count: number,
): { readonly validity: Uint8Array; readonly nulls: number } {
  const given = fieldOf(piece, 'nullBitmap', 'validity')
  const bitmap = given === undefined ? undefined : asBytes(given as ArrayBufferView)
  const stated = piece['nullCount']
  if (bitmap === undefined || bitmap.byteLength === 0) {
    if (typeof stated === 'number' && stated > 0)
      throw new LineaprintError(
        'ERR_LINEAPRINT_ARGUMENT',
        'a column with nulls does not say which they are',
        {
          expected: 'a bitmap of its rows',
          received: `${stated} nulls`,
        },
      )
    return { validity: new Uint8Array(), nulls: 0 }
  }
  const validity = bitsOf(bitmap, bit, count)
  let valid = 0
  for (const byte of validity) valid += ONES[byte] ?? 0
  return valid === count ? { validity: new Uint8Array(), nulls: 0 } : { validity, nulls: count - valid }
}

/** Number of ones in each byte. */
const ONES: Uint8Array = Uint8Array.from(
  { length: 256 },
  (_, byte) => byte.toString(2).replaceAll('0', '').length,
)

/** Return bits from a position on, with zeros after the last. */
function bitsOf(bytes: Uint8Array, start: number, count: number): Uint8Array {
  const size = Math.ceil(count / 8)
  const [first, shift] = [start >> 3, start & 7]
  const source = within(bytes, first, Math.ceil((start + count) / 8))
  const bits = new Uint8Array(size)
  for (let at = 0; at < size; at++)
    bits[at] = ((source[at] ?? 0) >> shift) | ((source[at + 1] ?? 0) << (8 - shift))
  const over = count & 7
  if (over > 0) bits[size - 1] = (bits[size - 1] ?? 0) & ((1 << over) - 1)
  return bits
}

/** Return the values of a dictionary. The same one gives the same object, which is then written once. */
function dictionaryOf(type: ArrowType, given: unknown, dictionaries: Map<unknown, ColumnData>): ColumnData {
  const known = dictionaries.get(given)
  if (known !== undefined) return known
  if (typeof given !== 'object' || given === null || !('data' in given) || !Array.isArray(given.data))
    throw unsupported('a dictionary without its values')
  const pieces = given.data as readonly Piece[]
  const [only, ...more] = pieces
  const values =
    only !== undefined && more.length === 0
      ? rangeOf(type, only, 0, only.length, dictionaries)
      : joined(type, given, pieces)
  dictionaries.set(given, values)
  return values
}

/** Return the values of a dictionary in several pieces. */
function joined(type: ArrowType, given: object, pieces: readonly Piece[]): ColumnData {
  const isText = type.kind === 'utf8' || type.kind === 'large_utf8' || type.kind === 'utf8_view'
  const get = fieldOf(given as Piece, 'get', 'at')
  if (pieces.length > 0 && (!isText || typeof get !== 'function'))
    throw unsupported('a dictionary in several parts', 'write it to an Arrow file, and track that')
  const writer = columnWriter(
    type.kind === 'large_utf8' || type.kind === 'utf8_view' ? { kind: 'utf8' } : type,
  )
  if (type.kind !== 'utf8' && isText)
    throw unsupported('a dictionary in several parts', 'write it to an Arrow file, and track that')
  const count = pieces.reduce((sum, { length }) => sum + length, 0)
  for (let row = 0; row < count; row++) writer.append((get as (row: number) => unknown).call(given, row))
  return writer.take()
}

function typeOf(type: LibraryType, nextId: () => number, depth: number): ArrowType {
  if (depth > MAX_DEPTH) throw unsupported(`types nested more than ${MAX_DEPTH} deep`)
  const number = (...names: readonly string[]): number => {
    const value = names.map((name) => type[name]).find((each) => each !== undefined && each !== null)
    if (typeof value === 'number' && Number.isInteger(value)) return value
    throw unsupported(`a type without its ${names[0]}`)
  }
  const children = (): ArrowField[] => {
    const given = type['children']
    if (!Array.isArray(given)) throw unsupported('a type without its children')
    return (given as readonly { readonly name?: string | null; readonly type: LibraryType }[]).map(
      (child) => ({
        name: child.name ?? '',
        type: typeOf(child.type, nextId, depth + 1),
      }),
    )
  }
  const item = (): ArrowType => children()[0]?.type ?? { kind: 'null' }
  const unit = (): (typeof TIME_UNITS)[number] => TIME_UNITS[number('unit')] ?? 'ms'
  switch (type.typeId) {
    case 1:
      return { kind: 'null' }
    case 2: {
      const isSigned = (type['isSigned'] ?? type['signed']) === true
      return { kind: 'int', bits: number('bitWidth') as 8, isSigned }
    }
    case 3:
      return { kind: 'float', bits: ([16, 32, 64] as const)[number('precision')] ?? 64 }
    case 4:
      return { kind: 'binary' }
    case 5:
      return { kind: 'utf8' }
    case 6:
      return { kind: 'bool' }
    case 7:
      return {
        kind: 'decimal',
        precision: number('precision'),
        scale: number('scale'),
        bits: number('bitWidth'),
      }
    case 8:
      return { kind: 'date', bits: number('unit') === 0 ? 32 : 64 }
    case 9:
      return { kind: 'time', unit: unit(), bits: number('bitWidth') as 32 }
    case 10: {
      const zone = type['timezone']
      return { kind: 'timestamp', unit: unit(), zone: typeof zone === 'string' ? zone : undefined }
    }
    case 11:
      return { kind: 'interval', unit: INTERVAL_UNITS[number('unit')] ?? 'month_day_nano' }
    case 12:
      return { kind: 'list', item: item() }
    case 13:
      return { kind: 'struct', fields: children() }
    case 15:
      return { kind: 'fixed_binary', width: number('byteWidth', 'stride') }
    case 16:
      return { kind: 'fixed_list', size: number('listSize', 'stride'), item: item() }
    case 17: {
      const entries = item()
      const [key, value] = entries.kind === 'struct' ? entries.fields : []
      if (key === undefined || value === undefined) throw unsupported('a map without keys and values')
      return { kind: 'map', key: key.type, value: value.type }
    }
    case 18:
      return { kind: 'duration', unit: unit() }
    case 19:
      return { kind: 'large_binary' }
    case 20:
      return { kind: 'large_utf8' }
    case 21:
      return { kind: 'large_list', item: item() }
    case 23:
      return { kind: 'binary_view' }
    case 24:
      return { kind: 'utf8_view' }
    case -1: {
      const index = typeOf(type['indices'] as LibraryType, nextId, depth + 1)
      const values = typeOf(type['dictionary'] as LibraryType, nextId, depth + 1)
      if (index.kind !== 'int') throw unsupported('a dictionary without integers')
      return { kind: 'dictionary', id: nextId(), index, values }
    }
    default:
      throw unsupported(`Arrow's type number ${type.typeId}`)
  }
}

function unsupported(what: string, hint?: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', `${what} is not supported in memory`, { hint })
}
