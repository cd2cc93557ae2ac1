import { expect, test } from 'vitest'
import { diffTokenizers } from '../../../src/model/diff/tokenizer.ts'
import { folderOf } from '../../support/folder.ts'

const json = (value: unknown): string => JSON.stringify(value)

test('tokenizers differ in fields, in long values, and in files that are no JSON', async () => {
  const long = Array.from({ length: 100 }, (_, index) => `a b${index}`)
  const before = folderOf({
    'tokenizer.json': json({ model: { vocab: { a: 0, b: 1 }, merges: long }, version: '1.0' }),
    'vocab.txt': 'a\nb\n',
    'merges.txt': 'a b\n',
  })
  const after = folderOf({
    'tokenizer.json': json({ version: '1.0', model: { vocab: { a: 0, c: 1 }, merges: [...long, 'c d'] } }),
    'vocab.txt': 'a\nb\n',
    'special_tokens_map.json': '{}',
  })
  const { differences, warnings } = await diffTokenizers(before, after)
  const digest = expect.stringMatching(/^blake3:[0-9a-f]{64}$/)
  expect(differences).toEqual([
    { file: 'merges.txt', key: '', before: digest },
    { file: 'special_tokens_map.json', key: '', after: digest },
    { file: 'tokenizer.json', key: 'model.merges', before: digest, after: digest },
    { file: 'tokenizer.json', key: 'model.vocab.b', before: '1' },
    { file: 'tokenizer.json', key: 'model.vocab.c', after: '1' },
  ])
  expect(warnings).toEqual([])
  expect((await diffTokenizers(before, before)).differences).toEqual([])
  expect((await diffTokenizers(undefined, after)).differences).toHaveLength(3)
})

test('a vocabulary that is another one is cut', async () => {
  const vocabulary = (start: number): string =>
    json(Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`t${start + index}`, index])))
  const [before, after] = [
    folderOf({ 'vocab.json': vocabulary(0) }),
    folderOf({ 'vocab.json': vocabulary(1000) }),
  ]
  const { differences, warnings } = await diffTokenizers(before, after)
  expect(differences).toHaveLength(1000)
  expect(warnings).toEqual([expect.stringContaining('1800 keys')])
})
