import { expect, test } from 'vitest'
import { escapeJson, escapeLines, escapeText, escapeYaml } from '../../src/util/escape-text.ts'

test('characters that control a terminal or hide text are escaped, others stay', () => {
  const cases: [string, string][] = [
    ['\u001b[31m', '\\x1b[31m'],
    ['a\nb\rc\td', 'a\\nb\\rc\\td'],
    ['\u0000\u007f\u0085\u009b', '\\x00\\x7f\\x85\\x9b'],
    ['\u202ecod.exe\u2066', '\\u202ecod.exe\\u2066'],
    ['a\u200bb\u200dc\ufeffd\u00ade', 'a\\u200bb\\u200dc\\ufeffd\\xade'],
    ['\u2028\u2029', '\\u2028\\u2029'],
    ['\u{e0041}', '\\u{e0041}'],
    ['\ud800', '\\ud800'],
    ['häß 日本 🎉 \\x1b', 'häß 日本 🎉 \\x1b'],
  ]
  for (const [text, escaped] of cases) {
    expect(escapeText(text)).toBe(escaped)
    expect(escapeText(escaped)).toBe(escaped)
  }
  expect(escapeLines('a\n\u001bb\n')).toBe('a\n\\x1bb\n')
})

test('JSON stays the same document', () => {
  const value = { 'k\u202e': ['\u009b', '\u{e0041}', 'plain', '\n'] }
  const text = escapeJson(JSON.stringify(value, null, 2))
  expect(JSON.parse(text)).toEqual(value)
  expect(text).toMatch(/^[\n\u0020-\u007e]*$/)
})

test('scalars of YAML use the escapes of YAML', () => {
  expect(escapeYaml('"\u009b\u202e\u{e0041}"')).toBe('"\\u009b\\u202e\\U000e0041"')
})
