import { expect, test } from 'vitest'
import { describeGroup, groupTensors, patternOf } from '../../src/model/name-pattern.ts'
import type { LayerPattern } from '../../src/model/name-pattern.ts'

const tensor = (
  name: string,
  shape: number[] = [2],
  dtype = 'F32',
): { name: string; dtype: string; shape: number[]; bytes: number } => ({ name, dtype, shape, bytes: 8 })

const layerPatterns = (tensors: Iterable<ReturnType<typeof tensor>>): LayerPattern[] =>
  groupTensors(tensors).map((group) => describeGroup(group))

const patterns = (...names: string[]): string[] =>
  layerPatterns(names.map((name) => tensor(name))).map(({ pattern }) => pattern)

test('numbers that are a whole part of a name are replaced, and no others', () => {
  expect(patternOf('model.layers.12.self_attn.q_proj.weight')).toBe('model.layers.{}.self_attn.q_proj.weight')
  expect(patternOf('h_0/dense-1:0')).toBe('h_{}/dense-{}:{}')
  expect(patternOf('0.1.2')).toBe('{}.{}.{}')
  expect(patternOf('layer1.conv2d.w8')).toBe('layer1.conv2d.w8')
  expect(patternOf('h.\u0663.w')).toBe('h.\u0663.w')
  expect(patternOf('')).toBe('')
})

test('names that differ in numbers have one line, with the numbers that occur', () => {
  expect(patterns('a.0.w', 'a.1.w', 'a.10.w', 'a.2.w', 'b.w')).toEqual(['a.{0..2,10}.w', 'b.w'])
  expect(patterns('a.3.w', 'a.4.w')).toEqual(['a.{3,4}.w'])
  expect(patterns('a.7.w')).toEqual(['a.7.w'])
  expect(patterns('l.0.e.0', 'l.0.e.1', 'l.1.e.0', 'l.1.e.2')).toEqual(['l.{0,1}.e.{0..2}'])
  // Numbers that no range could write back.
  expect(patterns('a.01', 'a.1', 'a.99999999999999999')).toEqual(['a.{1,01,99999999999999999}'])
})

test('another dtype or shape is another line, and all lines together have every tensor', () => {
  const found = layerPatterns([
    tensor('a.0', [2, 3]),
    tensor('a.1', [2, 3]),
    tensor('a.2', [4, 3]),
    tensor('a.3', [2, 3], 'I8'),
  ])
  expect(found).toEqual([
    { pattern: 'a.{0,1}', dtype: 'F32', shape: [2, 3], tensors: 2, parameters: 12, bytes: 16 },
    { pattern: 'a.2', dtype: 'F32', shape: [4, 3], tensors: 1, parameters: 12, bytes: 8 },
    { pattern: 'a.3', dtype: 'I8', shape: [2, 3], tensors: 1, parameters: 6, bytes: 8 },
  ])
  expect(layerPatterns([])).toEqual([])
})

test('a name has the pattern that a regular expression gives it', () => {
  const characters = ['0', '7', '12', '003', 'a', 'w8', '.', '/', '_', ':', '-', '\u0663', '\u{1f600}']
  let state = 1
  const next = (below: number): number => (state = (state * 48271) % 2147483647) % below
  for (let round = 0; round < 5000; round++) {
    const name = Array.from({ length: next(9) }, () => characters[next(characters.length)]).join('')
    expect(patternOf(name), name).toBe(name.replace(/(?<=^|[./_:-])[0-9]+(?=$|[./_:-])/g, '{}'))
  }
})

test('numbers that occur several times are written once', () => {
  expect(patterns('a.0.b.1', 'a.1.b.0', 'a.2.b.1', 'a.4.b.0')).toEqual(['a.{0..2,4}.b.{0,1}'])
})

test('tensors in any order fall into the groups that their patterns give', () => {
  const parts = ['0', '1', '23', 'a', 'b', '{}', '\u0663']
  let state = 7
  const next = (below: number): number => (state = (state * 48271) % 2147483647) % below
  const random = Array.from({ length: 4000 }, () =>
    tensor(
      Array.from({ length: next(4) }, () => parts[next(parts.length)]).join('.'),
      Array.from({ length: next(3) }, () => next(2)),
      next(4) === 0 ? 'I8' : 'F32',
    ),
  )
  const expected = new Map<string, { name: string; tensors: number; bytes: number }>()
  for (const { name, dtype, shape, bytes } of random) {
    const key = `${dtype} ${shape.join('x')} ${patternOf(name)}`
    const group = expected.get(key) ?? { name, tensors: 0, bytes: 0 }
    expected.set(key, { ...group, tensors: group.tensors + 1, bytes: group.bytes + bytes })
  }
  const found = groupTensors(random)
  expect(found.map(({ name, tensors, bytes }) => ({ name, tensors, bytes }))).toEqual([...expected.values()])
  expect(found.length).toBeGreaterThan(100)
})
