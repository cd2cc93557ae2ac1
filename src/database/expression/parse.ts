/**
 * Parser of expressions about runs.
 *
 * ```
 * expression = conjunction { "or" conjunction }
 * conjunction = negation { "and" negation }
 * negation   = "not" negation | "(" expression ")" | comparison
 * comparison = field ("=" | "!=" | "<" | "<=" | ">" | ">=") value
 *            | field "~" text
 *            | field ["not"] "in" "(" value { "," value } ")"
 *            | list "has" text
 * value      = number | text | "true" | "false" | "null" | "nan" | "inf" | "-inf"
 * ```
 */
import { fieldOf } from './fields.ts'
import { MOMENT_HELP, parseMoment } from './moments.ts'
import { expressionError, tokensOf } from './tokens.ts'
import type { LineaprintError } from '../../core/errors.ts'
import type { Expression, Field, Literal, ValueField } from './expression.ts'
import type { Token } from './tokens.ts'

/** Comparisons in one expression: SQLite refuses deep trees. */
const COMPARISON_LIMIT = 200

/** Parentheses and negations inside one another. */
const DEPTH_LIMIT = 50

/** Stars of one pattern: the databases try each again and again. */
const STAR_LIMIT = 8

/**
 * Parse an expression.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT naming the column of what is wrong.
 */
export function parseExpression(source: string): Expression {
  return new Parser(source).whole()
}

class Parser {
  readonly #source: string
  readonly #tokens: readonly Token[]
  #at = 0
  #comparisons = 0
  #depth = 0

  constructor(source: string) {
    this.#source = source
    this.#tokens = tokensOf(source)
  }

  whole(): Expression {
    const expression = this.#either()
    if (this.#token.kind === 'end') return expression
    throw this.#error(
      this.#token,
      `${shown(this.#token)} is not expected here`,
      'join comparisons with and, or',
    )
  }

