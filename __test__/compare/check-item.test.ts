import { stat } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { unreadable } from '../../src/compare/check-item.ts'
import { LineaprintError } from '../../src/core/errors.ts'

test('content that cannot be read is missing or changed', async () => {
  const refused: unknown = await stat('\0').catch((error: unknown) => error)
  const system: unknown = await stat('/there/is/none').catch((error: unknown) => error)
  const status = (error: unknown): string => unreadable('datasets', 'd', error, undefined).status
  expect(status(new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'x'))).toBe('missing')
  expect(status(new LineaprintError('ERR_LINEAPRINT_FORMAT', 'x'))).toBe('changed')
  expect(status(system)).toBe('changed')
  // A call that Node refuses is a bug, and so is what lineaprint calls one.
  for (const bug of [refused, new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'x'), new TypeError('x')])
    expect(() => unreadable('datasets', 'd', bug, undefined)).toThrow(bug)
})
