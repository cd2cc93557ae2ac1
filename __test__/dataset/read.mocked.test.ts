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

function readWith(failure: string): ReturnType<typeof readDataset> {
  code.value = failure
  return readDataset(join(folderOf({ 'a.csv': 'a\n1\n' }), 'a.csv'))
}

test.each(['ERR_LINEAPRINT_FORMAT', 'ERR_LINEAPRINT_UNSUPPORTED'])('%s is a warning', async (failure) => {
  const { warnings, table } = await readWith(failure)
  expect(warnings.length).toBe(1)
  expect(table).toBeUndefined()
})

test.each(['ERR_LINEAPRINT_INTERNAL', 'ERR_LINEAPRINT_UNREADABLE'])('%s is an error', async (failure) => {
  await expect(readWith(failure)).rejects.toMatchObject({ code: failure })
})
