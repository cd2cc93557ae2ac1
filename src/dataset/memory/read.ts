/** Datasets in memory: which form a value has is seen from its shape, so that none of the libraries is needed. */
import { primary, toDigests } from '../../core/digest.ts'
import { LineaprintError } from '../../core/errors.ts'
import { checkAlgorithm } from '../../core/options.ts'
import { digestTensor, hashArray, isTypedArray } from '../../hash/array.ts'
import { asBytes, isBytes } from '../../hash/bytes.ts'
import { hashStream } from '../../hash/stream.ts'
import { localTensor } from '../../hash/library-tensors.ts'
import { native } from '../../native/load.ts'
import { compareUtf8 } from '../../util/text-order.ts'
import { datasetTable } from '../describe-table.ts'
import { splitsDigest } from '../folder/splits-digest.ts'
import { checkSchema } from '../table.ts'
import { isArrowTable, tableOfArrow } from './arrow-tables.ts'
import { isNodeByteStream, isWebByteStream, isWebStream } from './streams.ts'
import { isRecord, shown } from './cell.ts'
import {
  hashPolars,
  isArqueroTable,
  isDanfoFrame,
  isPolarsFrame,
  otherFrame,
  tableOfArquero,
  tableOfDanfo,
} from './frames.ts'
import { hashMemoryTable } from './hash-table.ts'
import { tableOfArray, tableOfIterable } from './records.ts'
import { hashItems } from './sequence.ts'
import { within } from './within.ts'
import type { AlgorithmChoice, Digest, Digests } from '../../core/digest.ts'
import type { ShapedArray, TypedArray } from '../../hash/array.ts'
import type { SampledHashOptions } from '../../hash/sample/options.ts'
import type { SampleReport } from '../../hash/sample/report.ts'
import type { DatasetSequence } from '../describe-sequence.ts'
import type { DatasetTable } from '../describe-table.ts'
import type { DatasetSplit, DatasetSplits } from '../folder/splits-digest.ts'
import type { TableHash, TableSchema } from '../table.ts'
import type { MemoryTable, Schema } from './records.ts'
import type { LocalTensor } from '../../hash/library-tensors.ts'

/** An array of a named group of arrays. */
export interface NamedArray {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  /** Digest of kind `tensor`. */
  readonly digest: Digest
}

/** A dataset in memory that was read. */
export interface MemoryDataset {
  readonly kind: 'array' | 'memory'
  readonly digest: Digest
  readonly digests: Digests
  readonly bytes: number
  readonly dtype?: string
  readonly shape?: readonly number[]
  readonly sample?: SampleReport
  readonly table?: DatasetTable
  readonly sequence?: DatasetSequence
  readonly splits?: DatasetSplits
  /** The arrays of a named group, in the order of the bytes of their names. */
  readonly arrays?: readonly NamedArray[]
  readonly warnings: readonly string[]
}

/** A dataset in memory, with the digests of the elements of an array alone. */
export type ReadForm = MemoryDataset & { readonly data?: Digests }

/** Options of a dataset in memory. */
export interface MemoryOptions extends SampledHashOptions {
  readonly schema?: TableSchema | undefined
  readonly unordered?: boolean | undefined
  readonly statistics?: boolean | undefined
}

/**
 * Digest a dataset in memory. A one-shot iterable is read to its end.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT for a value that is no dataset, or has cells that no type holds exactly; UNREADABLE
 * if code of the caller fails meanwhile, such as a getter or a stream.
 */
export async function readMemory(source: unknown, options: MemoryOptions): Promise<MemoryDataset> {
  if (typeof source !== 'object' || source === null) throw notDataset(source)
  const form = formOf(source)
  if (form.kind === 'group') return readGroup(form.entries, options)
  const { data: _, ...report } = await readForm(form, options)
  return report
}

