import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { finished, runProgram } from '../../tracking/support.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import type { RunRecord } from '../../../src/record/record.ts'
import type { Outcome } from '../../support/program.ts'

function inFolder(cwd: string, ...args: string[]): Promise<Outcome> {
  return lineaprint(args, { cwd })
}

test.each(['run', 'list', 'show', 'verify', 'capture'])('%s --help has an example', async (name) => {
  const { code, stdout } = await inFolder(folderOf(), name, '--help')
  expect(code).toBe(0)
  expect(stdout).toMatch(new RegExp(`Examples?:\n  lineaprint ${name}`))
})

test('an empty folder', async () => {
  const root = folderOf()
  expect(await inFolder(root, 'list')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringMatching(/no runs in .*lineaprint run -- COMMAND/) as string,
  })
  expect(await inFolder(root, 'list', '--json')).toMatchObject({
    code: 0,
    stdout: '{\n  "runs": [],\n  "damaged": []\n}\n',
    stderr: '',
  })
  for (const name of ['show', 'verify']) {
    expect(await inFolder(root, name, '@latest')).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(/the store has no runs/) as string,
    })
    expect(await inFolder(root, name)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/missing required argument 'run'/) as string,
    })
  }
})

test('list: one line per run, oldest first, the damaged named on stderr', async () => {
  const root = folderOf()
  await finished(root, { experimentId: 'one', experimentName: 'a\tb\n\u001b[31m', tags: ['x', 'y'] })
  await finished(root, { experimentId: 'two' })
  await runProgram(
    `const tracker = new ExperimentTracker({ ...off, experimentId: 'three' }); await tracker.startExperiment(); process.exit()`,
    root,
  )
  const good = await inFolder(root, 'list')
  expect(good.code).toBe(0)
  const lines = good.stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'))
  expect(lines.map(([id, name, , status]) => [id, name, status])).toEqual([
    ['one', 'a\\tb\\n\\x1b[31m', 'finished'],
    ['two', 'experiment', 'finished'],
    ['three', 'experiment', 'lost'],
  ])
  expect(lines[0]?.[6]).toBe('x, y')
  expect((await inFolder(root, 'list', '--limit', '1')).stdout).toMatch(/^three\t[^\n]*\n$/)
  mkdirSync(join(root, '.lineaprint/runs/broken'))
  writeFileSync(join(root, '.lineaprint/runs/broken/run.json'), '{')
  const damaged = await inFolder(root, 'list')
  expect(damaged.code).toBe(3)
  expect(damaged.stdout).toBe(good.stdout)
  expect(damaged.stderr).toMatch(/broken\/run\.json: the record is damaged/)
  const json = JSON.parse((await inFolder(root, 'list', '--json')).stdout) as {
    runs: object[]
    damaged: object[]
  }
  expect(json.runs.length).toBe(3)
  expect(json.damaged).toMatchObject([{ id: 'broken', code: 'ERR_LINEAPRINT_RECORD' }])
})

test('show: steers no terminal, and gives the record as JSON', async () => {
  const root = folderOf({ data: 'x', model: safetensors({ w: floats([1]) }) })
  const run = await finished(
    root,
    {
      experimentName: 'evil\u001b[2J',
      notes: 'long '.repeat(100) + 'w'.repeat(200),
      tags: ['t'],
      metadata: { k: '\u0007' },
    },
    async (tracker) => {
      await tracker.trackDataset('data', 'n'.repeat(90))
      await tracker.trackDataset('missing', 'gone').catch(() => undefined)
      await tracker.trackModel('model', 'net')
      tracker.logMetric('loss', NaN, { step: 3 })
      tracker.fail(new Error('in the end'))
    },
  )
  const { code, stdout, stderr } = await inFolder(root, 'show', run.id)
  expect(code).toBe(0)
  expect(stderr).toBe('')
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
  for (const part of [
    'failed',
    'in the end',
    'Datasets',
    'failed: ',
    'Models',
    '1 tensor',
    'last NaN at step 3',
    '1 of them NaN',
    'holds',
  ]) {
    expect(stdout).toContain(part)
  }
  const record = JSON.parse((await inFolder(root, 'show', run.id.slice(0, -1), '--json')).stdout) as RunRecord
  expect(record).toEqual(run.record)
})

test('show: tables, splits and records of datasets, and the base of an adapter', async () => {
  const root = folderOf({
    'table/1.csv': 'a,b\n1,2\n',
    'splits/train.csv': 'a\n1\n2\n2\n',
    'splits/test.csv': 'a\n2\n3\n',
    'lines.jsonl': '{}\n{}\n{}\n',
    'lora/adapter_config.json': '{"peft_type":"LORA","base_model_name_or_path":"nowhere/at-all"}',
  })
  writeFileSync(join(root, 'lora', 'adapter_model.safetensors'), safetensors({ w: floats([1]) }))
  const run = await finished(root, { datasets: { leaks: true } }, async (tracker) => {
    for (const name of ['table', 'splits', 'lines.jsonl']) await tracker.trackDataset(join(root, name), name)
    await tracker.trackModel(join(root, 'lora'), 'lora')
  })
  const { stdout } = await inFolder(root, 'show', run.id)
  for (const part of [
    /table\.v1\.blake3:[0-9a-f]{64}, 1 row of 2 columns/,
    /split train: table\.v1\.blake3:[0-9a-f]{64}, 3 rows of 1 column/,
    /1 row several times in train/,
    /1 row of test in train, 2 of train in test/,
    /sequence\.v1\.blake3:[0-9a-f]{64}, 3 records/,
    /base not checked: its base was not given/,
  ]) {
    expect(stdout).toMatch(part)
  }
})

