import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readDataset } from '../../../src/dataset/read.ts'
import { tarOf } from '../../support/archives.ts'
import { folderOf } from '../../support/folder.ts'

test('labels of images are counted, in a folder and in an archive', async () => {
  const files = { 'cat/1.jpg': 'a', 'cat/2.PNG': 'b', 'dog/1.jpeg': 'c', 'README.md': 'about' }
  const labels = [
    { label: 'cat', files: 2 },
    { label: 'dog', files: 1 },
  ]
  expect((await readDataset(folderOf(files))).labels).toEqual(labels)
  const tar = tarOf(...Object.entries(files).map(([name, data]) => ({ name, data })))
  expect((await readDataset(join(folderOf({ 'a.tar': tar }), 'a.tar'))).labels).toEqual(labels)
})

test('labels of splits are counted apart', async () => {
  const files = { 'train/cat/1.jpg': 'a', 'val/cat/1.jpg': 'b', 'val/dog/1.jpg': 'c', 'val/dog/2.jpg': 'd' }
  expect((await readDataset(folderOf(files))).labels).toEqual([
    { label: 'cat', split: 'train', files: 1 },
    { label: 'cat', split: 'validation', files: 1 },
    { label: 'dog', split: 'validation', files: 2 },
  ])
})

test.each([{ 'a.jpg': 'a', 'cat/b.jpg': 'b' }, { 'x/cat/b.jpg': 'b' }, { 'cat/a.txt': 'a' }])(
  'images in other places have no labels: %j',
  async (files) => {
    expect((await readDataset(folderOf(files))).labels).toBeUndefined()
  },
)

test('copies and empty files are warnings, and no part of a digest', async () => {
  const root = folderOf({ a: '1', 'b/a': '1', 'b/c': '1', d: '', _SUCCESS: '', '.gitkeep': '' })
  const report = await readDataset(root)
  expect(report.warnings).toEqual([
    '2 files have the content of another, for example b/a and a',
    '1 file is empty, for example d',
  ])
  const without = await readDataset(root, { statistics: false })
  expect(without.warnings).toEqual([])
  expect(without.digest.toString()).toBe(report.digest.toString())
  expect((await readDataset(folderOf({ a: '1', b: '2' }))).warnings).toEqual([])
})