/** Forms of datasets in memory. */
type Form =
  | { readonly kind: 'array'; readonly array: TypedArray | ShapedArray }
  | { readonly kind: 'tensor'; readonly tensor: Promise<LocalTensor> }
  | { readonly kind: 'table'; readonly hash: (schema?: Schema) => Promise<MemoryTable> | MemoryTable }
  | { readonly kind: 'polars'; readonly hash: (options: MemoryOptions) => Promise<TableHash> }
  | { readonly kind: 'bytes'; readonly stream: AsyncIterable<Uint8Array | string> }
  | {
      readonly kind: 'items'
      readonly open: () => AsyncIterator<unknown> | Iterator<unknown> | Promise<AsyncIterator<unknown>>
      readonly isWebStream?: boolean
      readonly areItems?: boolean
    }
  | { readonly kind: 'records'; readonly records: readonly unknown[] }

function formOf(
  source: object,
): Form | { readonly kind: 'group'; readonly entries: readonly (readonly [unknown, unknown])[] } {
  try {
    return recognised(source)
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    // A getter or a Proxy of the caller.
    throw unreadable('the form of the dataset cannot be seen', cause)
  }
}

function recognised(
  source: object,
): Form | { readonly kind: 'group'; readonly entries: readonly (readonly [unknown, unknown])[] } {
  if (source instanceof Promise)
    throw notDataset(source, { received: 'a promise', hint: 'await it, and pass its result' })
  if (isTypedArray(source)) return { kind: 'array', array: source }
  if (isBytes(source)) return { kind: 'array', array: asBytes(source) }
  const tensor = localTensor(source, 'the dataset')
  if (tensor instanceof Promise) return { kind: 'tensor', tensor: tensor as Promise<LocalTensor> }
  if ('data' in source && 'shape' in source && isTypedArray(source.data))
    return { kind: 'array', array: source as ShapedArray }
  if (isPolarsFrame(source)) return { kind: 'polars', hash: (options) => hashPolars(source, options) }
  if (isArrowTable(source)) return { kind: 'table', hash: () => tableOfArrow(source) }
  if (isArqueroTable(source)) return { kind: 'table', hash: () => tableOfArquero(source) }
  if (isDanfoFrame(source)) return { kind: 'table', hash: () => tableOfDanfo(source) }
  const other = otherFrame(source)
  if (other !== undefined) throw notDataset(source, other)
  if (Array.isArray(source)) return arrayForm(source)
  if (isNodeByteStream(source)) return { kind: 'bytes', stream: source }
  if (isWebStream(source)) {
    const stream = source as ReadableStream<unknown> & AsyncIterable<unknown>
    if (isWebByteStream(stream)) return { kind: 'bytes', stream: stream as AsyncIterable<Uint8Array> }
    return { kind: 'items', open: () => stream[Symbol.asyncIterator](), isWebStream: true }
  }
  if (isTfData(source))
    return { kind: 'items', open: async () => tfDataItems(await source.iterator()), areItems: true }
  if (source instanceof Map) return { kind: 'group', entries: [...(source as ReadonlyMap<unknown, unknown>)] }
  if (isAsyncIterable(source)) return { kind: 'items', open: () => source[Symbol.asyncIterator]() }
  if (isIterable(source)) return { kind: 'items', open: () => source[Symbol.iterator]() }
  if (isRecord(source)) return { kind: 'group', entries: Object.entries(source) }
  throw notDataset(source)
}

function arrayForm(source: readonly unknown[]): Form {
  const [first] = source
  if (isRecord(first) && !isItem(first)) return { kind: 'records', records: source }
  return { kind: 'items', open: () => source[Symbol.iterator]() }
}

function isTensor(each: unknown): boolean {
  return typeof each === 'object' && each !== null && 'dtype' in each && 'shape' in each && 'data' in each
}

/** Check whether an object is a value with a digest of its own, such as a tensor, and no record of a table. */
function isItem(value: object): boolean {
  if (isTensor(value) || ('data' in value && 'shape' in value)) return true
  // A getter is called once, when its cell is read.
  return Object.keys(value).some((key) => isTensor(Object.getOwnPropertyDescriptor(value, key)?.value))
}

