/** Work that is asked for while a job runs that takes minutes. */
import { closeSync, openSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { hashArray } from '../../src/hash/array.ts'
import { digestBytes } from '../../src/hash/bytes.ts'
import { hashFile } from '../../src/hash/file.ts'
import { folderOf, paint } from '../support/folder.ts'

/** Runs `work` beside jobs that would take far longer than the test, and says how many of them have ended. */
async function besideLongJobs(count: number, work: (path: string) => Promise<void>): Promise<number> {
  const path = join(folderOf({}), 'sparse')
  closeSync(openSync(path, 'w'))
  truncateSync(path, 400_000_000_000)
  const controller = new AbortController()
  let ended = 0
  const jobs = Array.from({ length: count }, async () => {
    await expect(hashFile(path, { signal: controller.signal })).rejects.toThrow('enough')
    ended++
  })
  await setTimeout(20)
  try {
    await work(path)
    // What has ended meanwhile is told by the event loop, which has to turn first.
    await setTimeout(1)
    return ended
  } finally {
    controller.abort(new Error('enough'))
    await Promise.all(jobs)
  }
}

test('a buffer is hashed at once beside a job, and the event loop is not held until that job ends', async () => {
  const bytes = paint(4 << 20)
  const alone = await digestBytes(bytes)
  const ended = await besideLongJobs(1, async () => {
    expect(await digestBytes(bytes)).toEqual(alone)
    await hashArray(new Float64Array(bytes.buffer), { sample: { strategy: 'strided', count: 100_000 } })
  })
  expect(ended).toBe(0)
})

test('a small file is hashed beside jobs that came before it', async () => {
  const small = join(folderOf({ small: 'small' }), 'small')
  const alone = await hashFile(small)
  const ended = await besideLongJobs(3, async () => {
    expect(await hashFile(small)).toEqual(alone)
  })
  expect(ended).toBe(0)
})

test('a job that still waits for a thread can be cancelled', async () => {
  const ended = await besideLongJobs(8, async (path) => {
    const controller = new AbortController()
    const waiting = hashFile(path, { signal: controller.signal })
    controller.abort(new Error('never mind'))
    await expect(waiting).rejects.toThrow('never mind')
  })
  expect(ended).toBe(0)
})
