/** Runs and metrics as Parquet, of which no more than one row group is in memory. */
import type { ParquetWriter as Writer } from 'hyparquet-writer'
import { checkArray, checkObject } from '../core/options.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { MetricSeries } from '../store/metrics/series.ts'

type SchemaElement = ConstructorParameters<typeof Writer>[0]['schema'][number]

/** The type of a column: texts in UTF-8, doubles, moments in milliseconds and UTC, or lists of texts. */
type ParquetType = 'text' | 'double' | 'boolean' | 'moment' | 'texts'

/** A column. Every value of it can be missing. */
interface ParquetColumn {
  readonly name: string
  readonly type: ParquetType
}

/** Rows of a row group, column by column: `null` for a missing value, a `Date` for a moment. */
type RowGroup = readonly (readonly (JsonValue | Date)[])[]

/** Rows of one row group. */
const ROWS = 100_000

/**
 * Write row groups as Parquet with Snappy.
 *
 * @returns Pieces of the file, in their order.
 */
async function* parquetOf(
  columns: readonly ParquetColumn[],
  groups: Iterable<RowGroup>,
): AsyncGenerator<Uint8Array> {
  // Loaded on demand: few commands write Parquet.
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer')
  const writer = new ByteWriter()
  const taken = (): Uint8Array => {
    const bytes = writer.getBytes().slice()
    writer.index = 0
    return bytes
  }
  const schema: SchemaElement[] = [
    { name: 'root', num_children: columns.length },
    ...columns.flatMap(schemaOf),
  ]
  // NaN has no position in minima and maxima, and not every writer of them leaves it out.
  const file = new ParquetWriter({ writer, schema, statistics: false, createdBy: 'lineaprint' })
  for (const group of groups) {
    const columnData = columns.map(({ name }, index) => ({ name, data: [...(group[index] ?? [])] }))
    await file.write({ columnData, rowGroupSize: ROWS })
    yield taken()
  }
  await file.finish()
  yield taken()
}

function schemaOf({ name, type }: ParquetColumn): SchemaElement[] {
  const optional = { name, repetition_type: 'OPTIONAL' } as const
  switch (type) {
    case 'text':
      return [{ ...optional, type: 'BYTE_ARRAY', converted_type: 'UTF8' }]
    case 'double':
      return [{ ...optional, type: 'DOUBLE' }]
    case 'boolean':
      return [{ ...optional, type: 'BOOLEAN' }]
    case 'moment':
      return [{ ...optional, type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' }]
    case 'texts':
      break
  }
  return [
    { ...optional, converted_type: 'LIST', num_children: 1 },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  ]
}

/**
 * Return a table of runs as Parquet. Moments, durations and metrics have types of their own. A parameter has one if all its
 * values are numbers, or all truth values; otherwise it is text, and JSON where it is neither.
 *
 * @param columns Names of fields, as of `listRuns`. One that comes twice is written once.
 * @param rows The values of each run.
 */
export function runsAsParquet(
  columns: readonly string[],
  rows: readonly Readonly<Record<string, JsonValue>>[],
): AsyncGenerator<Uint8Array> {
  const names = [...new Set(columns)]
  const values = names.map((name) => rows.map((row) => row[name] ?? null))
  const typed = names.map((name, index) => ({ name, type: typeOf(name, values[index] ?? []) }))
  const group = typed.map(({ type }, index) => (values[index] ?? []).map((value) => valueOf(value, type)))
  return parquetOf(typed, [group])
}

const TYPES: ReadonlyMap<string, ParquetType> = new Map([
  ['started', 'moment'],
  ['finished', 'moment'],
  ['duration', 'double'],
  ['tags', 'texts'],
  ['inputs', 'texts'],
  ['outputs', 'texts'],
])

function typeOf(name: string, values: readonly JsonValue[]): ParquetType {
  if (name.startsWith('metrics.')) return 'double'
  if (!name.startsWith('params.')) return TYPES.get(name) ?? 'text'
  const kinds = new Set(values.filter((value) => value !== null).map((value) => typeof value))
  if (kinds.size !== 1) return 'text'
  return kinds.has('number') ? 'double' : kinds.has('boolean') ? 'boolean' : 'text'
}

function valueOf(value: JsonValue, type: ParquetType): JsonValue | Date {
  if (value === null) return null
  if (type === 'moment') return momentOf(typeof value === 'string' ? Date.parse(value) : NaN)
  if (type !== 'text') return value
  return typeof value === 'string' ? value.toWellFormed() : JSON.stringify(value)
}

function momentOf(time: number): Date | null {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? null : date
}

/**
 * Return series as Parquet: a row for each value with `run`, `metric`, `step`, `time`, `value` and `logged_by`.
 *
 * @param series From `readMetrics`.
 */
export function metricsAsParquet(series: readonly MetricSeries[]): AsyncGenerator<Uint8Array> {
  checkArray(series, 'series').forEach((given) => checkObject(given, 'series'))
  const columns: readonly ParquetColumn[] = [
    { name: 'run', type: 'text' },
    { name: 'metric', type: 'text' },
    { name: 'step', type: 'double' },
    { name: 'time', type: 'moment' },
    { name: 'value', type: 'double' },
    { name: 'logged_by', type: 'text' },
  ]
  return parquetOf(columns, metricGroups(series))
}

function emptyGroup(): (string | number | Date | null)[][] {
  return [[], [], [], [], [], []]
}

function* metricGroups(series: readonly MetricSeries[]): Generator<RowGroup> {
  let group = emptyGroup()
  for (const { run, name, steps, times, values, parts } of series) {
    const metric = name.toWellFormed()
    let at = 0
    for (const part of parts)
      for (const end = at + part.count; at < end; at++) {
        const step = steps[at] ?? NaN
        const row = [
          run,
          metric,
          Number.isNaN(step) ? null : step,
          momentOf(times[at] ?? NaN),
          values[at] ?? NaN,
          part.run,
        ]
        row.forEach((value, column) => group[column]?.push(value))
        if (group[0]?.length !== ROWS) continue
        yield group
        group = emptyGroup()
      }
  }
  if (group[0]?.length !== 0) yield group
}