function isAsyncIterable(value: object): value is AsyncIterable<unknown> {
  return Symbol.asyncIterator in value && typeof value[Symbol.asyncIterator] === 'function'
}

function isIterable(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value && typeof value[Symbol.iterator] === 'function'
}

/** A dataset of `tf.data`, whose iterator is not that of JavaScript. */
interface TfData {
  iterator(): Promise<{ next(): Promise<IteratorResult<unknown>> }>
}

function isTfData(value: object): value is TfData {
  return ['iterator', 'forEachAsync', 'toArray'].every(
    (name) => name in value && typeof (value as Record<string, unknown>)[name] === 'function',
  )
}

/** Return the items of `tf.data`. Their tensors are disposed of as soon as they are read: they were made for this. */
async function* tfDataItems(iterator: { next(): Promise<IteratorResult<unknown>> }): AsyncGenerator {
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
    yield next.value
    disposeOf(next.value, 0)
  }
}

function disposeOf(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null || depth > 100) return
  if ('dispose' in value && typeof value.dispose === 'function') value.dispose()
  else if (Array.isArray(value)) for (const item of value as readonly unknown[]) disposeOf(item, depth + 1)
  else if (isRecord(value)) for (const item of Object.values(value)) disposeOf(item, depth + 1)
}

async function readForm(form: Form, given: MemoryOptions): Promise<ReadForm> {
  const { sample: _, schema: types, statistics, unordered, ...options } = given
  const schema = types === undefined ? undefined : checkSchema(types)
  const tableOptions = { ...options, statistics, unordered }
  switch (form.kind) {
    case 'array': {
      const { sample } = given
      const hashed = await hashArray<AlgorithmChoice>(form.array, { ...options, sample })
      return { kind: 'array', ...hashed, warnings: [] }
    }
    case 'tensor': {
      const { dtype, shape, data } = await readSafely('the tensor cannot be read', () => form.tensor)
      const bytes = asBytes(data)
      return { kind: 'array', ...(await digestTensor(dtype, shape, bytes, options)), warnings: [] }
    }
    case 'polars':
      return tableReport(await readSafely('the data frame cannot be written', () => form.hash(tableOptions)))
    case 'table':
      return tableReport(await hashMemoryTable(await form.hash(), tableOptions))
    case 'records':
      return tableReport(
        await hashMemoryTable(await tableOfArray(form.records, schema), inOneThread(tableOptions)),
      )
    case 'bytes': {
      const { digest, digests, size } = await readSafely('the stream has failed', () =>
        hashStream<AlgorithmChoice>(form.stream, options),
      )
      return { kind: 'memory', digest, digests, bytes: size, warnings: [] }
    }
    case 'items':
      break
  }
  return readItems(form, schema, tableOptions)
}

/**
 * Return the options of a table of records: one thread, unless the caller says otherwise. It is faster than records are made, and
 * each further one holds memory of its own.
 */
function inOneThread<T extends MemoryOptions>(options: T): T {
  return { ...options, threads: options.threads ?? 1 }
}

async function readItems(
  form: Form & { kind: 'items' },
  schema: Schema | undefined,
  options: MemoryOptions,
): Promise<MemoryDataset> {
  const iterator = guarded(await readSafely('the items cannot be read', form.open))
  try {
    const first = await iterator.next()
    const items = first.done === true ? [] : [first.value]
    if (form.isWebStream === true && isBytes(items[0])) throw ambiguousStream()
    if (items.length === 0 && schema === undefined) throw emptyDataset()
    const isTable = form.areItems !== true && isRecord(items[0]) && !isItem(items[0])
    if (isTable || (items.length === 0 && schema !== undefined))
      return tableReport(
        await hashMemoryTable(await tableOfIterable(items, iterator, schema), inOneThread(options)),
      )
    const algorithm = checkAlgorithm(options.algorithm)
    const { bytes, ...sequence } = await hashItems(items, iterator, { algorithm, signal: options.signal })
    const { digest, digests } = sequence
    return { kind: 'memory', digest, digests, bytes, sequence, warnings: [] }
  } finally {
    await iterator.return()
  }
}

