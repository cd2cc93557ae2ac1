/** The conditions, order and columns of a list of runs. */
import { LineaprintError } from '../core/errors.ts'
import { checkArray, checkKnown, checkObject, checkText } from '../core/options.ts'
import { parseField, parseSort } from './expression/fields.ts'
import { parseExpression } from './expression/parse.ts'
import type { RunStatus } from '../record/record.ts'
import type { Expression, Field } from './expression/expression.ts'
import type { RunQuery } from './query.ts'

/** The conditions on runs; an absent one selects everything. */
export interface RunFilter {
  /** One of these statuses. */
  readonly status?: readonly RunStatus[] | undefined
  /** Exact name of the experiment. */
  readonly name?: string | undefined
  /** All of these tags. */
  readonly tags?: readonly string[] | undefined
  /** Started at this time or later. */
  readonly since?: Date | undefined
  /** An expression, as `metrics.loss < 0.3 and params.lr = 0.01 and tags has "base"`; see `docs/find.md`. */
  readonly where?: string | undefined
  /** Fields, each ascending, or descending after `-`. Runs without the value come last. @default oldest first */
  readonly sort?: readonly string[] | undefined
  /** Maximum number of runs: the first of the order; without `sort` the newest. */
  readonly limit?: number | undefined
  /** Fields whose values are wanted; `auto` for the parameters and metrics in which the runs differ. @default none */
  readonly columns?: readonly string[] | undefined
}

/** A column of a list. */
export type ListColumn = { readonly kind: 'auto' } | Field

/** A filter that was checked. */
export interface CheckedFilter extends RunQuery {
  readonly columns: readonly ListColumn[]
}

const KEYS = ['status', 'name', 'tags', 'since', 'where', 'sort', 'limit', 'columns']

/** Check a filter. @throws ERR_LINEAPRINT_ARGUMENT naming what is wrong. */
export function checkFilter(filter: RunFilter): CheckedFilter {
  checkObject(filter, 'filter')
  checkKnown(filter, KEYS)
  const { status, name, tags, since, where, sort, limit, columns } = filter
  const parts: Expression[] = []
  if (status !== undefined)
    parts.push({ kind: 'or', parts: texts(status, 'status').map((value) => equal('status', value)) })
  if (name !== undefined) parts.push(equal('name', textOption(name, 'name')))
  for (const text of texts(tags ?? [], 'tags'))
    parts.push({ kind: 'has', field: { kind: 'list', column: 'tags' }, text })
  if (since !== undefined) {
    const value = since instanceof Date ? since.getTime() : NaN
    if (Number.isNaN(value)) throw wrong('since', 'a date', since)
    parts.push({ kind: 'compare', field: { kind: 'time', column: 'started' }, operator: '>=', value })
  }
  if (where !== undefined) parts.push(parseExpression(textOption(where, 'where')))
  if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 0))
    throw wrong('limit', 'a whole number from 0', limit)
  return {
    where: { kind: 'and', parts },
    sort: parseSort(texts(sort ?? [], 'sort')),
    limit,
    columns: checkColumns(columns ?? []),
  }
}

/** Parse the columns of a list. @throws ERR_LINEAPRINT_ARGUMENT naming what is no field. */
export function checkColumns(columns: readonly string[]): ListColumn[] {
  return texts(columns, 'columns').map((text) =>
    text === 'auto' ? { kind: 'auto' } : parseField(text, 'columns'),
  )
}

function equal(column: 'status' | 'name', value: string): Expression {
  return { kind: 'compare', field: { kind: 'text', column }, operator: '=', value }
}

function texts(values: readonly string[], field: string): readonly string[] {
  return checkArray(values, field).map((value) => textOption(value, field))
}

function textOption(value: string, field: string): string {
  checkText(value, field)
  return value
}

function wrong(field: string, expected: string, received: unknown): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} is not ${expected}`, {
    field,
    expected,
    received: String(received),
  })
}
