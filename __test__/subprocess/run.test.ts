import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runProgram } from '../../src/subprocess/run.ts'
import { temporaryFolder } from '../capture/fixture.ts'
import type { ProgramOptions } from '../../src/subprocess/run.ts'

const NODE = process.execPath

function run(script: string, options: Partial<ProgramOptions> = {}): ReturnType<typeof runProgram> {
  return runProgram(NODE, ['-e', script], {
    directory: process.cwd(),
    environment: process.env,
    timeout: 10_000,
    ...options,
  })
}

/** Whether a process still runs; one that is dead but not yet buried does not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('gives output, errors and exit code', async () => {
  const result = await run('process.stdout.write("out"); process.stderr.write("err"); process.exitCode = 3')
  expect(result).toEqual({ status: 'ended', code: 3, stdout: Buffer.from('out'), stderr: 'err' })
})

test('gathers far more than the 1 MiB that execFile allows', async () => {
  const result = await run('process.stdout.write("x".repeat(5e6))')
  expect(result).toMatchObject({ status: 'ended', code: 0 })
  expect(result.status === 'ended' && result.stdout.length).toBe(5e6)
})

test('stops a program that writes without end', async () => {
  const result = await run('const f = () => process.stdout.write("x".repeat(1e5), f); f()', {
    outputLimit: 1e6,
  })
  expect(result).toMatchObject({ status: 'too-long' })
})

test('a program that is not there, a folder that is not there, and an argument the system refuses', async () => {
  const options = { directory: process.cwd(), environment: process.env, timeout: 1000 }
  expect(await runProgram('lineaprint-no-such-program', [], options)).toEqual({
    status: 'not-found',
    reason: 'lineaprint-no-such-program is not installed',
  })
  expect(await run('0', { directory: '/no/such/folder' })).toMatchObject({ status: 'failed' })
  expect(await runProgram(NODE, ['a\0b'], options)).toMatchObject({ status: 'failed' })
})

test('a program that does not read its input is no failure', async () => {
  const result = await run('process.exit(0)', { input: Buffer.alloc(1 << 20) })
  expect(result).toMatchObject({ status: 'ended', code: 0 })
})

test('kills what hangs, with its children, when the time is over', async () => {
  const note = join(temporaryFolder(), 'pid')
  const script = `
    const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], { stdio: 'inherit' })
    require('node:fs').writeFileSync(${JSON.stringify(note)}, String(child.pid))
    setInterval(() => 0, 1000)`
  const started = performance.now()
  expect(await run(script, { timeout: 700 })).toEqual({
    status: 'timeout',
    reason: `${NODE} did not answer within 0.7 s`,
  })
  expect(performance.now() - started).toBeLessThan(30_000)
  await expect.poll(() => isAlive(Number(readFileSync(note, 'utf8'))), { timeout: 20_000 }).toBe(false)
})

test('an abort kills it and throws the reason of the signal', async () => {
  const reason = new Error('enough')
  const controller = new AbortController()
  setTimeout(() => controller.abort(reason), 100)
  const started = performance.now()
  await expect(run('setInterval(() => 0, 1000)', { signal: controller.signal })).rejects.toBe(reason)
  expect(performance.now() - started).toBeLessThan(30_000)
  await expect(run('0', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})

test('an error of the taker ends the program and is thrown', async () => {
  const error = new Error('disk full')
  const onOutput = (): Promise<void> => Promise.reject(error)
  await expect(run('process.stdout.write("x"); setInterval(() => 0, 1000)', { onOutput })).rejects.toBe(error)
})

test.skipIf(process.platform !== 'linux')(
  'a program is started by the addon, with its input or none',
  async () => {
    const options = { directory: '/', environment: process.env, timeout: 10_000 }
    const look = [
      '-c',
      'readlink /proc/self/fd/0 /proc/self/fd/1; pwd; ps -o sid= -p $$ | tr -d " "; echo $$',
    ]
    const result = await runProgram('sh', look, options)
    if (result.status !== 'ended') throw new Error(result.reason)
    const [input, output, directory, session, pid] = result.stdout.toString().trim().split('\n')
    expect([input, directory, session]).toEqual(['/dev/null', '/', pid])
    // Node's pipes are sockets.
    expect(output).toMatch(/^pipe:/)
    // Longer than a pipe holds, and written while the program writes.
    const lines = Buffer.alloc(1 << 20, 'a line of a file\n')
    const other = await runProgram('sh', ['-c', 'readlink /proc/self/fd/0; cat'], {
      ...options,
      input: lines,
    })
    if (other.status !== 'ended') throw new Error(other.reason)
    const end = other.stdout.indexOf('\n') + 1
    expect(other.stdout.toString('latin1', 0, end)).toMatch(/^pipe:/)
    expect(other.stdout.subarray(end).equals(lines)).toBe(true)
    // One that does not read its input is no error.
    expect(await runProgram('sh', ['-c', 'exit 3'], { ...options, input: lines })).toMatchObject({ code: 3 })
  },
)

test('what the addon collects is what Node streams', async () => {
  // It ends by itself: an exit would leave out what is not written yet.
  const script =
    'process.stdout.write("\\u00e9".repeat(1e5)); process.stderr.write("e".repeat(1e5)); process.exitCode = 5'
  const pieces: Buffer[] = []
  const streamed = await run(script, { onOutput: (piece) => void pieces.push(piece) })
  const collected = await run(script)
  expect(collected).toEqual({ ...streamed, stdout: Buffer.concat(pieces) })
  expect(collected).toMatchObject({ status: 'ended', code: 5, stderr: 'e'.repeat(64 << 10) })
})

test('a program that is ended by a signal has no code', async () => {
  expect(await run('process.kill(process.pid, "SIGKILL")')).toMatchObject({ status: 'ended', code: null })
})
