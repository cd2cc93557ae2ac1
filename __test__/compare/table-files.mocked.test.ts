/** Tables that cannot be compared: a verdict with the reason, unless lineaprint itself is at fault. */
import { expect, test, vi } from 'vitest'
import { compareTables } from '../../src/compare/table-files.ts'

const code = vi.hoisted(() => ({ value: '' }))

vi.mock('../../src/dataset/table.ts', async () => {
  const { LineaprintError } = await import('../../src/core/errors.ts')
  return { hashTable: () => Promise.reject(new LineaprintError(code.value as never, 'no table')) }
})

test('a damaged table is a verdict', async () => {
  code.value = 'ERR_LINEAPRINT_FORMAT'
  expect(await compareTables('a.csv', 'b.csv', { tolerance: undefined, signal: undefined })).toMatchObject({
    verdict: 'different',
  })
})

test('a bug is an error', async () => {
  code.value = 'ERR_LINEAPRINT_INTERNAL'
  const pending = compareTables('a.csv', 'b.csv', { tolerance: undefined, signal: undefined })
  await expect(pending).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_INTERNAL' })
})
