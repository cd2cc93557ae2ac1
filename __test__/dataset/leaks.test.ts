import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findLeaks } from '../../src/dataset/leaks.ts'
import { folderOf } from '../support/folder.ts'

test('rows of several splits are counted in both directions, with the first of them', async () => {
  const root = folderOf({
    'train.csv': 'id,text\n1,a\n2,b\n2,b\n3,c\n',
    'test.csv': 'id,text\n2,b\n4,d\n3,c\n3,c\n',
    'valid.csv': 'id,text\n9,z\n',
  })
  const path = (name: string): string => join(root, name)
  const report = await findLeaks({
    train: path('train.csv'),
    test: [path('test.csv')],
    valid: path('valid.csv'),
  })
  expect(report).toEqual({
    unit: 'row',
    text: [],
    disjoint: false,
    splits: [
      { name: 'train', items: 4, duplicates: 1 },
      { name: 'test', items: 4, duplicates: 1 },
      { name: 'valid', items: 1, duplicates: 0 },
    ],
    pairs: [
      { first: 'train', second: 'test', firstItems: 3, secondItems: 3 },
      { first: 'train', second: 'valid', firstItems: 0, secondItems: 0 },
      { first: 'test', second: 'valid', firstItems: 0, secondItems: 0 },
    ],
    examples: [
      { first: 'train', firstItem: 1, second: 'test', secondItem: 0 },
      { first: 'train', firstItem: 3, second: 'test', secondItem: 2 },
    ],
  })
})

test('texts are equal whatever their case, spaces and Unicode form, and columns may be elsewhere', async () => {
  const root = folderOf({
    'a.csv': 'id,question\n1,"Caf\u00e9  au lait"\n2,ΟΔΟΣ\n3,other\n',
    'b.csv': 'question,answer\n" cafe\u0301 AU\tlait ",x\nοδος,y\nnew,z\n',
  })
  const splits = { a: join(root, 'a.csv'), b: join(root, 'b.csv') }
  const report = await findLeaks(splits, { text: ['question'], examples: 1 })
  expect(report.pairs).toEqual([{ first: 'a', second: 'b', firstItems: 2, secondItems: 2 }])
  expect(report.examples).toEqual([{ first: 'a', firstItem: 0, second: 'b', secondItem: 0 }])
  await expect(findLeaks(splits)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_UNSUPPORTED',
    path: splits.b,
    expected: '"id" utf8, "question" utf8',
  })
  await expect(findLeaks(splits, { text: ['answer'] })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_UNSUPPORTED',
    path: splits.a,
  })
})

test('folders of files are compared by content, folders of tables by rows', async () => {
  const root = folderOf({
    'train/cat/1.png': 'one',
    'train/cat/2.png': 'one',
    'train/dog/3.png': 'three',
    'test/x.png': 'one',
    'tables/part-2.csv': 'a\n2\n',
    'tables/part-10.csv': 'a\n10\n',
    'several/train.csv': 'a\n1\n',
    'several/test.csv': 'a\n1\n',
  })
  const [train, other, tables] = [join(root, 'train'), join(root, 'test'), join(root, 'tables')]
  expect(await findLeaks({ train, test: other })).toMatchObject({
    unit: 'file',
    disjoint: false,
    splits: [
      { items: 3, duplicates: 1 },
      { items: 1, duplicates: 0 },
    ],
    pairs: [{ firstItems: 2, secondItems: 1 }],
    examples: [{ firstItem: 'cat/1.png', secondItem: 'x.png' }],
  })
  const rows = await findLeaks({ tables, last: join(tables, 'part-10.csv') })
  expect(rows).toMatchObject({ unit: 'row', examples: [{ firstItem: 1, secondItem: 0 }] })
  await expect(findLeaks({ train, tables })).rejects.toMatchObject({ field: 'splits' })
  await expect(findLeaks({ several: join(root, 'several'), tables })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_UNSUPPORTED',
    path: join(root, 'several'),
  })
})

test('near texts are counted with their exact similarity, and equal ones with them', async () => {
  const sentence = 'the quick brown fox jumps over the lazy dog and runs away'
  const root = folderOf({
    'train.csv': `id,text\n1,${sentence}\n2,${sentence} now\n3,something else altogether\n4,\n`,
    'test.csv': `id,text\n1,${sentence.toUpperCase()}!\n2,Something  else altogether\n3,\n`,
  })
  const splits = { train: join(root, 'train.csv'), test: join(root, 'test.csv') }
  const report = await findLeaks(splits, { text: ['text'], near: true })
  expect(report.pairs).toEqual([{ first: 'train', second: 'test', firstItems: 2, secondItems: 2 }])
  expect(report.near).toMatchObject({
    threshold: 0.8,
    shingle: 5,
    permutations: 128,
    bands: 21,
    bandRows: 6,
    textPairs: 3,
    splits: [
      { name: 'train', items: 4, duplicates: 1 },
      { name: 'test', items: 3, duplicates: 0 },
    ],
    pairs: [{ first: 'train', second: 'test', firstItems: 4, secondItems: 3 }],
    examples: [
      { first: 'train', firstItem: 0, second: 'test', secondItem: 0 },
      { first: 'train', firstItem: 1, second: 'test', secondItem: 0 },
    ],
  })
  // 53 runs of the sentence, and one more with the last character.
  expect(report.near?.examples[0]?.similarity).toBe(53 / 54)
  expect(report.near?.recall).toBeCloseTo(1 - (1 - 0.8 ** 6) ** 21, 12)
  await expect(findLeaks(splits, { near: 0.5 })).rejects.toMatchObject({ field: 'near' })
  for (const near of [0, 1.5, NaN])
    await expect(findLeaks(splits, { text: ['text'], near })).rejects.toMatchObject({ field: 'near' })
})

test('wrong arguments are refused', async () => {
  await expect(findLeaks({})).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT', field: 'splits' })
  await expect(findLeaks({ a: 'a.csv' }, { examples: -1 })).rejects.toMatchObject({ field: 'examples' })
  await expect(findLeaks({ a: '/nowhere.csv' })).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND' })
})
