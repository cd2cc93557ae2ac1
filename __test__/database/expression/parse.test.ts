import { expect, test } from 'vitest'
import { LineaprintError } from '../../../src/core/errors.ts'
import { parseExpression } from '../../../src/database/expression/parse.ts'

function problemOf(source: string): string {
  try {
    parseExpression(source)
  } catch (error) {
    if (LineaprintError.is(error)) return error.message
    throw error
  }
  return 'none'
}

test('an expression is a tree: not binds before and, and before or', () => {
  const loss = { kind: 'metric', name: 'loss', part: 'last' }
  expect(parseExpression('metrics.loss < 0.3 or not name = "a" and tags has \'b "c"\'')).toEqual({
    kind: 'or',
    parts: [
      { kind: 'compare', field: loss, operator: '<', value: 0.3 },
      {
        kind: 'and',
        parts: [
          {
            kind: 'not',
            part: { kind: 'compare', field: { kind: 'text', column: 'name' }, operator: '=', value: 'a' },
          },
          { kind: 'has', field: { kind: 'list', column: 'tags' }, text: 'b "c"' },
        ],
      },
    ],
  })
})

test('names have dots, slashes and quotation marks, and end in a part of a metric', () => {
  const fieldOf = (name: string): unknown => {
    const tree = parseExpression(`${name} = 1`)
    return 'field' in tree ? tree.field : undefined
  }
  expect(fieldOf('metrics.val/loss-1.min')).toEqual({ kind: 'metric', name: 'val/loss-1', part: 'min' })
  expect(fieldOf('metrics."a b"."max"')).toEqual({ kind: 'metric', name: 'a b', part: 'max' })
  expect(fieldOf('metrics.max')).toEqual({ kind: 'metric', name: 'max', part: 'last' })
  expect(fieldOf('metrics."loss.min".last')).toEqual({ kind: 'metric', name: 'loss.min', part: 'last' })
  expect(fieldOf('params.optimizer.lr')).toEqual({ kind: 'parameter', name: 'optimizer.lr' })
  expect(fieldOf('params.2d')).toEqual({ kind: 'parameter', name: '2d' })
})

test('numbers, times and lists of values', () => {
  const valueOf = (source: string): unknown => {
    const tree = parseExpression(source)
    return 'value' in tree ? tree.value : tree.kind
  }
  expect(['1', '-1.5e3', '.5', 'inf', '-inf', 'null'].map((value) => valueOf(`params.x = ${value}`))).toEqual(
    [1, -1500, 0.5, Infinity, -Infinity, null],
  )
  expect(valueOf('started >= "2026-01-01T00:00Z"')).toBe(Date.UTC(2026, 0, 1))
  expect(valueOf('params.x in (1, "a", true)')).toBe('or')
  expect(valueOf('params.x not in (1)')).toBe('not')
})

test('an error names the column, counted in characters', () => {
  const problems: Record<string, number> = {
    '': 1,
    'metrics.loss': 13,
    'metrics.loss < ': 16,
    'metrics.loss < "a"': 16,
    'metrics.loss < 0.3 nd x = 1': 20,
    'los < 1': 1,
    'name = 1': 8,
    'name < null': 8,
    'tags = "a"': 6,
    'name has "a"': 1,
    'name ~ "*********"': 8,
    'started > "yesterday"': 11,
    '(name = "a"': 12,
    'name = "a': 8,
    'name in "a"': 9,
    'name in ("a" "b")': 14,
    'metrics. = 1': 9,
    '"\u{1f600}" = \u0007': 7,
    'name = "\u{1f600}" ;': 12,
    'params.x = 1abc': 12,
    'metrics.loss < nan': 16,
  }
  for (const [source, column] of Object.entries(problems))
    expect(problemOf(source), source).toMatch(new RegExp(`^column ${column}: `))
  expect(problemOf('metric.loss < 1')).toContain('did you mean metrics.NAME?')
})

test('what is too long, too deep or too much is refused before a database sees it', () => {
  expect(problemOf('('.repeat(5000))).toContain('levels')
  expect(problemOf(`${'not '.repeat(2000)}name = "a"`)).toContain('levels')
  expect(problemOf(Array.from({ length: 500 }, () => 'name = "a"').join(' or '))).toContain('at most 200')
  expect(problemOf(`name = "${'a'.repeat(20_000)}"`)).toContain('at most 10000')
})
