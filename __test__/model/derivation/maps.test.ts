import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  builtInMaps,
  fillName,
  mapApplies,
  matchName,
  matchStar,
  parameterOf,
  readMaps,
} from '../../../src/model/derivation/maps.ts'
import { folderOf } from '../../support/folder.ts'

const facts = (entries: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(entries))

test('the maps that come with lineaprint fit their schema', () => {
  const names = builtInMaps().map(({ name }) => name)
  expect(names).toContain('llama-to-gguf')
  expect(new Set(names).size).toBe(names.length)
})

test('placeholders are whole numbers, the same wherever they stand', () => {
  expect(matchName('blk.{i}.w', 'blk.12.w')).toEqual({ i: '12' })
  expect(matchName('blk.{i}.w', 'blk.x.w')).toBeUndefined()
  expect(matchName('blk.{i}.w', 'blkx1.w')).toBeUndefined()
  expect(matchName('{i}.{i}', '1.2')).toBeUndefined()
  expect(fillName('a.{i}.{e}', { i: '3' })).toBe('a.3.{e}')
})

test('a star is the same text in all names of a packed matrix', () => {
  expect(matchStar('*.qweight', 'a.b.qweight')).toBe('a.b')
  expect(matchStar('x.*', 'y.a')).toBeUndefined()
  expect(matchStar('aa*aa', 'aaa')).toBeUndefined()
})

test('a map applies where the models have the facts that it asks for', () => {
  const llama = builtInMaps().find(({ name }) => name === 'llama-to-gguf')
  if (llama === undefined) throw new Error('there is one')
  const gguf = facts({ 'general.architecture': 'llama', 'llama.attention.head_count': '4' })
  expect(mapApplies(llama, facts({}), gguf)).toBe(true)
  expect(mapApplies(llama, facts({}), facts({ 'general.architecture': 'qwen2' }))).toBe(false)
  expect(mapApplies(llama, gguf, facts({}))).toBe(false)
  expect(parameterOf(llama, 'heads', [facts({ num_attention_heads: '4' }), gguf])).toBe(4)
  expect(parameterOf(llama, 'heads', [facts({ num_attention_heads: '8' }), gguf])).toMatch(
    /different numbers/,
  )
  expect(parameterOf(llama, 'heads', [facts({})])).toMatch(/not known/)
})

test.each([
  ['{', 'file of maps'],
  ['[]', 'file'],
  ['{"version": 2, "maps": []}', 'version'],
  ['{"version": 1, "maps": [{"name": "a", "from": "b", "to": "c", "rulse": []}]}', 'maps[0].rulse'],
  [
    '{"version": 1, "maps": [{"name": "a", "from": "b", "to": "c", "rules": [{"to": "x", "from": []}]}]}',
    'maps[0].rules[0].from',
  ],
  [
    '{"version": 1, "maps": [{"name": "a", "from": "b", "to": "c", "rules": [{"to": "x", "from": ["y"], "permute": {"rotary": "h"}}]}]}',
    'maps[0].parameters.h',
  ],
  [
    '{"version": 1, "maps": [{"name": "a", "from": "b", "to": "c", "packed": {"as": "gptq", "codes": "*.q"}}]}',
    'maps[0].packed.matrix',
  ],
  [
    '{"version": 1, "maps": [{"name": "a", "from": "b", "to": "c", "packed": {"as": "x", "matrix": "*.w", "codes": "*.q", "scales": "*.s"}}]}',
    'maps[0].packed.as',
  ],
  [
    '{"version": 1, "maps": [{"name": "a", "from": "b", "to": "c", "packed": {"as": "awq", "matrix": "w", "codes": "*.q"}}]}',
    'maps[0].packed.matrix',
  ],
])('a file that does not fit the schema is refused: %s', async (text, field) => {
  const path = join(folderOf({ 'map.json': text }), 'map.json')
  await expect(readMaps(path)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_CONFIGURATION',
    path,
    ...(field === 'file of maps' ? {} : { field }),
  })
})
