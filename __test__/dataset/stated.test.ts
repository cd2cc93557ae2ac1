import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readDataset } from '../../src/dataset/read.ts'
import { checkStated } from '../../src/dataset/stated.ts'
import { folderOf } from '../support/folder.ts'

test('what a caller states is in the report, and in no digest', async () => {
  const root = folderOf({ 'a.csv': 'x\n1\n' })
  const stated = {
    licenses: ['MIT'],
    sources: ['https://example.org'],
    preprocessing: ['sort', 'drop copies'],
  }
  for (const path of [root, join(root, 'a.csv')]) {
    const [with_, without] = [await readDataset(path, { stated }), await readDataset(path)]
    expect(with_.stated).toEqual(stated)
    expect(without).not.toHaveProperty('stated')
    expect(with_.digest.toString()).toBe(without.digest.toString())
  }
})

test('lists that say nothing are left out', () => {
  expect(checkStated(undefined)).toBeUndefined()
  expect(checkStated({})).toBeUndefined()
  expect(checkStated({ licenses: [], sources: undefined })).toBeUndefined()
  expect(checkStated({ licenses: [], preprocessing: ['sort'] })).toEqual({ preprocessing: ['sort'] })
})

test.each([
  { licenses: 'MIT' },
  { licenses: [' '] },
  { sources: [1] },
  { sources: ['x'.repeat(2001)] },
  { preprocessing: Array.from({ length: 101 }, () => 'step') },
  { licence: ['MIT'] },
])('%j is refused', (given) => {
  expect(() => checkStated(given as never)).toThrow(
    expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT' }),
  )
})
