import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import {
  countProcessors,
  formatProcessors,
  readExecution,
} from '../../../../src/capture/environment/system/execution.ts'

test('processors are written as the system writes them', () => {
  expect(formatProcessors([8, 0, 2, 1, 3])).toBe('0-3,8')
  expect(formatProcessors([5])).toBe('5')
  expect(formatProcessors([])).toBe('')
  expect(formatProcessors(null)).toBeNull()
})

test('the count is that of the list', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(300), { minLength: 1 }), (numbers) => {
      expect(countProcessors(formatProcessors(numbers) ?? '')).toBe(numbers.length)
    }),
  )
  for (const text of ['', 'x', '3-1', '1-', '0-3,x']) expect(countProcessors(text)).toBeUndefined()
})

test.skipIf(process.platform !== 'linux')(
  'the affinity of a process is read, until it has ended',
  async () => {
    const child = spawn('sh', ['-c', 'exec taskset -c 0 sleep 60'])
    onTestFinished(() => void child.kill())
    await once(child, 'spawn')
    const { pid = 0 } = child
    await expect.poll(async () => (await readExecution(pid))?.affinity).toBe('0')
    child.kill()
    await once(child, 'exit')
    expect(await readExecution(pid)).toBeUndefined()
  },
)
