import { expect, test } from 'vitest'
import { collectColumns } from '../../../src/cli/shared/arguments.ts'

test.each([
  ['id', ['id']],
  [' id , name ', ['id', 'name']],
  ["user's id,it's", ["user's id", "it's"]],
  ['"a,b",c', ['a,b', 'c']],
  ['"" , " x "', ['', ' x ']],
  ['"\\u00e9\\"",say "hi"', ['é"', 'say "hi"']],
])('names of columns: %s', (text, names) => {
  expect(collectColumns(text)).toEqual(names)
  expect(collectColumns(text, ['first'])).toEqual(['first', ...names])
})

test.each(['', ' ', ',', 'id,', ',id', 'a,,b', '"\\x"'])('no names of columns: %s', (text) => {
  expect(() => collectColumns(text)).toThrow(/A name is empty|no JSON|not a JSON string/)
})
