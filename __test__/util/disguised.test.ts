import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readDataset } from '../../src/dataset/read.ts'
import { readModel } from '../../src/model/read.ts'
import { readTokenizer } from '../../src/model/tokenizer.ts'
import { disguiseOf } from '../../src/util/disguised.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { finished } from '../tracking/support.ts'

const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'7'.repeat(64)}\nsize 1234567\n`
const ZIP = Buffer.from('504b0304140000000000', 'hex')

test('pages, pointers and archives are recognised under names of other formats only', () => {
  const cases: [string, string | Uint8Array, string | undefined][] = [
    ['w.safetensors', POINTER, 'a Git LFS pointer'],
    ['README', POINTER, 'a Git LFS pointer'],
    ['t.parquet', '\n <!DOCTYPE HTML><html>', 'an HTML page'],
    ['t.csv', '<!-- x --><html lang="en">', 'an HTML page'],
    ['t.html', '<html>', undefined],
    ['page', '<html>', undefined],
    ['t.jsonl', '<?xml version="1.0"?><Error><Code>AccessDenied</Code>', 'an error message in XML'],
    ['m.bin', 'Entry not found', 'the error message of a server'],
    ['t.csv', ZIP, 'a zip archive'],
    ['t.npz', ZIP, undefined],
    ['m.pt', ZIP, undefined],
    ['t.parquet', gzipSync('x'), 'a gzip file'],
    ['t.csv.gz', gzipSync('x'), undefined],
    ['t.npy', Buffer.concat([Buffer.alloc(257, 97), Buffer.from('ustar')]), 'a tar archive'],
    ['t.csv', 'a,b\n1,2\n', undefined],
    ['t.csv', 'version https://example.org\n', undefined],
    ['empty.csv', '', undefined],
  ]
  for (const [name, head, what] of cases) expect(disguiseOf(name, Buffer.from(head))?.what, name).toBe(what)
})

test('files of a model that are pointers are refused with the remedy', async () => {
  const weights = safetensors({ w: floats([1]) })
  const index = '{"weight_map":{"w":"m-1.safetensors"}}'
  const cases: Record<string, string | Uint8Array>[] = [
    { 'm.safetensors': POINTER },
    { 'm.safetensors': weights, 'config.json': POINTER },
    { 'm.safetensors': weights, 'tokenizer.json': POINTER },
    { 'm.safetensors': weights, 'tokenizer.model': POINTER },
    { 'm-1.safetensors': POINTER, 'model.safetensors.index.json': index },
    { 'm-1.safetensors': weights, 'model.safetensors.index.json': POINTER },
  ]
  for (const files of cases) {
    await expect(readModel(folderOf(files)), Object.keys(files).join()).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
      received: 'a Git LFS pointer',
      hint: expect.stringContaining('git lfs pull') as string,
    })
  }
  await expect(readTokenizer(folderOf({ 'spiece.model': '<!doctype html>' }))).rejects.toMatchObject({
    received: 'an HTML page',
  })
})

test('a dataset of pointers has its digest, no table, and a warning', async () => {
  const folder = folderOf({
    'd.csv': POINTER,
    'd/a/x.parquet': POINTER,
    'd/a/y.csv': ZIP,
    'd/b.csv': 'a\n1\n',
  })
  const file = await readDataset(join(folder, 'd.csv'))
  expect(file).toMatchObject({ disguised: [{ what: 'a Git LFS pointer' }], bytes: POINTER.length })
  expect(file.table).toBeUndefined()
  expect(file.warnings).toEqual([expect.stringMatching(/Git LFS pointer.*git lfs pull/)])
  const tree = await readDataset(join(folder, 'd'))
  expect(tree.disguised?.map(({ path, what }) => `${path}: ${what}`)).toEqual([
    'a/x.parquet: a Git LFS pointer',
    'a/y.csv: a zip archive',
  ])
  expect(tree.warnings).toEqual([expect.stringContaining('and 1 more such files')])
  expect((await readDataset(join(folder, 'd/b.csv'))).disguised).toBeUndefined()
})

test('a run that used a pointer as data has a warning', async () => {
  const cwd = folderOf({ 'train.parquet': POINTER })
  const run = await finished(cwd, {}, (tracker) => tracker.trackDataset(join(cwd, 'train.parquet'), 'train'))
  const warning = expect.stringMatching(/dataset "train".*Git LFS pointer.*git lfs pull/) as string
  expect(run.record.warnings).toContainEqual(warning)
  expect(readFileSync(join(run.folder, 'events.jsonl'), 'utf8')).toContain('Git LFS pointer')
})
