/** Expressions and orders as queries: every text and number of a user becomes a parameter. */
import { sql } from 'kysely'
import { booleanTexts } from './evaluate.ts'
import { fieldText, hexPrefix, keyText, storedText } from './facts.ts'
import type { RawBuilder } from 'kysely'
import type {
  Comparison,
  Expression,
  ListField,
  Literal,
  SortKey,
  ValueField,
} from './expression/expression.ts'
import type { Dialect } from './schema.ts'

type Condition = RawBuilder<boolean>
type Value = RawBuilder<unknown>

const TRUE: Condition = sql`(1 = 1)`
const FALSE: Condition = sql`(1 = 0)`

/**
 * Return an expression as a condition on the table `run`. It is true or false of each run and never unknown, so that
 * negations mean the same in every database.
 */
export function conditionOf(expression: Expression, dialect: Dialect): Condition {
  switch (expression.kind) {
    case 'and':
    case 'or': {
      const parts = expression.parts.map((part) => conditionOf(part, dialect))
      if (parts.length === 0) return expression.kind === 'and' ? TRUE : FALSE
      return sql`(${sql.join(parts, expression.kind === 'and' ? sql` and ` : sql` or `)})`
    }
    case 'not':
      return sql`(not ${conditionOf(expression.part, dialect)})`
    case 'has':
      return hasCondition(expression.field, keyText(expression.text))
    case 'glob': {
      const pattern = storedText(expression.pattern)
      return onText(expression.field, (text) => dialect.glob(text, pattern))
    }
    case 'compare':
      break
  }
  return compareCondition(expression.field, expression.operator, expression.value)
}

function compareCondition(field: ValueField, operator: Comparison, literal: Literal): Condition {
  if (literal === null) return sql`(not ${existsCondition(field)})`
  if (typeof literal === 'number') {
    // NULL of a metric that exists stands for NaN; nothing else can be NaN.
    if (Number.isNaN(literal))
      return field.kind === 'metric' ? onRow(field, sql`${sql.ref(field.part)} is null`) : FALSE
    return onNumber(field, (number) => sql`${number} ${OPERATORS[operator]} ${literal}`)
  }
  if (typeof literal === 'boolean')
    return onText(field, (text) => sql`${text} in (${sql.join(booleanTexts(literal))})`)
  return onText(field, (text) => sql`${text} ${OPERATORS[operator]} ${fieldText(field, literal)}`)
}

const OPERATORS: Readonly<Record<Comparison, Value>> = {
  '=': sql`=`,
  '<': sql`<`,
  '<=': sql`<=`,
  '>': sql`>`,
  '>=': sql`>=`,
}

function existsCondition(field: ValueField): Condition {
  if (field.kind === 'metric') return onRow(field, TRUE)
  if (field.kind === 'parameter') return onRow(field, sql`(number is not null or text is not null)`)
  return sql`(${columnOf(field)} is not null)`
}

/** Return a condition on the number of a field; false for a run without one. */
function onNumber(field: ValueField, condition: (number: Value) => Condition): Condition {
  if (field.kind === 'metric') return onRow(field, condition(sql.ref(field.part)))
  if (field.kind === 'parameter') return onRow(field, condition(sql.ref('number')))
  if (field.kind === 'text') return FALSE
  const column = columnOf(field)
  return sql`(${column} is not null and ${condition(column)})`
}

/** Return a condition on the text of a field; false for a run without one. */
function onText(field: ValueField, condition: (text: Value) => Condition): Condition {
  if (field.kind === 'parameter') return onRow(field, condition(sql.ref('text')))
  if (field.kind !== 'text') return FALSE
  const column = columnOf(field)
  if (field.column === 'notes' || field.column === 'command')
    return sql`run.key in (select run from detail where ${condition(sql.ref(field.column))})`
  return sql`(${column} is not null and ${condition(column)})`
}

/** Return a condition on the row that a run has of a metric or parameter; false for a run without one. */
function onRow(
  field: Extract<ValueField, { kind: 'metric' | 'parameter' }>,
  condition: Condition,
): Condition {
  return sql`run.key in (select run from ${sql.table(field.kind)} where name = ${nameId(field.name)} and ${condition})`
}

function nameId(name: string): Value {
  return sql`(select id from name where text = ${keyText(name)})`
}

function columnOf(field: Exclude<ValueField, { kind: 'metric' | 'parameter' }>): Value {
  if (field.kind === 'duration') return sql.ref('run.duration')
  // Every run has them, and the table of the runs has not.
  if (field.column === 'notes' || field.column === 'command') return sql.ref('run.id')
  return sql.ref(`run.${field.column}`)
}

function hasCondition({ column }: ListField, text: string): Condition {
  if (column === 'tags') return sql`run.key in (select run from tag where text = ${text})`
  const prefix = hexPrefix(text)
  const byName = sql<boolean>`name = ${text}`
  // Digits of digests come before every letter beyond f.
  const match =
    prefix === undefined ? byName : sql`(${byName} or (hex >= ${prefix} and hex < ${`${prefix}g`}))`
  return sql`run.key in (select run from content where list = ${column} and ${match})`
}

/** The parts of a query that put the runs in an order. */
export interface Order {
  /** Joins of the tables that the keys need. */
  readonly joins: Value
  readonly keys: Value
}

