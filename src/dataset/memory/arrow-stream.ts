/** The stream format of Arrow: a schema, then batches of rows. */
import { INTERVAL_UNITS, TIME_UNITS } from './arrow-types.ts'
import { scalar, serialise } from './flatbuffer.ts'
import type { ArrowField, ArrowType } from './arrow-types.ts'
import type { Part, Table } from './flatbuffer.ts'

/** The values of one column in a batch, as buffers of Arrow. */
export interface ColumnData {
  readonly length: number
  readonly nulls: number
  /** Validity, offsets and values, as the type has them. */
  readonly buffers: readonly Uint8Array[]
  readonly children?: readonly ColumnData[]
  /** Number of the buffers that values of a view refer to; only of views. */
  readonly variadic?: number
  /** The values of a dictionary; only of the type `dictionary`. */
  readonly dictionary?: ColumnData
}

/** Rows of a table. */
export interface RowBatch {
  readonly rows: number
  readonly columns: readonly ColumnData[]
}

/** Bytes that the buffers of a message are aligned to. */
const ALIGNMENT = 64

const VERSION_5 = 4
const [SCHEMA, DICTIONARY_BATCH, RECORD_BATCH] = [1, 2, 3]

/** Return the message with the columns of a table. */
export function schemaMessage(fields: readonly ArrowField[]): Uint8Array[] {
  return message(SCHEMA, { fields: [scalar(2, 0), fields.map(fieldTable)] }, [])
}

/**
 * Return the messages of a batch; dictionaries come before the rows that use them.
 *
 * @param written The dictionary of each id that was written last; those of this batch are added.
 */
export function batchMessages(
  fields: readonly ArrowField[],
  { rows, columns }: RowBatch,
  written: Map<number, ColumnData>,
): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (const [index, field] of fields.entries()) {
    const column = columns[index]
    if (column !== undefined) dictionaryMessages(field.type, column, parts, written)
  }
  const { table, buffers } = batchTable(rows, columns)
  return [...parts, ...message(RECORD_BATCH, table, buffers)]
}

/** The end of a stream. */
export const STREAM_END: Uint8Array = Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0)

function dictionaryMessages(
  type: ArrowType,
  column: ColumnData,
  parts: Uint8Array[],
  written: Map<number, ColumnData>,
): void {
  if (type.kind === 'dictionary') {
    const { dictionary } = column
    if (dictionary === undefined || written.get(type.id) === dictionary) return
    written.set(type.id, dictionary)
    dictionaryMessages(type.values, dictionary, parts, written)
    const { table, buffers } = batchTable(dictionary.length, [dictionary])
    parts.push(...message(DICTIONARY_BATCH, { fields: [scalar(8, type.id), table] }, buffers))
    return
  }
  for (const [index, child] of childFields(type).entries()) {
    const data = column.children?.[index]
    if (data !== undefined) dictionaryMessages(child.type, data, parts, written)
  }
}

function batchTable(
  rows: number,
  columns: readonly ColumnData[],
): { readonly table: Table; readonly buffers: Uint8Array[] } {
  const nodes: number[] = []
  const buffers: Uint8Array[] = []
  const variadic: number[] = []
  const add = (column: ColumnData): void => {
    nodes.push(column.length, column.nulls)
    buffers.push(...column.buffers)
    if (column.variadic !== undefined) variadic.push(column.variadic)
    column.children?.forEach(add)
  }
  columns.forEach(add)
  const ranges: number[] = []
  let position = 0
  for (const { byteLength } of buffers) {
    ranges.push(position, byteLength)
    position += padded(byteLength, ALIGNMENT)
  }
  const table = {
    fields: [
      scalar(8, rows),
      { rows: nodes.length / 2, numbers: nodes },
      { rows: ranges.length / 2, numbers: ranges },
      undefined,
      ...(variadic.length > 0 ? [{ rows: variadic.length, numbers: variadic }] : []),
    ],
  }
  return { table, buffers }
}

