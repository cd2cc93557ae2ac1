import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tableFiles } from '../../../src/dataset/folder/table-files.ts'
import { folderOf } from '../../support/folder.ts'

const VECTORS = join(import.meta.dirname, '..', '..', '..', 'vectors', 'mds')

test('the table files of a folder are one table, in natural order', async () => {
  const root = folderOf({ 'part-10.csv': 'a\n1\n', 'part-9.csv': 'a\n2\n', 'README.md': '' })
  expect(await tableFiles(root)).toEqual(['part-9.csv', 'part-10.csv'].map((name) => join(root, name)))
  expect(await tableFiles(join(root, 'part-9.csv'))).toBe(join(root, 'part-9.csv'))
})

test('a folder that is not one table is refused with the reason', async () => {
  const root = folderOf({ 'a.txt': '' })
  const code = 'ERR_LINEAPRINT_UNSUPPORTED'
  await expect(tableFiles(root)).rejects.toMatchObject({
    code,
    path: root,
    message: expect.stringContaining('no table files'),
    hint: 'name the files of one table',
  })
  writeFileSync(join(root, 'lines.jsonl'), '{}\n')
  await expect(tableFiles(root)).rejects.toMatchObject({ code })
  expect(await tableFiles(root, true)).toEqual([join(root, 'lines.jsonl')])
  const splits = folderOf({ 'train.csv': 'a\n1\n', 'test.csv': 'a\n2\n' })
  await expect(tableFiles(splits)).rejects.toMatchObject({
    code,
    message: expect.stringContaining('several splits'),
  })
  await expect(tableFiles(join(VECTORS, 'zstd'))).rejects.toMatchObject({
    code,
    message: expect.stringContaining('MosaicML'),
    hint: expect.stringContaining('Parquet'),
  })
})
