/** Records of JavaScript as a table. */
import { LineaprintError } from '../../core/errors.ts'
import { parseType } from './arrow-types.ts'
import { types } from 'node:util'
import { dtypeOf } from '../../hash/array.ts'
import { asBytes } from '../../hash/bytes.ts'
import { copyOf } from '../../hash/strided.ts'
import { Turns } from '../../util/turns.ts'
import { CellProblem, isRecord, shown } from './cell.ts'
import { columnWriter } from './columns.ts'
import { TypeGuess } from './guess.ts'
import type { TypedArray } from '../../hash/typed-array.ts'
import type { ArrowField } from './arrow-types.ts'
import type { RowBatch } from './arrow-stream.ts'

/**
 * Rows of one batch at most, and bytes of its values from which on it is full. Larger batches are not faster, and whoever reads
 * them holds more.
 */
const [BATCH_ROWS, BATCH_BYTES] = [8192, 2 << 20]

/** Rows after which the bytes of a batch are counted again, and the time of a turn. */
const STEP = 16

/** Rows of a stream that are held to see the types of its columns. */
export const PROBED_ROWS = 4096

/** Levels of values in each other, beyond which they are refused. */
const MAX_DEPTH = 100

/** A table in memory: its columns, and its rows in batches. */
export interface MemoryTable {
  readonly fields: readonly ArrowField[]
  readonly batches: AsyncIterable<RowBatch> | Iterable<RowBatch>
}

/** Names of columns and spellings of their types in turn, as the addon takes them. */
export type Schema = readonly string[]

/** Return the columns of a schema that the addon has accepted. */
function fieldsOf(schema: Schema): ArrowField[] {
  const fields: ArrowField[] = []
  for (let at = 0; at + 1 < schema.length; at += 2)
    fields.push({ name: schema[at] ?? '', type: parseType(schema[at + 1] ?? '') })
  const names = new Set(fields.map(({ name }) => name))
  if (names.size === fields.length) return fields
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a record has one value for each name', {
    field: 'schema',
    expected: 'names of columns that are not the same',
    received: `${fields.length} columns with ${names.size} names`,
  })
}

/** Return records in an array as a table. They are read twice unless a schema is given. */
export async function tableOfArray(records: readonly unknown[], schema?: Schema): Promise<MemoryTable> {
  const fields = schema === undefined ? await guessFields(records) : fieldsOf(schema)
  let row = 0
  // Indexes do not call an iterator that somebody has changed.
  const next = (): IteratorResult<unknown> => {
    if (row === records.length) return END
    const at = row++
    return { done: false, value: readSafely(at, () => records[at]) }
  }
  return { fields, batches: batchesOf(next, fields, schema !== undefined) }
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined }

/** Return the next record. Without a promise where there is one already: very many records are taken. */
type NextRecord = () => IteratorResult<unknown> | Promise<IteratorResult<unknown>>

/**
 * Return the records of an iterable as a table. Without a schema, the first {@link PROBED_ROWS} of them say which types the
 * columns have.
 *
 * @param first Records that were taken from it before.
 */
export async function tableOfIterable(
  first: readonly unknown[],
  rest: AsyncIterator<unknown>,
  schema?: Schema,
): Promise<MemoryTable> {
  const held = first.map((record) => snapshot(record, 0))
  if (schema !== undefined)
    return { fields: fieldsOf(schema), batches: batchesOf(chained(held, rest), fieldsOf(schema), true) }
  while (held.length < PROBED_ROWS) {
    const next = await rest.next()
    if (next.done === true) break
    // Whoever gives records one by one can use one object or buffer for all of them.
    held.push(snapshot(next.value, 0))
  }
  const fields = await guessFields(held)
  return { fields, batches: batchesOf(chained(held, rest), fields, false) }
}

/** Return a copy of a record, so that it stays as it is while further ones are taken. */
function snapshot(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH || types.isProxy(value)) return value
  if (types.isDate(value)) return new Date(Date.prototype.getTime.call(value))
  if (types.isAnyArrayBuffer(value) || types.isDataView(value)) return asBytes(value).slice()
  if (dtypeOf(value) !== undefined) return copyOf(value as TypedArray)
  if (Array.isArray(value)) return value.map((item: unknown) => snapshot(item, depth + 1))
  if (types.isMap(value))
    return new Map([...value].map(([key, item]) => [snapshot(key, depth + 1), snapshot(item, depth + 1)]))
  if (!isRecord(value)) return value
  const copy: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const name of Object.keys(value)) copy[name] = snapshot(value[name], depth + 1)
  return copy
}

/** Return the records that are held, then those of the iterator. */
function chained(held: unknown[], rest: AsyncIterator<unknown>): NextRecord {
  let at = 0
  return () => {
    if (at < held.length) return { done: false, value: held[at++] }
    held.length = 0
    at = 0
    return rest.next()
  }
}

