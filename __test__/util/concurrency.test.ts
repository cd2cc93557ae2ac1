import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { mapConcurrently } from '../../src/util/concurrency.ts'

test('results come in the order of the items, never more at once than allowed', async () => {
  let running = 0
  let most = 0
  const results = await mapConcurrently([5, 1, 3, 0, 2], 2, async (item, index) => {
    most = Math.max(most, ++running)
    for (let turn = 0; turn < item; turn++) await setImmediate()
    running--
    return [item, index]
  })
  expect(results).toEqual([5, 1, 3, 0, 2].map((item, index) => [item, index]))
  expect(most).toBe(2)
  expect(await mapConcurrently([], 4, () => Promise.reject(new Error('never')))).toEqual([])
})

test('a failure is thrown when the work that had begun is over, and nothing new is begun', async () => {
  const ended: number[] = []
  const work = mapConcurrently([0, 1, 2, 3], 2, async (item) => {
    if (item === 0) throw new Error('first')
    await setImmediate()
    ended.push(item)
  })
  await expect(work).rejects.toThrow('first')
  expect(ended).toEqual([1])
})