function message(kind: number, header: Table, buffers: readonly Uint8Array[]): Uint8Array[] {
  const length = buffers.reduce((sum, { byteLength }) => sum + padded(byteLength, ALIGNMENT), 0)
  const head = serialise({
    fields: [scalar(2, VERSION_5), scalar(1, kind), header, scalar(8, length)],
  })
  const prefix = Buffer.alloc(8)
  prefix.writeInt32LE(-1)
  prefix.writeInt32LE(padded(head.byteLength, 8), 4)
  const body = buffers.flatMap((bytes) => [bytes, padding(bytes.byteLength, ALIGNMENT)])
  return [prefix, head, padding(head.byteLength, 8), ...body]
}

const ZEROS = new Uint8Array(ALIGNMENT)

function padding(length: number, alignment: number): Uint8Array {
  return ZEROS.subarray(0, padded(length, alignment) - length)
}

function padded(length: number, alignment: number): number {
  return Math.ceil(length / alignment) * alignment
}

/** Return the columns within a column. */
export function childFields(type: ArrowType): readonly ArrowField[] {
  if ('item' in type) return [{ name: 'item', type: type.item }]
  if (type.kind === 'struct') return type.fields
  if (type.kind !== 'map') return []
  const fields = [
    { name: 'key', type: type.key, isRequired: true as const },
    { name: 'value', type: type.value },
  ]
  return [{ name: 'entries', type: { kind: 'struct', fields }, isRequired: true }]
}

function fieldTable({ name, type, isRequired }: ArrowField): Table {
  const stored = type.kind === 'dictionary' ? type.values : type
  const [kind, fields] = typeTable(stored)
  const encoding =
    type.kind === 'dictionary'
      ? { fields: [scalar(8, type.id), { fields: typeTable(type.index)[1] }, scalar(1, 0)] }
      : undefined
  const children = childFields(stored).map(fieldTable)
  return {
    fields: [name, scalar(1, isRequired === true ? 0 : 1), scalar(1, kind), { fields }, encoding, children],
  }
}

/** Return the number of a type in the union of types, and the fields of its table. */
function typeTable(type: ArrowType): readonly [kind: number, fields: readonly Part[]] {
  switch (type.kind) {
    case 'null':
      return [1, []]
    case 'int':
      return [2, [scalar(4, type.bits), scalar(1, type.isSigned ? 1 : 0)]]
    case 'float':
      return [3, [scalar(2, [16, 32, 64].indexOf(type.bits))]]
    case 'binary':
      return [4, []]
    case 'utf8':
      return [5, []]
    case 'bool':
      return [6, []]
    case 'decimal':
      return [7, [scalar(4, type.precision), scalar(4, type.scale), scalar(4, type.bits)]]
    case 'date':
      return [8, [scalar(2, type.bits === 32 ? 0 : 1)]]
    case 'time':
      return [9, [unit(type.unit), scalar(4, type.bits)]]
    case 'timestamp':
      return [10, [unit(type.unit), type.zone]]
    case 'interval':
      return [11, [scalar(2, INTERVAL_UNITS.indexOf(type.unit))]]
    case 'list':
      return [12, []]
    case 'struct':
      return [13, []]
    case 'fixed_binary':
      return [15, [scalar(4, type.width)]]
    case 'fixed_list':
      return [16, [scalar(4, type.size)]]
    case 'map':
      return [17, [scalar(1, 0)]]
    case 'duration':
      return [18, [unit(type.unit)]]
    case 'large_binary':
      return [19, []]
    case 'large_utf8':
      return [20, []]
    case 'large_list':
      return [21, []]
    case 'binary_view':
      return [23, []]
    case 'utf8_view':
      return [24, []]
    case 'dictionary':
      break
  }
  return typeTable(type.values)
}

function unit(name: (typeof TIME_UNITS)[number]): Part {
  return scalar(2, TIME_UNITS.indexOf(name))
}