function isResult(result: unknown): result is IteratorResult<unknown> {
  return typeof result === 'object' && result !== null
}

/** Return an iterator whose failures are errors of the dataset, and which is ended once. */
function guarded(
  iterator: AsyncIterator<unknown> | Iterator<unknown>,
): AsyncIterator<unknown> & { return(): Promise<IteratorResult<unknown>> } {
  let [count, isDone] = [0, false]
  return {
    // Called for each item of very many: nothing is made here that only an error needs.
    next: async () => {
      let result: unknown
      try {
        result = await iterator.next()
      } catch (cause) {
        throw failureOf(`the dataset has failed after ${count} ${count === 1 ? 'item' : 'items'}`, cause)
      }
      if (!isResult(result))
        throw unreadable('the iterator is none of JavaScript', new TypeError('next() gave no object'))
      count += 1
      isDone = result.done === true
      return result
    },
    return: async () => {
      const end: IteratorResult<unknown> = { done: true, value: undefined }
      if (isDone || iterator.return === undefined) return end
      isDone = true
      try {
        await iterator.return()
      } catch {
        // The error for which it is ended counts, and not one of its end.
      }
      return end
    },
  }
}

async function readSafely<T>(sentence: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    throw failureOf(sentence, cause)
  }
}

/** Return the error of a dataset whose code has failed. */
function failureOf(sentence: string, cause: unknown): unknown {
  const isAbort = cause instanceof Error && cause.name === 'AbortError'
  return LineaprintError.is(cause) || isAbort ? cause : unreadable(sentence, cause)
}

function unreadable(sentence: string, cause: unknown): LineaprintError {
  const received = cause instanceof Error ? `${cause.name}: ${cause.message}`.slice(0, 200) : typeof cause
  return new LineaprintError('ERR_LINEAPRINT_UNREADABLE', `${sentence}: ${received}`, { received, cause })
}

/** Return the report of a table that was hashed. */
export function tableReport(hashed: TableHash): MemoryDataset {
  const { table, warnings } = datasetTable(hashed)
  const { digest, digests, bytes } = hashed
  return { kind: 'memory', digest, digests, bytes, table, warnings }
}

/** Read datasets by their names: all arrays, or all tables and sequences. */
async function readGroup(
  entries: readonly (readonly [unknown, unknown])[],
  options: MemoryOptions,
): Promise<MemoryDataset> {
  const read: (readonly [name: string, content: ReadForm])[] = []
  const forms = entries.map(([name, value]) => [checkName(name), memberForm(name, value)] as const)
  if (forms.length === 0)
    throw notDataset({}, { expected: 'at least one named array, table or sequence', hint: 'it is empty' })
  const kinds = new Set(
    forms.map(([, form]) => (form.kind === 'array' || form.kind === 'tensor' ? 'array' : 'rows')),
  )
  if (kinds.size > 1) {
    const names = forms.map(([name, form]) => `${JSON.stringify(name)}: ${form.kind}`)
    throw notDataset(
      {},
      {
        expected: 'only arrays, or only tables and sequences',
        received: names.join(', ').slice(0, 200),
        hint: 'track each of them under a name of its own',
      },
    )
  }
  const { sample: _, ...full } = options
  for (const [name, form] of forms) read.push([name, await inMember(name, readForm(form, full))])
  return groupReport(read, checkAlgorithm(options.algorithm))
}

