import { expect, test } from 'vitest'
import { wrapHelp } from '../../../src/cli/shared/help.ts'

const TEXT = `
One paragraph in long
lines of its own.
Examples:
  lineaprint a --long-option with a value
name  what it is, in more words than fit

The end.
`

test('paragraphs are wrapped, examples and tables stay', () => {
  expect(wrapHelp(TEXT, 20)).toBe(`
One paragraph in
long lines of its
own. Examples:
  lineaprint a --long-option with a value
name  what it is, in more words than fit

The end.
`)
})

test('a text that fits stays as it is', () => {
  const text = '\nA line.\n\nExample:\n  b\n'
  expect(wrapHelp(text, 80)).toBe(text)
})
