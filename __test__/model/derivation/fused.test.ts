import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { deriveModel } from '../../../src/model/derivation/derive.ts'
import { folderOf } from '../../support/folder.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import type { TensorDerivation } from '../../../src/model/derivation/derive.ts'
import type { TensorToWrite } from '../../support/safetensors.ts'

/** Rows of numbers that no other rows have. */
function rows(count: number, from: number): number[] {
  return Array.from({ length: count * 4 }, (_, at) => from + at / 8)
}

const QUERY = rows(6, 100)
const KEY = rows(2, 200)
const VALUE = rows(2, 300)
const GATE = rows(5, 400)
const UP = rows(5, 500)

const BASE: Readonly<Record<string, TensorToWrite>> = {
  'net.0.wq': floats(QUERY, [6, 4]),
  'net.0.wk': floats(KEY, [2, 4]),
  'net.0.wv': floats(VALUE, [2, 4]),
  'net.0.w1': floats(GATE, [5, 4]),
  'net.0.w3': floats(UP, [5, 4]),
}

async function derive(
  before: Readonly<Record<string, TensorToWrite>>,
  after: Readonly<Record<string, TensorToWrite>>,
): Promise<readonly TensorDerivation[]> {
  const folder = folderOf()
  const [a, b] = [join(folder, 'a.safetensors'), join(folder, 'b.safetensors')]
  writeFileSync(a, safetensors(before))
  writeFileSync(b, safetensors(after))
  return (await deriveModel(a, b)).tensors
}

test('tensors that are joined under names that no map has are found by the digests of their parts', async () => {
  const found = await derive(BASE, {
    'blocks.0.packed': floats([...QUERY, ...KEY, ...VALUE], [10, 4]),
    'blocks.0.mixed': floats([...GATE, ...UP], [10, 4]),
  })
  expect(
    found.map(({ name, verdict, sources, rule }) => [
      name,
      verdict,
      sources.map((source) => source.name),
      rule,
    ]),
  ).toEqual([
    ['blocks.0.mixed', 'fused', ['net.0.w1', 'net.0.w3'], ['joined along axis 0 from 2 tensors']],
    [
      'blocks.0.packed',
      'fused',
      ['net.0.wq', 'net.0.wk', 'net.0.wv'],
      ['joined along axis 0 from 3 tensors'],
    ],
  ])
})

test.each([
  ['the first', 0],
  ['one of the middle', 27],
  ['the last', 39],
])('with one other element, %s, a joined tensor has no source', async (_, at) => {
  const packed = [...QUERY, ...KEY, ...VALUE]
  packed[at] = 7
  const [found] = await derive(BASE, { 'blocks.0.packed': floats(packed, [10, 4]) })
  expect(found).toMatchObject({ verdict: 'unexplained', sources: [] })
})

test('a part that is missing at the end is no source, nor is one of another row', async () => {
  const [short] = await derive(BASE, { packed: floats([...QUERY, ...KEY, 1, 2, 3, 4], [9, 4]) })
  expect(short?.verdict).toBe('unexplained')
  const [wide] = await derive(BASE, { packed: floats([...QUERY, ...KEY], [4, 8]) })
  expect(wide?.verdict).toBe('unexplained')
})

test('of equal parts the one with the nearest name is named, and the others as alternatives', async () => {
  const tied = { ...BASE, 'net.1.wk': floats(KEY, [2, 4]) }
  const [found] = await derive(tied, { 'net.1.packed': floats([...QUERY, ...KEY, ...VALUE], [10, 4]) })
  expect(found).toMatchObject({ verdict: 'fused', alternatives: ['net.0.wk'] })
  expect(found?.sources.map(({ name }) => name)).toEqual(['net.0.wq', 'net.1.wk', 'net.0.wv'])
})
