import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readRun } from '../../../src/store/runs.ts'
import { storeIn } from '../../../src/store/store.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { startProgram } from '../../tracking/support.ts'

const PROGRAM = `
const tracker = new ExperimentTracker({ ...off, experimentId: 'run' })
await tracker.startExperiment()
console.log('started')
for (let step = 0; ; step++) {
  tracker.logMetric('loss', step, { step })
  if (step % 50 === 49) {
    await tracker.flush()
    console.log(step)
  }
}`

test('what flush acknowledged survives kill -9', { timeout: 60_000 }, async () => {
  for (let round = 0; round < 6; round++) {
    const root = folderOf()
    const child = startProgram(PROGRAM, root)
    let printed = ''
    child.stdout.on('data', (chunk: Buffer) => (printed += String(chunk)))
    await once(child.stdout, 'data')
    await new Promise((resolve) => setTimeout(resolve, 30 + round * 37))
    child.kill('SIGKILL')
    await once(child, 'close')
    const lines = printed.trimEnd().split('\n')
    const acknowledged = Number(lines.findLast((line) => line !== 'started') ?? -1)
    const { status, record, journal } = await readRun(join(storeIn(root).runs, 'run'))
    expect(status).toBe('lost')
    expect(journal?.problems).toEqual([])
    const { count = 0, last = -1 } = record.metrics['loss'] ?? {}
    expect(last).toBeGreaterThanOrEqual(acknowledged)
    // No event is missing in between, and none is doubled.
    expect(count).toBe(Number(last) + 1)
  }
})

const hasLimits = spawnSync('prlimit', ['--version']).status === 0

test.runIf(hasLimits)(
  'a full disk is told, and no half of a record is left',
  { timeout: 30_000 },
  async () => {
    const root = folderOf()
    // The limit on the size of a file stands in for a full disk: writes beyond it fail.
    const child = startProgram(
      `process.on('SIGXFSZ', () => {})
     const tracker = new ExperimentTracker({ ...off, experimentId: 'run' })
     await tracker.startExperiment()
     const { execFileSync } = await import('node:child_process')
     execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=20000'])
     try {
       for (let round = 0; round < 100; round++) { tracker.setNotes('x'.repeat(1000)); await tracker.flush() }
     } catch (error) { console.log(error.code) }
     try { tracker.logMetric('loss', 1) } catch (error) { console.log(error.code) }
     try { await tracker.finishExperiment() } catch (error) { console.log(error.code) }`,
      root,
    )
    let printed = ''
    child.stdout.on('data', (chunk: Buffer) => (printed += String(chunk)))
    child.stderr.resume()
    await once(child, 'close')
    expect(printed.trimEnd().split('\n')).toEqual(Array(3).fill('ERR_LINEAPRINT_STORE'))
    const run = await readRun(join(storeIn(root).runs, 'run'))
    expect(run.status).toBe('lost')
    expect(run.record.notes).toBe('x'.repeat(1000))
    expect(run.journal?.problems).toEqual([])
  },
)

test(
  'the socket and the folder of a killed run are removed by a later one',
  { timeout: 60_000 },
  async () => {
    const [root, temporary] = [folderOf(), folderOf()]
    const env = { TMPDIR: temporary }
    const wait = 'console.log(process.pid); setTimeout(() => {}, 60_000)'
    const args = (source: string): string[] => [
      'run',
      '--output-dir',
      root,
      '--',
      process.execPath,
      '-e',
      source,
    ]
    await lineaprint(args(wait), {
      cwd: root,
      env,
      started: (child) =>
        child.stdout?.once('data', (pid: Buffer) => {
          const inFolder = readdirSync(temporary).map((name) => readdirSync(join(temporary, name)).toSorted())
          expect(inFolder).toEqual([['.lineaprint-owner', 'bridge']])
          child.kill('SIGKILL')
          process.kill(Number(String(pid)), 'SIGKILL')
        }),
    })
    expect(readdirSync(temporary)).toHaveLength(1)
    const { code, stderr } = await lineaprint(args('0'), { cwd: root, env })
    expect(code, stderr).toBe(0)
    expect(readdirSync(temporary)).toEqual([])
  },
)