test('show: a typo, an ambiguous prefix', async () => {
  const root = folderOf()
  await finished(root, { experimentId: 'run-a' })
  await finished(root, { experimentId: 'run-b' })
  expect(await inFolder(root, 'show', 'rnu')).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/no such run: "rnu"; /) as string,
  })
  expect(await inFolder(root, 'show', 'run')).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/2 runs begin with "run"; .* run-a, run-b/) as string,
  })
})

test('show: a run that was never finished', async () => {
  const root = folderOf()
  await runProgram(
    `const tracker = new ExperimentTracker({ ...off }); await tracker.startExperiment(); tracker.logMetric('loss', 0.5); process.exit()`,
    root,
  )
  const { stdout } = await inFolder(root, 'show', '@latest')
  expect(stdout).toMatch(/lost/)
  expect(stdout).toMatch(/the process ended without finishing the run/)
  expect(stdout).toMatch(/loss +last 0\.5/)
})

test('verify: one line each, exit code 1 for a difference', async () => {
  const root = folderOf({ data: 'x', model: safetensors({ w: floats([1, 2]), b: floats([3]) }) })
  await finished(root, {}, async (tracker) => {
    await tracker.trackDataset('data', 'd')
    await tracker.trackModel('model', 'net')
  })
  const same = await inFolder(root, 'verify', '@latest')
  expect(same).toMatchObject({ code: 0, stderr: '' })
  expect(same.stdout).toContain('same\tdatasets\td\t\n')
  writeFileSync(join(root, 'model'), safetensors({ w: floats([1, 9]), b: floats([3]) }))
  writeFileSync(join(root, 'data'), 'y')
  const changed = await inFolder(root, 'verify', '@latest')
  expect(changed.code).toBe(1)
  expect(changed.stdout).toContain('changed\tmodels\tnet\t1 of 2 tensors differ: w\n')
  expect(changed.stdout).toMatch(/changed\tdatasets\td\tthe content of .* differs/)
  const details = await inFolder(root, 'verify', '@latest', '--details')
  expect(details.stdout).toMatch(/\tmodels\tnet\tw: F32 \[2\] blake3:\S+ → F32 \[2\] blake3:/)
  const json = await inFolder(root, 'verify', '@latest', '--json')
  expect(json.code).toBe(1)
  expect(JSON.parse(json.stdout)).toMatchObject({
    same: false,
    items: expect.arrayContaining([
      expect.objectContaining({ section: 'models', status: 'changed' }),
    ]) as object[],
  })
})

test('capture: each one alone, in an empty folder', async () => {
  const root = folderOf()
  const git = await inFolder(root, 'capture', 'git')
  expect(git.code).toBe(0)
  expect(git.stdout).toMatch(/^digest\tgit\.v1\.blake3:[0-9a-f]{64}\navailable\tfalse\n/)
  const seeds = await inFolder(root, 'capture', 'seeds', '--json', '--algorithm', 'sha256')
  expect(JSON.parse(seeds.stdout)).toMatchObject({
    digest: expect.stringMatching(/^seeds\.v1\.sha256:/) as string,
  })
  expect(await inFolder(root, 'capture', 'gti')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /the argument what has an invalid value \(expected env, git, seeds/,
    ) as string,
  })
})

test('list: filters by status, name, tag and time', async () => {
  const root = folderOf()
  await finished(root, { experimentId: 'one', experimentName: 'x', tags: ['t'] })
  await finished(root, { experimentId: 'two', experimentName: 'y', tags: ['t', 'u'] })
  await finished(root, { experimentId: 'three', experimentName: 'x' }, (tracker) => tracker.fail('no'))
  const chosen = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await inFolder(root, 'list', ...args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return stdout
      .split('\n')
      .map((line) => line.split('\t')[0])
      .join(' ')
      .trim()
  }
  expect(await chosen('--status', 'finished')).toBe('one two')
  expect(await chosen('--status', 'lost', '--status', 'failed')).toBe('three')
  expect(await chosen('--name', 'x', '-n', '1')).toBe('three')
  expect(await chosen('--tag', 't', '--tag', 'u', '--since', '1h')).toBe('two')
  expect(await inFolder(root, 'list', '--since', '2999-01-01')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringMatching(/no run matches in .* \(of 3 runs\)/) as string,
  })
  for (const [args, message] of [
    [['--status', 'finnished'], /; did you mean finished\?/],
    [['--status', 'x'], /expected one of running, finished, failed, killed, lost/],
    [['--since', 'yesterday'], /expected a date such as 2025-01-31/],
    [['--since', '2025-13-77'], /expected a date/],
  ] as const) {
    expect(await inFolder(root, 'list', ...args)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(message) as string,
    })
  }
})
