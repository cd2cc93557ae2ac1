import { expect, test } from 'vitest'
import { readTokenizer } from '../../src/model/tokenizer.ts'
import { folderOf } from '../support/folder.ts'

const VOCABULARY = { model: { vocab: { a: 0, b: 1 } }, version: '1.0' }

test('the same vocabulary has the same digest wherever it lies and however it is written', async () => {
  const one = folderOf({
    'tokenizer.json': JSON.stringify(VOCABULARY),
    'vocab.txt': 'a\nb\n',
    'model.safetensors': 'x',
  })
  const other = folderOf({
    'tokenizer.json': JSON.stringify({ version: '1.0', model: { vocab: { b: 1, a: 0 } } }, null, 2),
    'vocab.txt': 'a\nb\n',
  })
  const [first, second] = [await readTokenizer(one), await readTokenizer(other)]
  expect(first.digest.equals(second.digest)).toBe(true)
  expect(first.files).toEqual(['tokenizer.json', 'vocab.txt'])
})

test('another vocabulary has another digest', async () => {
  // There only the arguments of the constructor were hashed.
  const digest = async (vocab: object): Promise<string> =>
    (await readTokenizer(folderOf({ 'tokenizer.json': JSON.stringify({ model: { vocab } }) }))).digest.hex
  expect(await digest({ a: 0, b: 1 })).not.toBe(await digest({ a: 1, b: 0 }))
})

test('the same tokenizer loaded from another path has the same digest', async () => {
  const digest = async (config: object): Promise<string> =>
    (await readTokenizer(folderOf({ 'vocab.txt': 'a', 'tokenizer_config.json': JSON.stringify(config) })))
      .digest.hex
  const before = await digest({ do_lower_case: true, name_or_path: 'a/b' })
  expect(await digest({ name_or_path: '/elsewhere', do_lower_case: true })).toBe(before)
  expect(await digest({ name_or_path: 'a/b', do_lower_case: false })).not.toBe(before)
})

test('a folder without a tokenizer is an error', async () => {
  await expect(readTokenizer(folderOf({ a: '' }))).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND' })
  await expect(readTokenizer('/nowhere')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND' })
})
