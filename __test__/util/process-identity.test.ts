import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { isAlive, thisProcess } from '../../src/util/process-identity.ts'

test('this process is alive', () => {
  expect(isAlive(thisProcess())).toBe('alive')
})

test('a process that ended is gone', async () => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  expect(isAlive({ ...thisProcess(), pid: child.pid ?? 0 })).toBe('gone')
})

test.runIf(process.platform === 'linux')('a pid that was used again is another process', () => {
  const own = thisProcess()
  expect(own.startTime).toBeTypeOf('number')
  expect(isAlive({ ...own, startTime: (own.startTime ?? 0) - 1 })).toBe('gone')
  expect(isAlive({ ...own, bootId: 'an earlier boot' })).toBe('gone')
  expect(isAlive({ ...own, pidNamespace: 'another container' })).toBe('unknown')
})

test('nothing is said about processes of another host, and nonsense is gone', () => {
  expect(isAlive({ ...thisProcess(), host: 'elsewhere' })).toBe('unknown')
  for (const pid of [0, -1, 2 ** 31 - 1, 1.5]) expect(isAlive({ ...thisProcess(), pid })).toBe('gone')
})
