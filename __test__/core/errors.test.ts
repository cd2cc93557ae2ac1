import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ERROR_CODES, LineaprintError } from '../../src/core/errors.ts'

test('a message says what, where, expected, received and what to do', () => {
  const error = new LineaprintError('ERR_LINEAPRINT_FORMAT', 'it is too short', {
    path: 'model.safetensors',
    tensor: 'w',
    expected: '8 bytes',
    received: '3 bytes',
    hint: 'download it again',
  })
  expect(error.message).toBe(
    'model.safetensors: tensor "w": it is too short (expected 8 bytes, received 3 bytes); download it again',
  )
  expect(Object.keys(error)).toEqual(['code', 'path', 'tensor', 'expected', 'received', 'hint'])
  expect(error.name).toBe('LineaprintError')
  expect(LineaprintError.is(error)).toBe(true)
  expect(LineaprintError.is(new Error('other'))).toBe(false)
})

test('a bug of lineaprint is no finding', () => {
  for (const code of ERROR_CODES) {
    const error = new LineaprintError(code, 'x')
    expect(LineaprintError.isFinding(error), code).toBe(code !== 'ERR_LINEAPRINT_INTERNAL')
  }
  expect(LineaprintError.isFinding(new TypeError('x'))).toBe(false)
})

test('every code of the engine is a code of the package', () => {
  const rust = readFileSync('crates/binding/src/enums.rs', 'utf8')
  const codes = [...rust.matchAll(/"(ERR_LINEAPRINT_[A-Z_]+)"/g)].map(([, code]) => code)
  expect(codes.length).toBeGreaterThan(5)
  // Cancelled work rethrows the reason of its signal, so this code never reaches a caller.
  const internal = new Set(['ERR_LINEAPRINT_CANCELLED'])
  expect(codes.filter((code) => !internal.has(code ?? ''))).toEqual(
    codes.filter((code) => ERROR_CODES.some((known) => known === code)),
  )
})
