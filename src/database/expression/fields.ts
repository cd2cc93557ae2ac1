/** The names of fields, as people write them. */
import { isDeepStrictEqual } from 'node:util'
import { LineaprintError } from '../../core/errors.ts'
import { nearest } from '../../core/options.ts'
import { LIST_FIELDS, METRIC_PARTS, TEXT_FIELDS, TIME_FIELDS } from './expression.ts'
import { tokensOf } from './tokens.ts'
import type { Field, SortKey, ValueField } from './expression.ts'

/** The fields, for help and messages. */
export const FIELD_HELP: string = [
  ...TEXT_FIELDS,
  ...TIME_FIELDS,
  'duration',
  ...LIST_FIELDS,
  'metrics.NAME',
  `metrics.NAME.${METRIC_PARTS.join('|')}`,
  'params.NAME',
].join(', ')

/** A name that no field has. */
interface NoField {
  /** One sentence about it. */
  readonly problem: string
  /** The name that was probably meant. */
  readonly hint?: string
}

/**
 * Return the field that the parts of a name stand for; a sentence about what is wrong otherwise.
 *
 * @param parts The name, cut at its dots.
 */
export function fieldOf(parts: readonly string[]): Field | NoField {
  const [head = '', ...rest] = parts
  if (rest.length === 0) {
    for (const column of TEXT_FIELDS) if (head === column) return { kind: 'text', column }
    for (const column of TIME_FIELDS) if (head === column) return { kind: 'time', column }
    for (const column of LIST_FIELDS) if (head === column) return { kind: 'list', column }
    if (head === 'duration') return { kind: 'duration' }
  } else if (head === 'params') return { kind: 'parameter', name: rest.join('.') }
  else if (head === 'metrics') {
    const part = METRIC_PARTS.find((known) => rest.length > 1 && known === rest.at(-1))
    const name = (part === undefined ? rest : rest.slice(0, -1)).join('.')
    return { kind: 'metric', name, part: part ?? 'last' }
  }
  const known = [...TEXT_FIELDS, ...TIME_FIELDS, ...LIST_FIELDS, 'duration', 'metrics', 'params']
  const near = nearest(head, known)
  const text = JSON.stringify(parts.join('.'))
  const problem = `${text} is not a field`
  if (near === undefined) return { problem: `${problem}; fields are ${FIELD_HELP}` }
  const hint = `did you mean ${near === 'metrics' || near === 'params' ? `${near}.NAME` : near}?`
  return { problem: `${problem}; ${hint}`, hint }
}

/** Return the name of a field as it is written. */
export function fieldName(field: Field): string {
  switch (field.kind) {
    case 'duration':
      return 'duration'
    case 'metric':
      return `metrics.${field.name}${field.part === 'last' ? '' : `.${field.part}`}`
    case 'parameter':
      return `params.${field.name}`
    case 'text':
    case 'time':
    case 'list':
      break
  }
  return field.column
}

/** Return a field as an expression has it: {@link fieldName}, with quotation marks if the name needs them. */
export function writtenField(field: Field): string {
  const name = fieldName(field)
  if (field.kind !== 'metric' && field.kind !== 'parameter') return name
  const [token, end] = tokensIfValid(name)
  const parsed = token?.kind === 'word' && end?.kind === 'end' ? fieldOf(token.parts) : undefined
  if (isDeepStrictEqual(parsed, field)) return name
  const quoted = `"${field.name.replaceAll(/["\\]/g, '\\$&')}"`
  return field.kind === 'parameter'
    ? `params.${quoted}`
    : `metrics.${quoted}${field.part === 'last' ? '' : `.${field.part}`}`
}

/**
 * Return the names of columns: {@link fieldName}, but {@link writtenField} where that stands for two fields of the list, such as
 * the least value of `loss` and a metric that is named `loss.min`.
 */
export function columnNames(fields: readonly Field[]): string[] {
  const byName = Map.groupBy(fields, fieldName)
  return fields.map((field) => {
    const name = fieldName(field)
    const isOne = byName.get(name)?.every((other) => isDeepStrictEqual(other, field)) ?? true
    return isOne ? name : writtenField(field)
  })
}

function tokensIfValid(text: string): ReturnType<typeof tokensOf> {
  try {
    return tokensOf(text)
  } catch (error) {
    if (LineaprintError.is(error)) return []
    throw error
  }
}

/**
 * Parse the name of a field, such as `metrics.loss.min` or `params."a b"`.
 *
 * @param option The option that names it, for errors.
 */
export function parseField(text: string, option: string): Field {
  const [token, end] = tokensOf(text)
  const field = token?.kind === 'word' && end?.kind === 'end' ? fieldOf(token.parts) : undefined
  if (field !== undefined && !('problem' in field)) return field
  const hint = field?.hint
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not a field', {
    field: option,
    expected: FIELD_HELP,
    received: JSON.stringify(text),
    ...(hint !== undefined && { hint }),
  })
}

/** Parse keys of an order: `-` before a field stands for descending. */
export function parseSort(keys: readonly string[]): SortKey[] {
  return keys.map((key) => {
    const descending = key.startsWith('-')
    const field = parseField(descending || key.startsWith('+') ? key.slice(1) : key, 'sort')
    if (field.kind !== 'list') return { field: field satisfies ValueField, descending }
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field.column} is a list and has no order`, {
      field: 'sort',
      received: JSON.stringify(key),
    })
  })
}
