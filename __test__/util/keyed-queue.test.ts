import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { KeyedQueue } from '../../src/util/keyed-queue.ts'

test('work of one key is done in order, also after a failure, and other keys go on beside it', async () => {
  const queue = new KeyedQueue()
  const done: string[] = []
  const work = (name: string, time: number) => async (): Promise<string> => {
    await sleep(time)
    done.push(name)
    if (name === 'a2') throw new Error('failed')
    return name
  }
  const all = await Promise.allSettled([
    queue.run('a', work('a1', 40)),
    queue.run('a', work('a2', 0)),
    queue.run('a', work('a3', 0)),
    queue.run('b', work('b1', 0)),
  ])
  expect(done).toEqual(['b1', 'a1', 'a2', 'a3'])
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
})