/** Return the report of datasets by their names: all of them arrays, or none. */
export function groupReport(
  read: readonly (readonly [name: string, content: ReadForm])[],
  algorithm: AlgorithmChoice,
): MemoryDataset {
  const bytes = read.reduce((sum, [, content]) => sum + content.bytes, 0)
  const warnings = read.flatMap(([name, content]) => content.warnings.map((each) => `${name}: ${each}`))
  if (read.every(([, { kind }]) => kind === 'array')) {
    const arrays = namedArrays(read)
    const digests = arraysDigest(read, algorithm)
    return { kind: 'memory', digest: primary(digests), digests, bytes, arrays, warnings }
  }
  const splits = splitsDigest(read.map(split), algorithm)
  const { digest, digests } = splits
  return { kind: 'memory', digest, digests, bytes, splits, warnings }
}

/** Return the form of a member of a group, in which there are no further groups. */
function memberForm(name: unknown, value: unknown): Form {
  const where = `the dataset ${typeof name === 'string' ? JSON.stringify(name.slice(0, 80)) : shown(name)}`
  const form = typeof value === 'object' && value !== null ? formOf(value) : undefined
  const isColumn = Array.isArray(value) && form?.kind === 'items'
  if (form !== undefined && form.kind !== 'group' && form.kind !== 'bytes' && !isColumn) return form
  throw notDataset(value, {
    where,
    expected: 'arrays, tables, arrays of records or iterables by their names',
    hint: isColumn
      ? 'an array of values can be a column or a sequence; for a table give records, and for numbers a typed array'
      : 'for a table give an array of records, [{ a: 1 }, …]',
  })
}

async function inMember<T>(name: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (!LineaprintError.is(cause)) throw cause
    throw within(JSON.stringify(name), name, cause)
  }
}

function checkName(name: unknown): string {
  if (typeof name === 'string' && name.isWellFormed()) return name
  throw notDataset(name, { where: 'the name of a dataset', expected: 'text of Unicode' })
}

function split([name, { table, sequence }]: readonly [string, MemoryDataset]): DatasetSplit {
  if (table !== undefined) return { name, table }
  if (sequence !== undefined) return { name, sequence }
  throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'a split is neither a table nor a sequence')
}

function namedArrays(read: readonly (readonly [string, MemoryDataset])[]): NamedArray[] {
  return read
    .map(([name, { dtype = '', shape = [], digest }]) => ({ name, dtype, shape, digest }))
    .toSorted((a, b) => compareUtf8(a.name, b.name))
}

/** Compute the `weights` digest of arrays, which that of a file with the same arrays equals. */
function arraysDigest(read: readonly (readonly [string, ReadForm])[], algorithm: AlgorithmChoice): Digests {
  const each = (['blake3', 'sha256'] as const).filter((name) => algorithm === 'both' || algorithm === name)
  const hashed = each.map((name) => {
    const items = read.map(([label, { dtype = '', shape = [], data }]) => {
      const digest = data?.[name]?.bytes
      if (digest === undefined)
        throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'an array has no digest of its elements')
      return { name: label, dtype, shape: [...shape], digest }
    })
    return native.weightsDigest(items, name)
  })
  return toDigests(Object.assign({}, ...hashed), 'weights')
}

function notDataset(
  source: unknown,
  {
    where = 'this',
    expected,
    received,
    hint,
  }: { where?: string; expected?: string; received?: string; hint?: string } = {},
): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${where} is not a dataset`, {
    expected:
      expected ??
      'a path, an array, records, a table, a stream, an iterable, or a Map or object of arrays, tables or iterables',
    received: received ?? shown(source),
    hint,
  })
}

function emptyDataset(): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'an empty dataset does not say what it is', {
    expected: 'at least one record or item, or the columns of the table as schema',
    received: 'nothing',
  })
}

function ambiguousStream(): LineaprintError {
  return new LineaprintError(
    'ERR_LINEAPRINT_ARGUMENT',
    'it is not known where the records of this stream end',
    {
      expected: "a stream of the type 'bytes', or an iterable whose items are the records",
      received: 'a ReadableStream of pieces of bytes',
      hint: 'for its bytes as a whole use hashStream; if each piece is a record, pass stream.values()',
    },
  )
}
