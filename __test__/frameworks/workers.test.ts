/** Workers of real libraries: each has its own stream, the streams repeat, and nothing is warned about. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SLOW, inProject, programsIn, project, recordOf } from './support.ts'

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
  const args = ['--seed', '42', '--output', 'out=out', '--', 'python', 'bootstrap.py']
  const run = await inProject(root, ['run', '--name', 'index', ...args])
  expect(run.code, run.stderr).toBe(0)
  const record = recordOf(root, 'index')
  expect(record.warnings).toEqual([])
  const workers = programsIn(record).filter(({ origin }) => origin === 'derived')
  expect(workers).toHaveLength(2)
  expect(new Set(workers.map(({ seed }) => seed)).size).toBe(2)
  expect(summary(root).distinct).toBe(60)
  const again = await inProject(root, ['reproduce', 'index', '--into', `${root}-again`])
  expect(again.code, again.stdout).toBe(0)
  const unseeded = await inProject(root, ['run', ...args, '--seeds', 'none'])
  expect(unseeded.code, unseeded.stderr).toBe(0)
  expect(summary(root).distinct).toBe(60)
})

test('a forest of scikit-learn is no generator without a seed', SLOW, async () => {
  const root = project('boosting')
  const run = await inProject(root, ['run', '--name', 'a', '--seed', '1', '--', 'python', 'train.py', 'out'])
  expect(run.code, run.stderr).toBe(0)
  const [program] = programsIn(recordOf(root, 'a'))
  expect(Object.entries(program?.targets ?? {}).filter(([, status]) => status === 'unreachable')).toEqual([])
})
