import fc from 'fast-check'
import { expect, test } from 'vitest'
import { familyOf, forestOf } from '../../src/database/family.ts'
import { labelsOf } from '../../src/store/annotations.ts'
import { entryOf, listedRun } from '../../src/store/listed-run.ts'
import { rounds } from '../support/random.ts'
import { recordOf } from './support.ts'
import type { ListedRun } from '../../src/store/listed-run.ts'

function runOf(id: string, parent: string | null, continues?: string): ListedRun {
  const record = recordOf(id, { parent, ...(continues !== undefined && { continues }) })
  return listedRun(record.id, `/${id}`, entryOf(record, labelsOf(record, { entries: [] })), record.status)
}

test('children stand below their parents, in the order of the list', () => {
  const runs = [
    runOf('a', null),
    runOf('b', null),
    runOf('a1', 'a'),
    runOf('b1', 'b'),
    runOf('a11', 'a1'),
    runOf('a2', 'a'),
  ]
  const shown = (members: ReturnType<typeof forestOf>): string[] =>
    members.map(({ run, depth, branches }) => `${depth} ${run.id} ${branches.map(Number).join('')}`)
  expect(shown(forestOf(runs))).toEqual(['0 a ', '1 a1 0', '2 a11 01', '1 a2 1', '0 b ', '1 b1 1'])
  expect(shown(familyOf(runs, 'a1'))).toEqual(['0 a ', '1 a1 1', '2 a11 11'])
})

test('a run stands below the one that it continues, and else below the one that made it', () => {
  const runs = [runOf('a', null), runOf('b', 'a'), runOf('c', 'a', 'b'), runOf('d', 'a', 'gone')]
  const shown = forestOf(runs).map(({ run, depth, continuedIsMissing }) => [
    run.id,
    depth,
    continuedIsMissing,
  ])
  expect(shown).toEqual([
    ['a', 0, false],
    ['b', 1, false],
    ['c', 2, false],
    ['d', 1, true],
  ])
  expect(familyOf(runs, 'c').map(({ run }) => run.id)).toEqual(['a', 'b', 'c'])
})

test('a parent that is not there is told', () => {
  const [only] = forestOf([runOf('a', 'gone')])
  expect(only).toMatchObject({ depth: 0, parentIsMissing: true })
})

test('whatever parents the records name, circles too, every run is shown once', () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f']
  const parents = fc.array(fc.option(fc.constantFrom(...ids, 'gone'), { nil: null }), {
    minLength: 6,
    maxLength: 6,
  })
  const property = fc.property(parents, (chosen) => {
    const runs = ids.map((id, index) => runOf(id, chosen[index] ?? null))
    const forest = forestOf(runs)
    expect(forest.map(({ run }) => run.id as string).toSorted()).toEqual(ids)
    for (const [index, { run, depth }] of forest.entries()) {
      if (depth === 0) continue
      // Its parent is the last one above it that is less deep.
      expect(forest.slice(0, index).findLast((other) => other.depth < depth)?.run.id).toBe(run.parent)
    }
    for (const id of ids) expect(familyOf(runs, id).map(({ run }) => run.id)).toContain(id)
  })
  fc.assert(property, { numRuns: rounds(500) })
})
