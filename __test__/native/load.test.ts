import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { runJob } from '../../src/native/job.ts'
import { native } from '../../src/native/load.ts'
import { VERSION } from '../../src/core/version.ts'

test('package, TypeScript and addon have one version', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  expect(VERSION).toBe(version)
  expect(native.version()).toBe(version)
  expect(readFileSync('Cargo.toml', 'utf8')).toContain(`\nversion = "${version}"\n`)
})

test('a panic in a job is an error that says where, and the process lives on', async () => {
  await expect(runJob({}, (job) => native.panicOnPurpose(job))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_INTERNAL',
    message: expect.stringMatching(
      /a bug in lineaprint at .*machine\.rs:\d+:\d+: a panic on purpose/,
    ) as unknown,
  })
})

test('the event loop stays free, and a process with nothing else to do ends', () => {
  const { status, stdout } = spawnSync(
    process.execPath,
    ['-e', "import('./src/index.ts').then(() => console.log('ends'))"],
    {
      encoding: 'utf8',
    },
  )
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'ends\n' })
})

test('a worker that is terminated in the middle of a hash takes nothing down', async () => {
  const code = `
    const { hashTree } = await import(${JSON.stringify(new URL('../../src/hash/tree.ts', import.meta.url).href)})
    const { parentPort } = await import('node:worker_threads')
    parentPort.postMessage('started')
    await hashTree('node_modules')
    parentPort.postMessage('done')
  `
  for (let round = 0; round < 3; round++) {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`))
    await once(worker, 'message')
    await worker.terminate()
  }
  expect(native.hashBytes(new Uint8Array(1), 'blake3').blake3).toHaveLength(32)
})
