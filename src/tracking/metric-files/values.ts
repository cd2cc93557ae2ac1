/** Numbers in JSON that a program wrote: nested ones get dotted names. */
import { LineaprintError } from '../../core/errors.ts'
import { parseJson } from '../../json/parse.ts'
import type { ParsedJson } from '../../json/parse.ts'

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
}

/** Parse a number as programs print it, `nan` and `inf` included; `undefined` for other text. */
export function parseNumber(text: string): number | undefined {
  const trimmed = text.trim()
  return NUMBER.test(trimmed) ? Number(trimmed) : SPECIAL.get(trimmed.toLowerCase())
}

/**
 * Parse a JSON object into the numbers of a row.
 *
 * @throws ERR_LINEAPRINT_FORMAT for anything that is no object.
 */
export function parseRow(source: Uint8Array | string): Row {
  const { value } = parseJson(source)
  if (value instanceof Map) return rowOf(value)
  throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'a row is not an object', {
    expected: 'an object of numbers, such as {"loss":0.3,"step":4}',
    received: Array.isArray(value) ? 'a list' : JSON.stringify(value),
  })
}

/** Return the numbers of an object. Those of nested objects have names with dots. */
export function rowOf(object: ReadonlyMap<string, ParsedJson>): Row {
  const values: [string, number][] = []
  const others: string[] = []
  flatten(object, '', values, others)
  return withoutStep(values, others)
}

/** Return the numbers of a row of a table. An empty cell has no value, and no name. */
export function rowOfCells(names: readonly string[], cells: readonly string[]): Row {
  const values: [string, number][] = []
  const others: string[] = []
  names.forEach((name, index) => {
    const cell = cells[index] ?? ''
    if (name === '' || cell.trim() === '') return
    const value = parseNumber(cell)
    if (value === undefined) others.push(name)
    else values.push([name, value])
  })
  return withoutStep(values, others)
}

/** Take the step of a row out of its numbers. */
function withoutStep(values: readonly (readonly [string, number])[], others: readonly string[]): Row {
  const numbers = new Map(values)
  const named = STEPS.find((name) => Number.isFinite(numbers.get(name)))
  if (named === undefined) return { values, step: undefined, others }
  return { values: values.filter(([name]) => name !== named), step: numbers.get(named), others }
}

function flatten(
  object: ReadonlyMap<string, ParsedJson>,
  prefix: string,
  values: [string, number][],
  others: string[],
): void {
  for (const [key, value] of object) {
    const name = `${prefix}${key}`
    if (value instanceof Map) flatten(value, `${name}.`, values, others)
    else if (typeof value !== 'number') others.push(name)
    else if (values.length < VALUE_LIMIT) values.push([name, value])
    else throw new LineaprintError('ERR_LINEAPRINT_FORMAT', `a row has more than ${VALUE_LIMIT} numbers`)
  }
}
