import { expect, test } from 'vitest'
import { RewrittenLines } from '../../src/command/rewritten-lines.ts'
import { redactText } from '../../src/secrets/redact.ts'

/** What is written of a text that arrives in these pieces. */
function written(pieces: readonly string[]): { text: string; lines: RewrittenLines } {
  const lines = new RewrittenLines(undefined)
  const parts = pieces.map((piece) => lines.push(Buffer.from(piece)))
  return { text: Buffer.concat([...parts, lines.end()]).toString(), lines }
}

const CASES: readonly (readonly [name: string, given: string, text: string, count: number])[] = [
  ['nothing', '', '', 0],
  ['plain lines', 'a\nb\n', 'a\nb\n', 0],
  ['no line end', 'a\nb', 'a\nb', 0],
  ['line ends of Windows', 'a\r\nb\r\n', 'a\r\nb\r\n', 0],
  ['line ends of a terminal', 'a\r\r\nb\r\r\n', 'a\r\r\nb\r\r\n', 0],
  ['a progress bar', '\r 1%\r 2%\r 3%\nend\n', ' 3%\nend\n', 1],
  ['a bar that ends in a carriage return', '1%\r2%\r', '2%', 1],
  ['a bar, and a line end of Windows', '1%\r2%\r\n', '2%\r\n', 1],
  ['an error behind a bar', 'a\n 9%|#| 9/100Traceback\n  File\n', 'a\n 9%|#| 9/100Traceback\n  File\n', 0],
  ['a state over a longer one', 'abcdef\rXY\n', 'XYcdef\n', 1],
  ['an important line that is not covered', 'error: no space\rok\n', 'okror: no space\n', 1],
  ['blanks over a longer one', 'abcdef\rXY    \n', 'XY\n', 1],
  ['the rest erased', 'abcdef\rXY\x1b[K\n', 'XY\n', 1],
  ['the line erased before', 'abcdef\r\x1b[2KXY\n', 'XY\n', 1],
  ['the line erased after', 'abcdef\x1b[2K\rXY\n', 'XY\n', 1],
  ['colours', '\x1b[31mred\x1b[0m\r\x1b[32mgre\x1b[0m\n', '\x1b[32mgre\x1b[0m\n', 1],
  ['characters of several bytes', '█▌ äöü\r██ x\n', '██ xöü\n', 1],
  ['carriage returns alone', '\r\r\r\n\r\r', '\r\r\r\n\r\r', 0],
]

test.each(CASES)('%s', (_name, given, text, count) => {
  const whole = written([given])
  expect(whole.text).toBe(text)
  expect(whole.lines.count).toBe(count)
  // The same in any pieces; here bytes, so that characters are cut as well.
  const lines = new RewrittenLines(undefined)
  const parts = [...Buffer.from(given)].map((byte) => lines.push(Buffer.from([byte])))
  expect(Buffer.concat([...parts, lines.end()]).toString()).toBe(text)
  expect(lines.count).toBe(count)
})

test('a line without an end is written in parts, and as little is held', () => {
  const lines = new RewrittenLines(undefined)
  let [length, held] = [0, 0]
  for (let piece = 0; piece < 100; piece++) {
    length += lines.push(Buffer.alloc(10_000, 'x')).length
    held = Math.max(held, lines.pending)
  }
  expect(length + lines.end().length).toBe(1_000_000)
  expect(held).toBeLessThanOrEqual(1 << 16)
})

test.each([
  ['colours', '\x1b[31m'],
  ['colours and carriage returns', '\x1b[31m\r'],
  ['characters with colours', 'x\x1b[31m'],
  ['carriage returns', '\r'],
  ['the end of a sequence never comes', '\x1b['],
])('%s without end hold little', (_name, unit) => {
  const lines = new RewrittenLines(undefined)
  for (let piece = 0; piece < 50; piece++) {
    lines.push(Buffer.from(unit.repeat(5000)))
    expect(lines.pending).toBeLessThanOrEqual(1 << 16)
  }
})

test('the state of a line that has not ended is shown, and stays as it is', () => {
  const lines = new RewrittenLines(undefined)
  lines.push(Buffer.from('a\n'))
  expect(lines.shown()).toBeUndefined()
  lines.push(Buffer.from('10%\r20%\r3'))
  expect(lines.shown()?.toString()).toBe('20%')
  expect(lines.shown()?.toString()).toBe('20%')
  expect(lines.end().toString()).toBe('30%')
})

test('a secret that only the states together have is replaced', () => {
  const secret = ['ghp', '_', '0123456789abcdefghijABCDEFGHIJ012345'].join('')
  const lines = new RewrittenLines(redactText)
  lines.push(Buffer.from(`${' '.repeat(4)}${secret.slice(4)}\r${secret.slice(0, 4)}`))
  expect(lines.end().toString()).toBe('<redacted>')
  expect(lines.redacted).toBe(1)
})
