/** A bug of lineaprint while a table is read: an error, never a warning about the file. */
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { readDataset } from '../../src/dataset/read.ts'
import { folderOf } from '../support/folder.ts'

const code = vi.hoisted(() => ({ value: '' }))

vi.mock('../../src/dataset/table.ts', async () => {
  const { LineaprintError } = await import('../../src/core/errors.ts')
  return { hashTable: () => Promise.reject(new LineaprintError(code.value as never, 'no table')) }
})

test.each([
  ['ERR_LINEAPRINT_FORMAT', true],
  ['ERR_LINEAPRINT_UNSUPPORTED', true],
  ['ERR_LINEAPRINT_INTERNAL', false],
  ['ERR_LINEAPRINT_UNREADABLE', false],
])('%s is a warning: %s', async (value, isWarning) => {
  code.value = value
  const pending = readDataset(join(folderOf({ 'a.csv': 'a\n1\n' }), 'a.csv'))
  if (!isWarning) return expect(pending).rejects.toMatchObject({ code: value })
  const { warnings, table } = await pending
  expect(warnings.length).toBe(1)
  expect(table).toBeUndefined()
})
