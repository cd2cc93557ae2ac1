import { expect, test } from 'vitest'
import { applyEvent, initialState, toRecord } from '../../src/record/state.ts'
import { folderOf } from '../support/folder.ts'
import { finished } from '../tracking/support.ts'
import type { EventBody } from '../../src/record/events.ts'
import type { RunRecord } from '../../src/record/record.ts'

test('metadata and tags keep their order, their last value, and every key', async () => {
  const run = await finished(folderOf(), { tags: ['first'], metadata: { a: 1 } }, (tracker) => {
    tracker.addMetadata({ b: 2, ['__proto__']: 3 })
    tracker.addMetadata({ a: 4, c: [5] })
    tracker.addTags('second', 'first', 'third')
  })
  expect(Object.entries(run.record.metadata)).toEqual([
    ['a', 4],
    ['b', 2],
    ['__proto__', 3],
    ['c', [5]],
  ])
  expect(run.record.tags).toEqual(['first', 'second', 'third'])
})

test('the time of metadata and tags one by one grows with their number', async () => {
  const { record } = await finished(folderOf())
  // Quadratic work would make eight times the events take 64 times as long.
  const few = Math.min(timeOf(record, 10_000), timeOf(record, 10_000))
  expect(timeOf(record, 80_000)).toBeLessThan(few * 32 + 100)
})

function timeOf(start: RunRecord, events: number): number {
  const state = initialState(start)
  // Time of the processor: other programs on the machine do not count.
  const from = process.cpuUsage()
  for (let index = 0; index < events; index++) {
    const name = `key ${index}`
    const both: EventBody[] = [
      { type: 'metadata', values: { [name]: index } },
      { type: 'tags', tags: [name] },
    ]
    for (const event of both) applyEvent(state, event)
  }
  const { user, system } = process.cpuUsage(from)
  const took = (user + system) / 1000
  expect(toRecord(state).tags).toHaveLength(start.tags.length + events)
  return took
}
