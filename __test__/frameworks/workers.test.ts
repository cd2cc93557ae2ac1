/** Workers of real libraries: each has its own stream, the streams repeat, and nothing is warned about. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SLOW, inProject, parametersIn, programsIn, project, recordOf, seriesIn } from './support.ts'

test('workers of DataLoader draw distinct numbers, and the same in the next run', SLOW, async () => {
  const root = project('loader')
  const texts: string[] = []
  const seeded: string[] = []
  for (const name of ['first', 'second']) {
    const run = await inProject(root, ['run', '--name', name, '--seed', '42', '--', 'python', 'loader.py'])
    expect(run.code, run.stderr).toBe(0)
    const record = recordOf(root, name)
    expect(record.warnings).toEqual([])
    expect(programsIn(record)[0]).toMatchObject({
      script: 'loader.py',
      ownSeeds: {},
      targets: { torch: 'seeded' },
    })
    // One pass for each way to start processes: the workers have seeds of their own, one after the other.
    const { loaders = [] } = programsIn(record)[0] ?? {}
    expect(loaders).toHaveLength(3)
    for (const { workers, seeds } of loaders) {
      expect(workers).toBe(2)
      expect(BigInt(seeds[1] ?? 0) - BigInt(seeds[0] ?? 0)).toBe(1n)
    }
    seeded.push(JSON.stringify(loaders))
    texts.push(run.stdout)
  }
  const [first = '', second] = texts
  expect(second).toBe(first)
  expect(seeded[1]).toBe(seeded[0])
  const lines = first.trim().split('\n')
  expect(lines).toHaveLength(3)
  for (const line of lines) {
    const { rows } = JSON.parse(line) as { rows: number[][] }
    const drawn = rows.flat()
    expect(drawn).toHaveLength(12)
    expect(new Set(drawn).size).toBe(12)
  }
  const other = await inProject(root, ['run', '--seed', '43', '--', 'python', 'loader.py'])
  expect(other.stdout).not.toBe(first)
})

test('a NumPy generator that all workers of a DataLoader share is a warning', SLOW, async () => {
  const root = project('loader')
  const run = await inProject(root, ['run', '--name', 'shared', '--', 'python', 'shared.py'])
  expect(run.code, run.stderr).toBe(0)
  const drawn = run.stdout.trim().split(' ')
  expect(new Set(drawn).size).toBe(2)
  expect(recordOf(root, 'shared').warnings).toEqual([
    expect.stringContaining('2 forked processes drew the same numbers from numpy default_rng'),
  ])
})

test('joblib: tasks that seed themselves reproduce; tasks that do not are all distinct', SLOW, async () => {
  const root = project('joblib')
  const summary = (folder: string): { distinct: number } =>
    JSON.parse(readFileSync(join(folder, 'out', 'summary.json'), 'utf8')) as { distinct: number }
  const options = ['--seed', '42', '--metrics', 'out/summary.json']
  const command = ['--', 'python', 'bootstrap.py']
  const run = await inProject(root, ['run', '--name', 'index', ...options, '--output', 'out=out', ...command])
  expect(run.code, run.stderr).toBe(0)
  const record = recordOf(root, 'index')
  expect(record.warnings).toEqual([])
  const workers = programsIn(record).filter(({ origin }) => origin === 'derived')
  expect(workers).toHaveLength(2)
  expect(new Set(workers.map(({ seed }) => seed)).size).toBe(2)
  expect(summary(root).distinct).toBe(60)
  // Those of the program, and none of the command lines of its workers.
  expect([seriesIn(record), parametersIn(record)]).toEqual([
    {
      mean: [1, null, ['out/summary.json']],
      spread: [1, null, ['out/summary.json']],
      distinct: [1, null, ['out/summary.json']],
    },
    { seeds: ['index', 'argparse'], seed: [5, 'argparse'], draws: [60, 'argparse'] },
  ])
  const again = await inProject(root, ['reproduce', 'index', '--into', `${root}-again`])
  expect(again.code, again.stdout).toBe(0)
  const automatic = ['run', '--name', 'none', ...options, '--outputs', 'auto', ...command]
  const unseeded = await inProject(root, [...automatic, '--seeds', 'none'])
  expect(unseeded.code, unseeded.stderr).toBe(0)
  expect(Object.keys(recordOf(root, 'none').outputs)).toEqual(['out/means.joblib'])
  expect(summary(root).distinct).toBe(60)
})

test('a forest of scikit-learn is no generator without a seed', SLOW, async () => {
  const root = project('boosting')
  const options = ['--name', 'a', '--seed', '1', '--outputs', 'auto']
  const run = await inProject(root, ['run', ...options, '--', 'python', 'train.py', 'out'])
  expect(run.code, run.stderr).toBe(0)
  const record = recordOf(root, 'a')
  // The text of LightGBM is no model by its extension; it is listed.
  expect(Object.keys(record.outputs)).toEqual(['out/predictions.npy'])
  expect(record.flags).toMatchObject([
    { kind: 'undeclared-ignored', paths: ['out/metrics.json', 'out/model.txt'] },
  ])
  const [program] = programsIn(record)
  expect(Object.entries(program?.targets ?? {}).filter(([, status]) => status === 'unreachable')).toEqual([])
})