  get #token(): Token {
    const token = this.#tokens[this.#at] ?? this.#tokens.at(-1)
    if (token === undefined) throw new RangeError('an expression has at least one token')
    return token
  }

  #next(): Token {
    const token = this.#token
    this.#at++
    return token
  }

  /** Take a keyword or symbol if it is next. */
  #take(text: string): boolean {
    const { kind, text: given } = this.#token
    if ((kind !== 'word' && kind !== 'symbol') || given !== text) return false
    this.#at++
    return true
  }

  #either(): Expression {
    const parts = [this.#both()]
    while (this.#take('or')) parts.push(this.#both())
    return joined('or', parts)
  }

  #both(): Expression {
    const parts = [this.#negation()]
    while (this.#take('and')) parts.push(this.#negation())
    return joined('and', parts)
  }

  #negation(): Expression {
    const start = this.#token
    if (++this.#depth > DEPTH_LIMIT) throw this.#error(start, `more than ${DEPTH_LIMIT} levels`)
    try {
      if (this.#take('not')) return { kind: 'not', part: this.#negation() }
      if (!this.#take('(')) return this.#comparison()
      const inner = this.#either()
      if (this.#take(')')) return inner
      throw this.#error(
        this.#token,
        `${shown(this.#token)} is not expected here`,
        'a parenthesis is not closed',
      )
    } finally {
      this.#depth--
    }
  }

  #comparison(): Expression {
    const start = this.#next()
    if (start.kind !== 'word') throw this.#error(start, `a field is expected, not ${shown(start)}`)
    const field = fieldOf(start.parts)
    if ('problem' in field) throw this.#error(start, field.problem)
    if (this.#take('has')) return this.#has(start, field)
    if (field.kind === 'list') {
      const hint = `write ${field.column} has "text"`
      throw this.#error(this.#token, `${field.column} is a list`, hint)
    }
    if (this.#take('in')) return this.#in(field)
    if (this.#token.text === 'not' && this.#tokens[this.#at + 1]?.text === 'in') {
      this.#at += 2
      return { kind: 'not', part: this.#in(field) }
    }
    const operator = this.#next()
    if (operator.kind === 'symbol') {
      switch (operator.text) {
        case '=':
        case '==':
          return this.#compare(field, '=')
        case '!=':
          return { kind: 'not', part: this.#compare(field, '=') }
        case '<':
        case '<=':
        case '>':
        case '>=':
          return this.#compare(field, operator.text)
        case '~':
          return this.#glob(field)
      }
    }
    throw this.#error(operator, `${shown(operator)} is not a comparison`, 'use = != < <= > >= ~ in has')
  }

  #compare(field: ValueField, operator: '=' | '<' | '<=' | '>' | '>='): Expression {
    this.#count()
    const token = this.#token
    const value = this.#literal(field)
    const hasOrder = typeof value === 'string' || (typeof value === 'number' && !Number.isNaN(value))
    if (operator !== '=' && !hasOrder)
      throw this.#error(token, `${shown(token)} has no order`, 'compare it with = or !=')
    return { kind: 'compare', field, operator, value }
  }

  #in(field: ValueField): Expression {
    if (!this.#take('(')) throw this.#error(this.#token, 'a list in parentheses is expected after in')
    const parts: Expression[] = []
    do parts.push(this.#compare(field, '='))
    while (this.#take(','))
    if (!this.#take(')')) throw this.#error(this.#token, 'a comma or parenthesis is expected')
    return joined('or', parts)
  }

  #glob(field: ValueField): Expression {
    this.#count()
    const token = this.#next()
    if (field.kind !== 'text' && field.kind !== 'parameter')
      throw this.#error(token, 'only texts match a pattern', 'use = < <= > >=')
    if (token.kind !== 'text') throw this.#error(token, 'a pattern in quotation marks is expected after ~')
    if (token.text.split('*').length > STAR_LIMIT + 1)
      throw this.#error(token, `a pattern has at most ${STAR_LIMIT} stars`)
    return { kind: 'glob', field, pattern: token.text }
  }

  #has(start: Token, field: Field): Expression {
    this.#count()
    if (field.kind !== 'list')
      throw this.#error(start, `${start.text} is not a list`, 'lists are tags, inputs, outputs')
    const token = this.#next()
    if (token.kind !== 'text') throw this.#error(token, 'a text in quotation marks is expected after has')
    return { kind: 'has', field, text: token.text }
  }

  #literal(field: ValueField): Literal {
    const token = this.#next()
    if (token.kind === 'word' && token.text === 'null') return null
    if (
      token.kind === 'number' &&
      (field.kind === 'metric' || field.kind === 'parameter' || field.kind === 'duration')
    )
      return numberOf(token.text)
    if (token.kind === 'text' && (field.kind === 'text' || field.kind === 'parameter')) return token.text
    if (token.kind === 'text' && field.kind === 'time') {
      const moment = parseMoment(token.text)
      if (moment !== undefined) return moment
    }
    if (
      field.kind === 'parameter' &&
      token.kind === 'word' &&
      (token.text === 'true' || token.text === 'false')
    )
      return token.text === 'true'
    throw this.#error(token, `${EXPECTED[field.kind]} is expected, not ${shown(token)}`)
  }

  #count(): void {
    if (++this.#comparisons > COMPARISON_LIMIT)
      throw this.#error(this.#token, `an expression has at most ${COMPARISON_LIMIT} comparisons`)
  }

  #error(token: Token, problem: string, hint?: string): LineaprintError {
    return expressionError(this.#source, token.column, problem, hint)
  }
}

const EXPECTED: Readonly<Record<ValueField['kind'], string>> = {
  text: 'a text in quotation marks',
  time: `${MOMENT_HELP}, in quotation marks,`,
  duration: 'a number of seconds',
  metric: 'a number',
  parameter: 'a number, a text in quotation marks, true, false or null',
}

function numberOf(text: string): number {
  if (text.endsWith('nan')) return NaN
  if (text.endsWith('inf')) return text.startsWith('-') ? -Infinity : Infinity
  return Number(text)
}

function joined(kind: 'and' | 'or', parts: readonly Expression[]): Expression {
  const [only] = parts
  return only !== undefined && parts.length === 1 ? only : { kind, parts }
}

function shown({ kind, text }: Token): string {
  return kind === 'end' ? 'the end' : JSON.stringify(text.slice(0, 40))
}
