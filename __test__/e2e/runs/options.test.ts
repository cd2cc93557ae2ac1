/** Options of `lineaprint run` that reach the command, or the record of it. */
import { expect, test } from 'vitest'
import { Generator } from '../../../src/capture/seeds/generator.ts'
import { deriveSeed } from '../../../src/capture/seeds/seed.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { withTool } from '../../tracking/system-metrics/with-tool.ts'
import { FAST, onlyRun } from './support.ts'

test('seeds.deterministic of the configuration reaches the command', async () => {
  const root = folderOf({ 'lineaprint.config.json': '{"seeds":{"deterministic":true}}' })
  const program = 'console.log(process.env.CUBLAS_WORKSPACE_CONFIG)'
  const env = { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false', LINEAPRINT_ENABLE_GIT_TRACKING: 'false' }
  const done = await lineaprint(['run', '--seed', '1', '--', process.execPath, '-e', program], {
    cwd: root,
    env,
  })
  expect(done.stdout).toBe(':4096:8\n')
  expect(onlyRun(root).record.status).toBe('finished')
})

test('lineaprint run --replace-math-random, which needs a seed', { timeout: 60_000 }, async () => {
  const root = folderOf()
  const command = ['--', process.execPath, '-p', 'Math.random()']
  const env = { ...FAST, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' }
  const refused = await lineaprint(['run', '--replace-math-random', ...command], { cwd: root, env })
  expect([refused.code, refused.stderr]).toEqual([
    2,
    'lineaprint: --replace-math-random requires --seed; see "lineaprint run --help"\n',
  ])
  const args = ['run', '--seed', '42', '--replace-math-random', ...command]
  const { stdout, code } = await lineaprint(args, { cwd: root, env })
  expect([code, stdout.trim()]).toEqual([0, String(new Generator(deriveSeed(42, [0]), 0).next())])
  const { record } = onlyRun(root)
  expect(record.configuration['seeds']).toEqual({ deterministic: false, replaceMathRandom: true })
  const shown = await lineaprint(['show', '@latest'], { cwd: root })
  expect(shown.stdout).toContain('Math.random replaced in Node programs')
})

test.runIf(process.platform === 'linux')('run --system-metrics measures the command', async () => {
  const root = folderOf()
  const busy = `const from = Date.now(); const kept = Buffer.alloc(150e6, 1); while (Date.now() - from < 1500); console.log(kept.length)`
  const args = ['run', '--system-metrics', '0.1', '--', process.execPath, '-e', busy]
  const env = { ...FAST, ...withTool('echo broken >&2; exit 1') } as Record<string, string>
  const { code, stderr } = await lineaprint(args, { cwd: root, env })
  expect(code).toBe(0)
  expect(stderr.match(/warning: system metrics of graphics processors stopped/g)?.length).toBe(1)
  const { metrics } = onlyRun(root).record
  // The memory of the command alone, which this program has far from.
  expect(metrics['system/process_memory_bytes']?.max).toBeGreaterThan(150_000_000)
  expect(metrics['system/process_count']).toMatchObject({ min: 1, max: 1 })
  expect(Number(metrics['system/process_cpu_percent']?.max)).toBeGreaterThan(5)
  for (const [args2, message] of [
    [['--system-metrics', 'true'], /Expected seconds from 0.1 to 86400; put -- before the command/],
    [['--system-metrics', '0'], /Expected seconds/],
  ] as const) {
    expect(await lineaprint(['run', ...args2, '--', 'true'], { cwd: root })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(message) as string,
    })
  }
})

test.skipIf(process.platform !== 'linux')('a path that can never exist does not hang a run', async () => {
  const { code, stderr } = await lineaprint(['run', '--output-dir', '/proc/x', '--', 'true'])
  expect(code).toBe(3)
  expect(stderr).toContain('/proc/x')
})
