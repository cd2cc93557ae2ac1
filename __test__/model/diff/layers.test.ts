import { expect, test } from 'vitest'
import { changeByLayer } from '../../../src/model/diff/layers.ts'
import type { TensorChange, ValueComparison } from '../../../src/model/diff/diff.ts'

function compared(l2: number, before: number, nanAfter = 0): ValueComparison {
  return {
    status: 'compared',
    elements: 10,
    changed: 1,
    share: 0.1,
    maxAbsolute: 1,
    maxRelative: 1,
    l2,
    norm: { before, after: before },
    cosine: 1,
    nan: { before: 0, after: nanAfter },
    infinite: { before: 0, after: 0 },
  }
}

test('changes are summed up by layer, in the order of their numbers', () => {
  const names = ['m.10.w', 'm.2.w', 'm.2.b', 'head.weight', 'm.3.w']
  const changes: TensorChange[] = [
    { status: 'changed', name: 'm.2.w', differs: ['data'], values: compared(3, 6) },
    { status: 'changed', name: 'm.2.b', differs: ['data'], values: compared(4, 8, 2) },
    { status: 'removed', name: 'm.11.w' },
    { status: 'changed', name: 'm.3.w', differs: ['data'], values: compared(1, 0) },
  ]
  expect(changeByLayer(names, changes)).toEqual([
    { name: 'head', tensors: 1, changed: 0, relative: null, lost: 0 },
    { name: 'm.2', tensors: 2, changed: 2, relative: 0.5, lost: 2 },
    { name: 'm.3', tensors: 1, changed: 1, relative: null, lost: 0 },
    { name: 'm.10', tensors: 1, changed: 0, relative: null, lost: 0 },
    { name: 'm.11', tensors: 0, changed: 1, relative: null, lost: 0 },
  ])
})
