import { expect, test } from 'vitest'
import {
  describeBeyond,
  parseNumber,
  parseRow,
  rowOfCells,
} from '../../../src/tracking/metric-files/values.ts'

test.each([
  ['0.3', 0.3],
  [' -1e-3 ', -0.001],
  ['+7', 7],
  ['.5', 0.5],
  ['5.', 5],
  ['nan', NaN],
  ['-nan', NaN],
  ['NaN', NaN],
  ['inf', Infinity],
  ['-Infinity', -Infinity],
  ['', undefined],
  ['0x10', undefined],
  ['1,5', undefined],
  ['one', undefined],
  ['1e', undefined],
  // Not infinite, and no double.
  ['1e999', undefined],
])('%j is %s', (text, value) => {
  expect(parseNumber(text)).toEqual(value)
})

test('numbers of nested objects have dotted names, and everything else is named', () => {
  const text =
    '{"val":{"acc":0.5,"deep":{"f1":NaN}},"loss":-Infinity,"note":"x","flag":true,"none":null,"list":[1]}'
  expect(parseRow(text)).toEqual({
    values: [
      ['val.acc', 0.5],
      ['val.deep.f1', NaN],
      ['loss', -Infinity],
    ],
    step: undefined,
    others: ['note', 'flag', 'none', 'list'],
    beyond: [],
  })
})

test.each([
  ['{"loss":1,"step":4,"epoch":2}', 4, ['loss', 'epoch']],
  ['{"loss":1,"epoch":2}', 2, ['loss']],
  ['{"loss":1,"iteration":7,"epoch":2}', 7, ['loss', 'epoch']],
  // A step that is no finite number is a value like others.
  ['{"loss":1,"step":NaN,"epoch":2}', 2, ['loss', 'step']],
  ['{"loss":1,"step":"x"}', undefined, ['loss']],
])('the step of %s is %s', (text, step, names) => {
  const row = parseRow(text)
  expect(row.step).toBe(step)
  expect(row.values.map(([name]) => name)).toEqual(names)
})

test.each(['', '[1]', '3', '"x"', '{"a":1', '{"a":1,"a":2}'])('%j is no row', (text) => {
  expect(() => parseRow(text)).toThrow(expect.objectContaining({ code: 'ERR_LINEAPRINT_FORMAT' }))
})

test('a row of a table: empty cells have no value, and text is named', () => {
  const row = rowOfCells(['step', 'loss', 'phase', '', 'acc'], ['3', '0.5', 'train', '9', ''])
  expect(row).toEqual({ values: [['loss', 0.5]], step: 3, others: ['phase'], beyond: [] })
})

test('a number beyond a double is named, and the rest is kept', () => {
  const row = parseRow('{"a":1,"big":-1e400,"in":{"big":1e999,"b":2},"text":"1e999","list":[1e999]}')
  expect(row).toEqual({
    values: [
      ['a', 1],
      ['in.b', 2],
    ],
    step: undefined,
    others: ['text', 'list'],
    beyond: ['big', 'in.big'],
  })
  expect(describeBeyond(row)).toBe('"big" and 1 other number are too large for a double')
  expect(describeBeyond(parseRow('{"a":1e309}'))).toBe('"a" is too large for a double')
  expect(describeBeyond(parseRow('{"a":1}'))).toBeUndefined()
})
