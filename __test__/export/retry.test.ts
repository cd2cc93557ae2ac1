import { expect, test } from 'vitest'
import { PassingFailure, retry } from '../../src/export/retry.ts'

const signal = new AbortController().signal

test('what may pass is tried again, so often and no more', async () => {
  const attempts: number[] = []
  const work = (attempt: number): Promise<never> => {
    attempts.push(attempt)
    return Promise.reject(new PassingFailure(`try ${attempt}`))
  }
  await expect(retry(work, { signal, tries: 3, firstPause: 1 })).rejects.toThrow('try 3')
  expect(attempts).toEqual([1, 2, 3])
  const passes = async (attempt: number): Promise<number> =>
    attempt < 3 ? Promise.reject(new PassingFailure('not yet', { pause: 2 })) : attempt
  expect(await retry(passes, { signal, firstPause: 1 })).toBe(3)
})

test('anything else is final at once', async () => {
  let count = 0
  const work = (): Promise<never> => {
    count++
    return Promise.reject(new TypeError('for good'))
  }
  await expect(retry(work, { signal })).rejects.toThrow('for good')
  expect(count).toBe(1)
})

test('a signal ends the tries and the pauses, with its own reason', async () => {
  const interrupt = new AbortController()
  const work = (): Promise<never> => {
    interrupt.abort(new Error('stopped'))
    return Promise.reject(new PassingFailure('later', { pause: 4000 }))
  }
  await expect(retry(work, { signal: interrupt.signal })).rejects.toThrow('stopped')
  const paused = new AbortController()
  const failing = retry(() => Promise.reject(new PassingFailure('later')), {
    signal: paused.signal,
    firstPause: 4000,
  })
  setTimeout(() => paused.abort(new Error('stopped in a pause')), 10)
  await expect(failing).rejects.toThrow('stopped in a pause')
  await expect(
    retry(() => Promise.resolve(1), { signal: AbortSignal.abort(new Error('before')) }),
  ).rejects.toThrow('before')
})
