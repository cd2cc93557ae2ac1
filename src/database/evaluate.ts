/** The slow and obvious answer: expressions and orders, evaluated run by run over their facts. */
import { compareUtf8 } from '../util/text-order.ts'
import { matchesGlob } from '../util/glob.ts'
import { fieldText, hexOf, hexPrefix, keyText, storedText } from './facts.ts'
import type { Expression, Literal, SortKey, ValueField } from './expression/expression.ts'
import type { RunFacts } from './facts.ts'
import type { ListedRun } from '../store/listed-run.ts'

/** A run with its facts. */
export interface FoundRun {
  readonly run: ListedRun
  readonly facts: RunFacts
}

/** The value of a field: what it is as a number and as text, and whether the run has it. */
interface FieldValue {
  readonly number: number | null
  readonly text: string | null
  readonly exists: boolean
}

const MISSING: FieldValue = { number: null, text: null, exists: false }

/** Return whether an expression is true of a run. */
export function isTrueOf(expression: Expression, match: FoundRun): boolean {
  switch (expression.kind) {
    case 'and':
      return expression.parts.every((part) => isTrueOf(part, match))
    case 'or':
      return expression.parts.some((part) => isTrueOf(part, match))
    case 'not':
      return !isTrueOf(expression.part, match)
    case 'has':
      return has(expression.field.column, keyText(expression.text), match)
    case 'glob': {
      const { text } = valueOf(expression.field, match)
      return text !== null && matchesGlob(storedText(expression.pattern), text)
    }
    case 'compare':
      break
  }
  return compares(expression.field, valueOf(expression.field, match), expression.operator, expression.value)
}

function compares(
  field: ValueField,
  { number, text, exists }: FieldValue,
  operator: string,
  literal: Literal,
): boolean {
  if (literal === null) return !exists
  if (typeof literal === 'number') {
    if (Number.isNaN(literal)) return exists && number !== null && Number.isNaN(number)
    // Every comparison with NaN is false, but that of orders needs to be asked.
    if (number === null || Number.isNaN(number)) return false
    return holds(operator, number < literal ? -1 : number > literal ? 1 : 0)
  }
  if (text === null) return false
  if (typeof literal === 'boolean') return booleanTexts(literal).includes(text)
  return holds(operator, compareUtf8(text, fieldText(field, literal)))
}

/** Return the texts that stand for a truth value, in JSON and in Python. */
export function booleanTexts(value: boolean): readonly string[] {
  return value ? ['true', 'True'] : ['false', 'False']
}

function holds(operator: string, order: number): boolean {
  switch (operator) {
    case '=':
      return order === 0
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
      return order > 0
    default:
      return order >= 0
  }
}

function has(list: 'tags' | 'inputs' | 'outputs', text: string, { run, facts }: FoundRun): boolean {
  if (list === 'tags') return run.tags.some((tag) => keyText(tag) === text)
  const prefix = hexPrefix(text)
  return facts.contents.some(
    (content) =>
      content.list === list &&
      (content.name === text || (prefix !== undefined && hexOf(content.digest).startsWith(prefix))),
  )
}

/** Return the value of a field of a run. */
function valueOf(field: ValueField, { run, facts }: FoundRun): FieldValue {
  switch (field.kind) {
    case 'text':
      return textValue(field, textOf(field.column, run))
    case 'time':
      return numberValue(momentOf(field.column === 'started' ? run.startedAt : run.finishedAt))
    case 'duration':
      return numberValue(secondsOf(run))
    case 'metric': {
      const metric = facts.metrics.get(keyText(field.name))
      return metric === undefined ? MISSING : { number: metric[field.part], text: null, exists: true }
    }
    case 'parameter':
      break
  }
  const parameter = facts.parameters.get(keyText(field.name))
  if (parameter === undefined) return MISSING
  const { number, text } = parameter
  return { number, text, exists: number !== null || text !== null }
}

function textValue(field: ValueField, text: string | null): FieldValue {
  return text === null ? MISSING : { number: null, text: fieldText(field, text), exists: true }
}

function numberValue(number: number | null): FieldValue {
  return number === null ? MISSING : { number, text: null, exists: true }
}

/** Return a text field of a run as it was recorded; null if it has none. */
export function textOf(
  column: Extract<ValueField, { kind: 'text' }>['column'],
  run: ListedRun,
): string | null {
  if (column === 'run_name') return run.runName
  return column === 'command' ? run.argv.join(' ') : run[column]
}

/** Return milliseconds since 1970 of a recorded time. */
export function momentOf(time: string | null): number | null {
  return time === null ? null : Date.parse(time)
}

/** Return the seconds that a run took. */
export function secondsOf({ durationMs }: Pick<ListedRun, 'durationMs'>): number | null {
  return durationMs === null ? null : durationMs / 1000
}

/** Compare two runs by the keys of an order, then by their start and id. */
export function compareRuns(keys: readonly SortKey[], a: FoundRun, b: FoundRun): number {
  for (const { field, descending } of keys) {
    const [first, second] = [valueOf(field, a), valueOf(field, b)]
    const order =
      orderOf(numberKey(first), numberKey(second), descending, (x, y) => Math.sign(x - y || 0)) ||
      orderOf(first.text, second.text, descending, compareUtf8)
    if (order !== 0) return order
  }
  return byStart(a.run, b.run)
}

/** Compare two runs by their start and id. */
export function byStart(a: ListedRun, b: ListedRun): number {
  return compareUtf8(a.startedAt, b.startedAt) || compareUtf8(a.id, b.id)
}

function numberKey({ number }: FieldValue): number | null {
  return number === null || Number.isNaN(number) ? null : number
}

function orderOf<T>(a: T | null, b: T | null, descending: boolean, compare: (a: T, b: T) => number): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null)
  return descending ? -compare(a, b) : compare(a, b)
}