async function guessFields(records: readonly unknown[]): Promise<ArrowField[]> {
  const guesses = new Map<string, TypeGuess>()
  const turns = new Turns()
  for (let row = 0; row < records.length; row++) {
    if (row % STEP === 0 && turns.isOver) await turns.next()
    const record = recordAt(records, row)
    const names = namesOf(record, row)
    if (row === 0) for (const name of names) guesses.set(name, new TypeGuess())
    else if (names.length !== guesses.size) throw keysError(guesses, names, row)
    for (const name of names) {
      const guess = guesses.get(name)
      if (guess === undefined) throw keysError(guesses, names, row)
      inCell(name, row, () => guess.add(record[name]), true)
    }
  }
  return [...guesses].map(([name, { type }]) => ({ name, type }))
}

/** Return a record of an array; reading it may call a Proxy. */
function recordAt(records: readonly unknown[], row: number): Readonly<Record<string, unknown>> {
  return checkRecord(
    readSafely(row, () => records[row]),
    row,
  )
}

function checkRecord(record: unknown, row: number): Readonly<Record<string, unknown>> {
  if (readSafely(row, () => isRecord(record))) return record as Readonly<Record<string, unknown>>
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `row ${row} is not a record`, {
    field: `[${row}]`,
    expected: 'a plain object, as in the rows before',
    received: shown(record),
  })
}

function namesOf(record: object, row: number): string[] {
  return readSafely(row, () => Object.keys(record))
}

/** Call what may run code of the caller, such as a getter. */
function readSafely<T>(row: number, read: () => T, column?: string): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof CellProblem || LineaprintError.is(cause)) throw cause
    const where = column === undefined ? `row ${row}` : `column ${JSON.stringify(column)}, row ${row}`
    throw new LineaprintError('ERR_LINEAPRINT_UNREADABLE', `${where}: reading it has failed`, {
      field: column ?? `[${row}]`,
      received: cause instanceof Error ? cause.name : typeof cause,
      cause,
    })
  }
}

function keysError(
  guesses: ReadonlyMap<string, TypeGuess>,
  names: readonly string[],
  row: number,
): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `row ${row} has other columns than the first`, {
    field: `[${row}]`,
    expected: listed([...guesses.keys()]),
    received: listed(names),
    hint: 'give the columns as schema; a column that a record does not have is then null',
  })
}

function listed(names: readonly string[]): string {
  const few = names.slice(0, 10).map((name) => JSON.stringify(name.slice(0, 40)))
  return few.length < names.length
    ? `${few.join(', ')} and ${names.length - few.length} more`
    : few.join(', ')
}

/** Do what a value of a column is needed for; an error names column and row. */
function inCell(column: string, row: number, work: () => void, isGuessed: boolean): void {
  try {
    readSafely(row, work, column)
  } catch (cause) {
    if (!(cause instanceof CellProblem)) throw cause
    throw new LineaprintError(
      'ERR_LINEAPRINT_ARGUMENT',
      `column ${JSON.stringify(column)}, row ${row}: ${cause.message}`,
      {
        field: column,
        expected: cause.expected,
        received: cause.received,
        hint: cause.hint ?? (isGuessed ? 'give the types of the columns as schema' : undefined),
        cause,
      },
    )
  }
}

async function* batchesOf(
  next: NextRecord,
  fields: readonly ArrowField[],
  isDeclared: boolean,
): AsyncGenerator<RowBatch> {
  const names = fields.map(({ name }) => name)
  const known = new Set(names)
  const writers = fields.map(({ type }) => columnWriter(type))
  let [row, rows, bytes] = [0, 0, 0]
  const turns = new Turns()
  const take = (): RowBatch => {
    const batch = { rows, columns: writers.map((writer) => writer.take()) }
    rows = 0
    return batch
  }
  for (;;) {
    const step = next()
    const { done, value } = step instanceof Promise ? await step : step
    if (done === true) break
    const record = checkRecord(value, row)
    const own = namesOf(record, row)
    const isOther = own.some((name) => !known.has(name)) || (!isDeclared && own.length !== names.length)
    if (isOther) throw columnsError(names, own, row)
    for (const [at, name] of names.entries()) {
      inCell(
        name,
        row,
        () => writers[at]?.append(Object.hasOwn(record, name) ? record[name] : null),
        !isDeclared,
      )
    }
    row += 1
    rows += 1
    if (rows % STEP === 0) {
      bytes = writers.reduce((sum, writer) => sum + writer.bytes, 0)
      if (turns.isOver) await turns.next()
    }
    if (rows === BATCH_ROWS || bytes > BATCH_BYTES) {
      bytes = 0
      yield take()
    }
  }
  if (rows > 0) yield take()
}

function columnsError(names: readonly string[], own: readonly string[], row: number): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `row ${row} has other columns than the table`, {
    field: `[${row}]`,
    expected: listed(names),
    received: listed(own),
  })
}
