import { expect, test } from 'vitest'
import { splitOfPath } from '../../../src/dataset/folder/splits.ts'

function nameOf(path: string): string | undefined {
  const split = splitOfPath(path)
  if (split.kind === 'several') return `several: ${split.names.join(' ')}`
  return split.kind === 'one' ? split.name : undefined
}

test.each([
  ['data/train-00000-of-00002.parquet', 'train'],
  ['train.csv', 'train'],
  ['train/a.csv', 'train'],
  ['TRAIN.csv', 'train'],
  ['my-dev_2.csv', 'validation'],
  ['val/x.arrow', 'validation'],
  ['data/testing.parquet', 'test'],
  ['data/test2.parquet', 'test'],
  ['data/unsupervised-00000-of-00001.parquet', 'unsupervised'],
  ['data/train.extra-00001-of-00003.parquet', 'train'],
])('%s is of the split %s', (path, name) => {
  expect(nameOf(path)).toBe(name)
})

test.each([
  'testimony.csv',
  'latest.csv',
  'part-00000.parquet',
  'a/b.csv',
  'constraint/a.csv',
  'contest.csv',
])('%s names no split', (path) => {
  expect(nameOf(path)).toBeUndefined()
})

test('a path that names two splits is not decided', () => {
  expect(nameOf('train/test.csv')).toBe('several: train test')
  expect(nameOf('train/dev-valid.csv')).toBe('several: train validation')
})
