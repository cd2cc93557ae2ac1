/** The types of columns of which no schema is given: those that the values themselves have. */
import { isAnyArrayBuffer, isDataView, isDate, isMap, isUint8Array } from 'node:util/types'
import { dtypeOf } from '../../hash/array.ts'
import { CellProblem, isRecord } from './cell.ts'
import type { ArrowType } from './arrow-types.ts'

/** Nested values deeper than this are refused, as everywhere in tables. */
const MAX_DEPTH = 60

const FLOAT64: ArrowType = { kind: 'float', bits: 64 }
const INT64: ArrowType = { kind: 'int', bits: 64, isSigned: true }
const INSTANT: ArrowType = { kind: 'timestamp', unit: 'ms', zone: 'UTC' }

/** Types of the elements of typed arrays in cells. */
const ELEMENTS: ReadonlyMap<string, ArrowType> = new Map<string, ArrowType>([
  ['I8', { kind: 'int', bits: 8, isSigned: true }],
  ['U8', { kind: 'int', bits: 8, isSigned: false }],
  ['I16', { kind: 'int', bits: 16, isSigned: true }],
  ['U16', { kind: 'int', bits: 16, isSigned: false }],
  ['I32', { kind: 'int', bits: 32, isSigned: true }],
  ['U32', { kind: 'int', bits: 32, isSigned: false }],
  ['I64', INT64],
  ['U64', { kind: 'int', bits: 64, isSigned: false }],
  ['F16', { kind: 'float', bits: 16 }],
  ['F32', { kind: 'float', bits: 32 }],
  ['F64', FLOAT64],
])

/** The type of the values of a column so far. */
export class TypeGuess {
  #known: string | undefined
  #type: ArrowType | undefined
  #item: TypeGuess | undefined
  #value: TypeGuess | undefined
  #members: Map<string, TypeGuess> | undefined

  /** True if no value was seen, or only null. */
  get isOpen(): boolean {
    return this.#known === undefined
  }

  /** Take the next value. @throws CellProblem if it is of another type than those before, or of none. */
  add(value: unknown, depth = 0): void {
    if (value === null || value === undefined) return
    if (depth > MAX_DEPTH) throw new CellProblem(`values nested at most ${MAX_DEPTH} deep`, value)
    const before = this.#known
    const kind = before === 'number' && typeof value === 'number' ? before : kindOf(value)
    if (before !== undefined && before !== kind)
      throw new CellProblem(`${NAMES[before] ?? before}, as in the rows before`, value, SCHEMA)
    this.#known = kind
    if (kind === 'list')
      for (const item of value as readonly unknown[]) (this.#item ??= new TypeGuess()).add(item, depth + 1)
    else if (kind === 'map') {
      for (const [key, item] of value as ReadonlyMap<unknown, unknown>) {
        ;(this.#item ??= new TypeGuess()).add(key, depth + 1)
        ;(this.#value ??= new TypeGuess()).add(item, depth + 1)
      }
    } else if (kind === 'struct') this.#addMembers(value as Readonly<Record<string, unknown>>, depth)
    else if (before === undefined) this.#type = typeOf(kind)
  }

  /** The type of all values; `null` if there is none. */
  get type(): ArrowType {
    switch (this.#known) {
      case undefined:
        return { kind: 'null' }
      case 'list':
        return { kind: 'list', item: this.#item?.type ?? { kind: 'null' } }
      case 'map':
        return {
          kind: 'map',
          key: this.#item?.type ?? { kind: 'null' },
          value: this.#value?.type ?? { kind: 'null' },
        }
      case 'struct':
        return {
          kind: 'struct',
          fields: [...(this.#members ?? [])].map(([name, { type }]) => ({ name, type })),
        }
      default:
        return this.#type ?? { kind: 'null' }
    }
  }

  #addMembers(value: Readonly<Record<string, unknown>>, depth: number): void {
    const names = Object.keys(value)
    if (this.#members === undefined) this.#members = new Map(names.map((name) => [name, new TypeGuess()]))
    else if (names.length !== this.#members.size)
      throw new CellProblem(`objects with the ${this.#members.size} keys of the first one`, value, SCHEMA)
    for (const name of names) {
      const member = this.#members.get(name)
      if (member === undefined) throw new CellProblem('objects with the keys of the first one', value, SCHEMA)
      member.add(value[name], depth + 1)
    }
  }
}

const SCHEMA = 'give the types of the columns as schema, for example { id: "int64" }'

/** Names of kinds for errors. */
const NAMES: Readonly<Record<string, string>> = {
  bool: 'true or false',
  number: 'a number',
  bigint: 'a BigInt',
  utf8: 'text',
  binary: 'bytes',
  instant: 'a Date',
  list: 'an array',
  map: 'a Map',
  struct: 'an object',
}

function typeOf(kind: string): ArrowType | undefined {
  switch (kind) {
    case 'bool':
    case 'utf8':
    case 'binary':
      return { kind }
    case 'number':
      return FLOAT64
    case 'bigint':
      return INT64
    case 'instant':
      return INSTANT
    default: {
      const item = ELEMENTS.get(kind.slice('elements of '.length))
      return item && { kind: 'list', item }
    }
  }
}

function kindOf(value: unknown): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'number':
    case 'bigint':
      return typeof value
    case 'string':
      return 'utf8'
    case 'object':
      return objectKind(value as object)
    case 'undefined':
    case 'function':
    case 'symbol':
      break
  }
  throw new CellProblem(KNOWN, value)
}

const KNOWN = 'a number, BigInt, boolean, text, Date, bytes, typed array, array, Map, plain object or null'

function objectKind(value: object): string {
  if (isUint8Array(value) || isAnyArrayBuffer(value) || isDataView(value)) return 'binary'
  if (isDate(value)) return 'instant'
  if (Array.isArray(value)) return 'list'
  if (isMap(value)) return 'map'
  const dtype = dtypeOf(value)
  if (dtype !== undefined) return `elements of ${dtype}`
  if (isRecord(value)) return 'struct'
  throw new CellProblem(KNOWN, value)
}

/** Return the type of a column whose values a typed array of a dtype holds. */
export function elementType(dtype: string): ArrowType | undefined {
  return ELEMENTS.get(dtype)
}
