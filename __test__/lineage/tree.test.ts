/** A lineage as lines. */
import { expect, test } from 'vitest'
import { readLineage } from '../../src/lineage/read.ts'
import { treeLines } from '../../src/lineage/tree.ts'
import { storeOf } from './support.ts'
import type { Store } from '../../src/store/store.ts'

async function shown(store: Store, reference: string, direction: 'up' | 'down'): Promise<string[]> {
  const lineage = await readLineage(store, reference)
  return treeLines(lineage, lineage.start[0] ?? '', direction).map(
    ({ node, edge, branches, isRepeated }) =>
      `${branches.map((isLast) => (isLast ? '.' : '|')).join('')} ${node.id} ${edge.evidence}${isRepeated ? ' again' : ''}`,
  )
}

test('a node that is reached twice has what follows it once', async () => {
  const store = storeOf({
    a: { reads: { raw: 'raw' }, makes: { x: 'x', y: 'y' } },
    b: { reads: { x: 'x', y: 'y' }, makes: { z: 'z' } },
  })
  expect(await shown(store, 'z', 'up')).toEqual([
    '. run b recorded',
    '.| datasets b x recorded',
    '.|. outputs a x inferred',
    '.|.. run a recorded',
    '.|... datasets a raw recorded',
    '.. datasets b y recorded',
    '... outputs a y inferred',
    '.... run a recorded again',
  ])
  expect(await shown(store, 'z', 'down')).toEqual([])
})

test('what a declared step made is below its source alone', async () => {
  const store = storeOf({
    a: {
      reads: { raw: 'raw', other: 'other' },
      makes: { clean: 'clean', log: 'log' },
      derivations: [{ name: 'clean', from: ['raw'] }],
    },
  })
  expect(await shown(store, 'clean', 'up')).toEqual(['. datasets a raw declared'])
  expect(await shown(store, 'raw', 'down')).toEqual([
    '| outputs a clean declared',
    '. run a recorded',
    '.. outputs a log recorded',
  ])
})

test('circles end', async () => {
  const store = storeOf({
    a: {
      makes: { x: 'x', y: 'y' },
      derivations: [
        { name: 'x', from: ['y'] },
        { name: 'y', from: ['x'] },
      ],
    },
  })
  expect(await shown(store, 'x', 'up')).toEqual(['. outputs a y declared', '.. outputs a x declared again'])
})
