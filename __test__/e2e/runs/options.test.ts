/** Options of `lineaprint run` that reach the command, or the record of it. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
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

test('the table of a database, and what is stated of a dataset', { timeout: 60_000 }, async () => {
  const root = folderOf({ 'd.csv': 'x\n1\n' })
  const path = join(root, 'shop.db')
  const database = new DatabaseSync(path)
  database.exec(
    `CREATE TABLE a (x INT); INSERT INTO a VALUES (1); CREATE TABLE b (y TEXT); INSERT INTO b VALUES ('two')`,
  )
  database.close()
  const args = ['--dataset', 'db=shop.db', '--table', 'db=b', '--dataset', 'd=d.csv']
  const stated = [
    '--licence',
    'd=MIT',
    '--source',
    'd=a=b',
    '--preprocessing',
    'd=sort',
    '--preprocessing',
    'd=cut',
  ]
  const done = await lineaprint(['run', ...args, ...stated, '--', 'true'], { cwd: root, env: FAST })
  expect([done.code, done.stderr]).toEqual([0, expect.not.stringContaining('warning')])
  const { datasets } = onlyRun(root).record
  expect(datasets).toMatchObject({
    db: { table: { name: 'b', rows: 1, columns: [{ name: 'y', type: 'utf8' }] } },
    d: { stated: { licenses: ['MIT'], sources: ['a=b'], preprocessing: ['sort', 'cut'] } },
  })
  expect(datasets['db']).not.toHaveProperty('stated')
  const shown = await lineaprint(['show', '@latest'], { cwd: root })
  expect(shown.stdout).toContain('stated licence: MIT, stated source: a=b, stated preprocessing: sort')
  // The file has other bytes, and the table that was read has the same rows.
  const again = new DatabaseSync(path)
  again.exec('INSERT INTO a VALUES (2)')
  again.close()
  const verified = await lineaprint(['verify', '@latest', '--data'], { cwd: root })
  expect([verified.code, verified.stdout]).toEqual([1, expect.stringContaining('its table is the same')])
  for (const [given, message] of [
    [['--licence', 'x=MIT'], '--licence names no --dataset (expected d, received x)'],
    [['--table', 'd=a', '--table', 'd=b'], 'the dataset d has two --table'],
  ] as const) {
    const refused = await lineaprint(['run', '--dataset', 'd=d.csv', ...given, '--', 'true'], { cwd: root })
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(message)])
  }
})

test('a database of several tables needs the name of one', { timeout: 60_000 }, async () => {
  const root = folderOf()
  const database = new DatabaseSync(join(root, 'shop.db'))
  database.exec('CREATE TABLE a (x INT); CREATE TABLE b (y TEXT)')
  database.close()
  const done = await lineaprint(['run', '--dataset', 'db=shop.db', '--', 'true'], { cwd: root, env: FAST })
  expect([done.code, done.stderr]).toEqual([
    0,
    expect.stringContaining('expected the name of one of "a", "b"'),
  ])
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
    [
      ['--system-metrics', 'true'],
      /expected seconds from 0.1 to 86400, received "true"\); put -- before the command/,
    ],
    [['--system-metrics', '0'], /expected seconds/],
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
