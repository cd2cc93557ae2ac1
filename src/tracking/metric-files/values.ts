/** Numbers in JSON that a program wrote: nested ones get dotted names. */
import { LineaprintError } from '../../core/errors.ts'
import { parseJson } from '../../json/parse.ts'
import { plural } from '../../util/plural.ts'
import type { ParsedDocument, ParsedJson } from '../../json/parse.ts'

/** Names of the column or member that is the step of a row, the first one that a row has. */
const STEPS = ['step', 'global_step', '_step', 'iteration', 'iter', 'epoch'] as const

/** Texts that stand for numbers that JSON lacks, as writers of other languages print them. */
const SPECIAL: ReadonlyMap<string, number> = new Map([
  ['nan', NaN],
  ['+nan', NaN],
  ['-nan', NaN],
  ['inf', Infinity],
  ['+inf', Infinity],
  ['-inf', -Infinity],
  ['infinity', Infinity],
  ['+infinity', Infinity],
  ['-infinity', -Infinity],
])

const NUMBER = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/

/** Largest number of values of one row. */
const VALUE_LIMIT = 100_000

/** The numbers of one row. */
export interface Row {
  readonly values: readonly (readonly [name: string, value: number])[]
  /** The step of the row; `undefined` if it names none. */
  readonly step: number | undefined
  /** Names of members that are no numbers. */
  readonly others: readonly string[]
  /** Names of numbers that are beyond a double, such as 1e999. */
  readonly beyond: readonly string[]
}

/**
 * Parse a number as programs print it, `nan` and `inf` included; `undefined` for other text, and for a number that is
 * beyond a double, which is not infinite.
 */
export function parseNumber(text: string): number | undefined {
  const trimmed = text.trim()
  if (!NUMBER.test(trimmed)) return SPECIAL.get(trimmed.toLowerCase())
  const value = Number(trimmed)
  return Number.isFinite(value) ? value : undefined
}

/** Return what to say of numbers of a row that are beyond a double; `undefined` if there are none. */
export function describeBeyond({ beyond }: Pick<Row, 'beyond'>): string | undefined {
  const [first, ...others] = beyond
  if (first === undefined) return undefined
  const more = others.length === 0 ? '' : ` and ${plural(others.length, 'other number')}`
  return `${JSON.stringify(first)}${more} ${others.length === 0 ? 'is' : 'are'} too large for a double`
}

/** Parse JSON that a program wrote. A number beyond a double is left out by itself, and not all that is beside it. */
export function parseMetrics(source: Uint8Array | string): ParsedDocument {
  return parseJson(source, undefined, { beyondDouble: 'keep' })
}

/**
 * Parse a JSON object into the numbers of a row.
 *
 * @throws ERR_LINEAPRINT_FORMAT for anything that is no object.
 */
export function parseRow(source: Uint8Array | string): Row {
  const document = parseMetrics(source)
  const { value } = document
  if (value instanceof Map) return rowOf(value, document)
  throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'a row is not an object', {
    expected: 'an object of numbers, such as {"loss":0.3,"step":4}',
    received: Array.isArray(value) ? 'a list' : JSON.stringify(value),
  })
}

/**
 * Return the numbers of an object. Those of nested objects have names with dots.
 *
 * @param document The document that it is in.
 */
export function rowOf(object: Map<string, ParsedJson>, document: ParsedDocument): Row {
  const row: RowParts = { values: [], others: [], beyond: [] }
  flatten(object, '', row, document)
  return withoutStep(row)
}

/** Return the numbers of a row of a table. An empty cell has no value, and no name. */
export function rowOfCells(names: readonly string[], cells: readonly string[]): Row {
  const { values, others, beyond }: RowParts = { values: [], others: [], beyond: [] }
  names.forEach((name, index) => {
    const cell = cells[index] ?? ''
    if (name === '' || cell.trim() === '') return
    const value = parseNumber(cell)
    if (value !== undefined) values.push([name, value])
    else if (NUMBER.test(cell.trim())) beyond.push(name)
    else others.push(name)
  })
  return withoutStep({ values, others, beyond })
}

/** A row before its step is taken out. */
interface RowParts {
  readonly values: [name: string, value: number][]
  readonly others: string[]
  readonly beyond: string[]
}

/** Take the step of a row out of its numbers. */
function withoutStep({ values, ...rest }: RowParts): Row {
  const isStep = ([name, value]: readonly [string, number]): boolean =>
    STEPS.some((step) => step === name) && Number.isFinite(value)
  const steps = new Map(values.filter(isStep))
  const named = STEPS.find((name) => steps.has(name))
  if (named === undefined) return { values, step: undefined, ...rest }
  return { values: values.filter(([name]) => name !== named), step: steps.get(named), ...rest }
}

function flatten(
  object: Map<string, ParsedJson>,
  prefix: string,
  { values, others, beyond }: RowParts,
  document: ParsedDocument,
): void {
  const tooLarge = new Set(document.beyondDouble.get(object))
  for (const [key, value] of object) {
    const name = `${prefix}${key}`
    if (value instanceof Map) flatten(value, `${name}.`, { values, others, beyond }, document)
    else if (tooLarge.has(key)) beyond.push(name)
    else if (typeof value !== 'number') others.push(name)
    else if (values.length < VALUE_LIMIT) values.push([name, value])
    else throw new LineaprintError('ERR_LINEAPRINT_FORMAT', `a row has more than ${VALUE_LIMIT} numbers`)
  }
}