/** Return the order of the keys, and after them of start and id. */
export function orderOf(keys: readonly SortKey[], direction: 'asc' | 'desc' = 'asc'): Order {
  const joins: Value[] = []
  const terms: Value[] = []
  const add = (value: Value, descending: boolean): void => {
    terms.push(sql`${value} ${descending ? sql`desc` : sql`asc`} nulls last`)
  }
  keys.forEach(({ field, descending }, index) => {
    const alias = `s${index}`
    const column = (name: string): Value => sql.ref(`${alias}.${name}`)
    if (field.kind === 'metric' || field.kind === 'parameter') {
      joins.push(
        sql`left join ${sql.table(field.kind)} as ${sql.table(alias)} on ${column('run')} = run.key and ${column('name')} = ${nameId(field.name)}`,
      )
      if (field.kind === 'metric') return add(column(field.part), descending)
      add(column('number'), descending)
      return add(column('text'), descending)
    }
    if (field.kind === 'text' && (field.column === 'notes' || field.column === 'command')) {
      joins.push(sql`left join detail as ${sql.table(alias)} on ${column('run')} = run.key`)
      return add(column(field.column), descending)
    }
    add(columnOf(field), descending)
  })
  const last = direction === 'asc' ? sql`asc` : sql`desc`
  terms.push(sql`run.started_at ${last}`, sql`run.id ${last}`)
  return { joins: sql.join(joins, sql` `), keys: sql.join(terms) }
}

/** The question that a list asks. */
export interface RunQuery {
  readonly where: Expression
  readonly sort: readonly SortKey[]
  /** Maximum number of runs: the first of the order; without keys the newest. */
  readonly limit: number | undefined
}

/** Return the keys of the runs that a query selects, in their order. */
export function selectKeys({ where, sort, limit }: RunQuery, dialect: Dialect): RawBuilder<{ key: number }> {
  // The newest runs are the first of the reverse order.
  const { joins, keys } = orderOf(sort, sort.length === 0 ? 'desc' : 'asc')
  const end = limit === undefined ? sql`` : sql`limit ${limit}`
  return sql`select run.key as key from run ${joins} where ${conditionOf(where, dialect)} order by ${keys} ${end}`
}

/**
 * Return the ids of the runs that a query selects, in its order; without keys the newest first. They come as one text with an
 * id on each line: a hundred thousand rows cost several times as much.
 */
export function selectIds(
  { where, sort }: Omit<RunQuery, 'limit'>,
  dialect: Dialect,
): RawBuilder<{ ids: string | null; count: number | string }> {
  const { joins, keys } = orderOf(sort, sort.length === 0 ? 'desc' : 'asc')
  const ordered = sql`select run.id as id from run ${joins} where ${conditionOf(where, dialect)} order by ${keys}`
  const lines =
    dialect.name === 'sqlite' ? sql<string>`group_concat(id, char(10))` : sql<string>`string_agg(id, chr(10))`
  return sql`select ${lines} as ids, count(*) as count from (${ordered}) as ordered`
}

/** A field by whose values runs are put in groups. A run with several tags is in the group of each. */
export type GroupField =
  | Extract<ValueField, { kind: 'parameter' }>
  | { readonly kind: 'text'; readonly column: 'name' | 'run_name' | 'status' | 'parent' | 'continues' }
  | (ListField & { readonly column: 'tags' })

/** A field of numbers whose range is wanted. */
export type MeasureField = Extract<ValueField, { kind: 'metric' | 'parameter' | 'duration' }>

/** The question for groups. */
export interface GroupQuery {
  readonly where: Expression
  readonly by: GroupField
  readonly measure: MeasureField | undefined
}

/** A group as a row: the value of a parameter as JSON, other values as text. */
export interface GroupRow {
  readonly value: string | null
  readonly runs: number | string
  readonly measured: number | string
  readonly least: number | null
  readonly mean: number | null
  readonly greatest: number | null
}

/** Return the runs of each value of a field. */
export function selectGroups({ where, by, measure }: GroupQuery, dialect: Dialect): RawBuilder<GroupRow> {
  const joins: Value[] = []
  const joined = (field: Extract<ValueField, { kind: 'metric' | 'parameter' }>, alias: string): void => {
    joins.push(
      sql`left join ${sql.table(field.kind)} as ${sql.table(alias)} on ${sql.ref(`${alias}.run`)} = run.key and ${sql.ref(`${alias}.name`)} = ${nameId(field.name)}`,
    )
  }
  let value: Value
  if (by.kind === 'parameter') {
    joined(by, 'g')
    value = sql.ref('g.value')
  } else if (by.kind === 'list') {
    joins.push(sql`left join (select distinct run, text from tag) as g on g.run = run.key`)
    value = sql.ref('g.text')
  } else value = columnOf(by)
  let number: Value = sql`null`
  if (measure?.kind === 'duration') number = columnOf(measure)
  else if (measure !== undefined) {
    joined(measure, 'm')
    number = sql.ref(measure.kind === 'metric' ? `m.${measure.part}` : 'm.number')
  }
  // An infinity has no mean, and NaN is no number in the databases.
  const finite =
    measure === undefined
      ? sql`null`
      : sql`case when abs(${number}) <= 1.7976931348623157e308 then ${number} end`
  const double = sql`cast(${finite} as ${dialect.double})`
  return sql`select ${value} as value, count(*) as runs, count(${double}) as measured, min(${double}) as least, avg(${double}) as mean, max(${double}) as greatest from run ${sql.join(joins, sql` `)} where ${conditionOf(where, dialect)} group by ${value}`
}
