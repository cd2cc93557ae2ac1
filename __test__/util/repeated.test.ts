import { expect, onTestFinished, test, vi } from 'vitest'
import { Repeated } from '../../src/util/repeated.ts'

test('work is done at the interval, never twice at once, and not after the stop', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const begun: PromiseWithResolvers<void>[] = []
  const repeated = new Repeated(() => {
    const work = Promise.withResolvers<void>()
    begun.push(work)
    return work.promise
  }, 1000)
  await vi.advanceTimersByTimeAsync(999)
  expect(begun).toHaveLength(0)
  await vi.advanceTimersByTimeAsync(5000)
  expect(begun).toHaveLength(1)
  begun[0]?.resolve()
  await vi.advanceTimersByTimeAsync(1000)
  expect(begun).toHaveLength(2)
  let isOver = false
  const stopped = repeated.stop().then(() => (isOver = true))
  await vi.advanceTimersByTimeAsync(5000)
  expect(isOver).toBe(false)
  begun[1]?.resolve()
  await stopped
  await vi.advanceTimersByTimeAsync(5000)
  expect(begun).toHaveLength(2)
})

test('a stop without anything under way is over at once', async () => {
  const repeated = new Repeated(() => Promise.reject(new Error('never begun')), 1_000_000)
  await repeated.stop()
  await expect(repeated.stop()).resolves.toBeUndefined()
})
