import { expect, test } from 'vitest'
import { LogText } from '../../src/command/log-text.ts'
import type { LogPiece } from '../../src/command/log-text.ts'

const TOKEN = ['ghp', '_', '0123456789abcdefghijABCDEFGHIJ012345'].join('')

interface Written {
  readonly text: string
  readonly bytes: number
  readonly lines: number
  readonly redacted: number
  readonly rewritten: number
}

function total(pieces: readonly LogPiece[]): Written {
  const sum = (of: (piece: LogPiece) => number): number =>
    pieces.reduce((before, piece) => before + of(piece), 0)
  return {
    text: Buffer.concat(pieces.map(({ text }) => text)).toString('latin1'),
    bytes: sum(({ bytes }) => bytes),
    lines: sum(({ lines }) => lines),
    redacted: sum(({ redacted }) => redacted),
    rewritten: sum(({ rewritten }) => rewritten),
  }
}

function written(given: string, size: number, redact = true): Written {
  const log = new LogText(redact)
  const bytes = Buffer.from(given, 'latin1')
  const pieces: LogPiece[] = []
  for (let at = 0; at < bytes.length; at += size) pieces.push(log.push(bytes.subarray(at, at + size)))
  return total([...pieces, log.end()])
}

test.each([1, 2, 3, 7, 50, 1000])('pieces of %i bytes give the same text and counts', (size) => {
  const key = `-----BEGIN RSA PRIVATE KEY-----\r${'A'.repeat(64)}\r${'B'.repeat(64)}\r-----END RSA PRIVATE KEY-----`
  const given = [
    'plain\n',
    `token ${TOKEN}\n`,
    `\r1% ${TOKEN}\r2% ${TOKEN}\r3% ${TOKEN}\n`,
    `${TOKEN}\rshort\n`,
    `${key}\n`,
    'end',
  ].join('')
  const { text, ...counts } = written(given, size)
  expect(text).not.toMatch(/ghp_|AAAA|BBBB/)
  expect(text.startsWith('plain\ntoken <redacted>\n3% <redacted>\nshortcted>\n')).toBe(true)
  expect(text.endsWith('\nend')).toBe(true)
  expect(counts).toEqual({ bytes: given.length, lines: 5, redacted: 4, rewritten: 3 })
})

test.each([1, 4, 1000])('secrets stay if they are kept, in pieces of %i bytes', (size) => {
  const { text, redacted } = written(`a ${TOKEN}\n${TOKEN}\rx\n`, size, false)
  expect(text).toBe(`a ${TOKEN}\nx${TOKEN.slice(1)}\n`)
  expect(redacted).toBe(0)
})

test('every byte is stood for once, also of lines without an end', () => {
  const long = `${'word '.repeat(300_000)}\n`
  const given = `${long}\rstate\r${long}${'x'.repeat(3_000_000)}\r${'y'.repeat(10)}`
  const { text, bytes, lines } = written(given, 65_536)
  expect(bytes).toBe(given.length)
  expect(lines).toBe(2)
  expect(text.length).toBeGreaterThan(given.length - 100)
})

test('any bytes pass unchanged if none is a carriage return', () => {
  const bytes = Array.from({ length: 5000 }, (_, index) => (index * 7919) % 256).filter((byte) => byte !== 13)
  const given = Buffer.from(bytes).toString('latin1')
  expect(written(given, 100).text).toBe(given)
})

test('a state is shown without its secret', () => {
  const log = new LogText(true)
  log.push(Buffer.from(`1% ${TOKEN}\r2% ${TOKEN}\r3%`))
  expect(log.shown()?.toString()).toBe('2% <redacted>')
})
