import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkRunId } from '../../src/core/run-id.ts'
import { RunIds } from '../../src/database/run-order.ts'

test('a part of the ids is that of the list, in any order of questions', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 3000 }),
      fc.array(fc.tuple(fc.nat(3500), fc.nat(3500)), { minLength: 1, maxLength: 5 }),
      (count, parts) => {
        const ids = Array.from({ length: count }, (_, index) => checkRunId(`run-${index}`))
        const kept = RunIds.of(ids)
        expect(kept.length).toBe(count)
        for (const [start, end] of parts) expect(kept.slice(start, end)).toEqual(ids.slice(start, end))
      },
    ),
  )
})

test('a line that is no id is left out', () => {
  const kept = new RunIds('run-1\n../away\nrun-2', 3)
  expect(kept.slice(0, 3)).toEqual(['run-1', 'run-2'])
})
