import { expect, test } from 'vitest'
import { layoutOf } from '../../../src/dataset/folder/layout.ts'
import { isTableFile, takesSchema } from '../../../src/dataset/table-names.ts'

test('table files are one group in natural order, and other files count for nothing', () => {
  const layout = layoutOf(
    ['README.md', 'part-10.parquet', 'part-2.parquet', '.part-1.parquet.crc'],
    isTableFile,
  )
  expect(layout).toEqual({ kind: 'tables', groups: [{ files: ['part-2.parquet', 'part-10.parquet'] }] })
  expect(layoutOf(['a.png', 'notes.jsonl'], isTableFile)).toEqual({ kind: 'none' })
})

test('what Hadoop and Spark write beside the data is no part of it', () => {
  const paths = ['_SUCCESS', 'part-0.parquet', '_temporary/0/part-9.parquet', '.hidden/part-8.parquet']
  expect(layoutOf(paths, isTableFile)).toEqual({ kind: 'tables', groups: [{ files: ['part-0.parquet'] }] })
})

test('each split is a group', () => {
  const layout = layoutOf(['test.csv', 'train/1.csv', 'train/0.csv'], isTableFile)
  expect(layout).toEqual({
    kind: 'tables',
    groups: [
      { split: 'test', files: ['test.csv'] },
      { split: 'train', files: ['train/0.csv', 'train/1.csv'] },
    ],
  })
})

test('a schema is for files of text', () => {
  const layout = layoutOf(['a.jsonl', 'b.parquet', 'c.ndjson'], takesSchema)
  expect(layout).toEqual({ kind: 'tables', groups: [{ files: ['a.jsonl', 'c.ndjson'] }] })
})

test.each([
  [['train.csv', 'labels.csv'], 'some files name a split and others do not, for example labels.csv'],
  [['train/test.csv'], 'train/test.csv names several splits: train, test'],
  [['_delta_log/00000.json', 'part-0.parquet'], 'the folder is a Delta table'],
  [['metadata/v1.metadata.json', 'data/a.parquet'], 'the folder is an Iceberg table'],
  [['year=2024/a.parquet', 'year=2025/a.parquet'], 'names of folders hold values of columns'],
])('%j is not decided', (paths, reason) => {
  expect(layoutOf(paths, isTableFile)).toEqual({ kind: 'unclear', reason: expect.stringContaining(reason) })
})
