import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { runProgram } from '../../src/subprocess/run.ts'
import { waitsForFifo } from '../../src/subprocess/fifo.ts'
import { folderOf } from '../support/folder.ts'

test.runIf(process.platform === 'linux')(
  'a process that waits for a FIFO is found below the program',
  async () => {
    const fifo = join(folderOf(), 'fifo')
    execFileSync('mkfifo', [fifo])
    const child = spawn('sh', ['-c', `cat '${fifo}'; true`], { stdio: 'ignore' })
    const { pid = 0 } = child
    const found = await vi.waitUntil(() => waitsForFifo(pid, 'cat'), { timeout: 20_000 })
    expect(found).not.toBe(pid)
    expect(waitsForFifo(pid, 'git')).toBeUndefined()
    writeFileSync(fifo, '')
    await once(child, 'close')
    expect(waitsForFifo(pid, 'cat')).toBeUndefined()
  },
)

test.runIf(process.platform === 'linux')('only a program that must not wait is stopped', async () => {
  const fifo = join(folderOf(), 'fifo')
  execFileSync('mkfifo', [fifo])
  const options = { directory: '/', environment: process.env, timeout: 50_000 }
  const stopped = await runProgram('cat', [fifo], { ...options, refuseFifo: 'cat' })
  expect(stopped).toEqual({ status: 'failed', reason: 'cat would not end: it waits for a FIFO' })
  const late = runProgram('cat', [fifo], { ...options, refuseFifo: 'git', timeout: 1500 })
  expect(await late).toMatchObject({ status: 'timeout' })
})
