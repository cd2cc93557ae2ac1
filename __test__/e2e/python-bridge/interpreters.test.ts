/** The recorded environment is that of the Python that ran, whatever started it. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { environmentOf } from '../../../src/capture/records.ts'
import { diffRuns } from '../../../src/diff/runs.ts'
import { readRun } from '../../../src/store/runs.ts'
import { verifyRun } from '../../../src/verify/verify.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { latestRun } from './support.ts'
import type { EnvironmentCapture } from '../../../src/capture/environment/types.ts'
import type { RunRecord } from '../../../src/record/record.ts'

const SLOW = { timeout: 240_000 }
const NO_GIT = { LINEAPRINT_ENABLE_GIT_TRACKING: 'false', VIRTUAL_ENV: '' }

/** Installs a package of one version, and removes it in others. */
function install(folder: string, name: string, version: string): void {
  const site = execFileSync(
    join(folder, 'bin/python'),
    ['-c', 'import site; print(site.getsitepackages()[0])'],
    { encoding: 'utf8' },
  ).trim()
  for (const other of ['1.0', '2.0'])
    rmSync(join(site, `${name}-${other}.dist-info`), { recursive: true, force: true })
  mkdirSync(join(site, `${name}-${version}.dist-info`))
  writeFileSync(
    join(site, `${name}-${version}.dist-info`, 'METADATA'),
    `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
  )
}

function virtualEnvironment(root: string, name = '.venv'): string {
  const folder = join(root, name)
  execFileSync('python3', ['-m', 'venv', '--without-pip', folder])
  return folder
}

/** A project with an environment that is not active. */
function project(): string {
  const root = folderOf({
    't.py': 'import sys, time; time.sleep(.1); print(sys.prefix)',
    // Its process is sampled, on a machine that may be busy.
    'slow.py': 'import sys, time; time.sleep(4); print(sys.prefix)',
    Makefile: 'all:\n\t@.venv/bin/python t.py\n',
    'job.py': 'import subprocess, sys; sys.exit(subprocess.call([".venv/bin/python", "t.py"]))',
  })
  const script = (name: string, text: string): void => writeFileSync(join(root, name), text, { mode: 0o755 })
  script('train.sh', '#!/bin/sh\n. .venv/bin/activate\npython t.py\n')
  script('srun', '#!/bin/sh\n"$@"\n')
  script('shebang', `#!${join(root, '.venv/bin/python')}\nimport sys; print(sys.prefix)\n`)
  install(virtualEnvironment(root), 'six', '1.0')
  return root
}

function environment(record: RunRecord): EnvironmentCapture {
  const found = environmentOf(record)
  if (found === undefined) throw new Error('the environment was not captured')
  return found
}

test.each([
  ['a script that activates it', ['./train.sh']],
  ['a launcher', ['./srun', '.venv/bin/python', 't.py']],
  ['env', ['env', 'A=1', '.venv/bin/python', 't.py']],
  ['nice and taskset', ['nice', '-n', '1', 'taskset', '-c', '0', '.venv/bin/python', 't.py']],
  ['sh -c', ['sh', '-c', 'cd . && exec .venv/bin/python t.py']],
  ['bash with time', ['bash', '-c', 'time .venv/bin/python t.py']],
  ['make', ['make']],
  ['a shebang', ['./shebang']],
  ['a program that ignores PYTHONPATH', ['sh', '-c', '.venv/bin/python -I slow.py']],
] as const)('through %s, the Python that ran is recorded', SLOW, async (name, command) => {
  const root = project()
  const outcome = await lineaprint(['run', '--name', 'r', '--', ...command], { cwd: root, env: NO_GIT })
  expect(outcome.stdout.trim()).toBe(join(root, '.venv'))
  const { folder, record } = latestRun(root)
  const { python, otherPythons } = environment(record)
  expect(python).toMatchObject({
    status: 'present',
    prefix: join(root, '.venv'),
    packages: { six: ['1.0'] },
    foundBy: name.includes('PYTHONPATH') ? 'proc' : 'bridge',
  })
  expect(otherPythons).toMatchObject({ status: 'absent', exists: false })
  // What is installed there now is read, without starting it.
  install(join(root, '.venv'), 'six', '2.0')
  const { items } = await verifyRun(await readRun(folder), { directory: root })
  const [first, second] = items.filter(({ section }) => section === 'environment')
  expect(first).toMatchObject({ name: 'interpreter', status: 'not-checked' })
  expect(second?.differences.map(({ field, after }) => [field, after])).toEqual([
    ['python.packages.six', '2.0'],
  ])
})

test('a program of another Python is not the one of the launcher, and both are recorded', SLOW, async () => {
  const root = project()
  await lineaprint(['run', '--', 'python3', 'job.py'], { cwd: root, env: NO_GIT })
  const before = latestRun(root)
  const { python, otherPythons } = environment(before.record)
  // The program that started first is that of the run, as none reported results.
  expect(python).toMatchObject({ status: 'present', foundBy: 'bridge' })
  expect(otherPythons).toMatchObject({
    status: 'present',
    pythons: [{ prefix: join(root, '.venv'), packages: { six: ['1.0'] }, foundBy: 'bridge' }],
  })
  const verified = await verifyRun(await readRun(before.folder), { directory: root })
  expect(
    verified.items
      .filter(({ section }) => section === 'environment')
      .flatMap(({ differences }) => differences),
  ).toEqual([])
  install(join(root, '.venv'), 'six', '2.0')
  await lineaprint(['run', '--', 'python3', 'job.py'], { cwd: root, env: NO_GIT })
  const { differences } = await diffRuns(await readRun(before.folder), await readRun(latestRun(root).folder))
  expect(differences.map(({ field }) => field)).toEqual(['environment.otherPythons.1.packages.six'])
  const again = await verifyRun(await readRun(before.folder), { directory: root })
  const changed = again.items.flatMap((item) => item.differences.map(({ field }) => field))
  expect(changed).toEqual(['otherPythons.1.packages.six'])
  renameSync(join(root, '.venv'), join(root, 'away'))
  const gone = await verifyRun(await readRun(before.folder), { directory: root, level: 'strict' })
  expect(gone.same).toBe(false)
  expect(gone.items.map(({ name }) => name)).toContain('otherPythons.1.packages')
})

test.runIf(process.platform === 'linux')(
  'a Python that does not connect is recorded beside one of the same binary that started it, and its forks are not',
  SLOW,
  async () => {
    const root = project()
    const line =
      'import os, subprocess, time\nif os.fork() == 0: time.sleep(4); os._exit(0)\nsubprocess.run([".venv/bin/python", "-I", "slow.py"]); os.wait()'
    const outcome = await lineaprint(['run', '--seed', '1', '--', 'python3', '-c', line], {
      cwd: root,
      env: NO_GIT,
    })
    expect(outcome.stderr).toContain(', 1 program seeded, 1 Python process did not connect;')
    expect(environment(latestRun(root).record).otherPythons).toMatchObject({
      status: 'present',
      pythons: [{ executable: join(root, '.venv/bin/python'), packages: { six: ['1.0'] }, foundBy: 'proc' }],
    })
  },
)

test('a program that reports results decides which Python is that of the run', SLOW, async () => {
  const root = project()
  writeFileSync(join(root, 't.py'), 'import lineaprint; lineaprint.log_metric("loss", 1)')
  await lineaprint(['run', '--', 'python3', 'job.py'], { cwd: root, env: NO_GIT })
  const { python, otherPythons } = environment(latestRun(root).record)
  expect(python).toMatchObject({ status: 'present', prefix: join(root, '.venv') })
  expect(otherPythons).toMatchObject({ status: 'present', pythons: [{ foundBy: 'bridge' }] })
})

test(
  'a command without Python keeps the one that a program would use, as one that was searched for',
  SLOW,
  async () => {
    const root = project()
    await lineaprint(['run', '--', 'true'], { cwd: root, env: NO_GIT })
    expect(environment(latestRun(root).record).python).toMatchObject({ status: 'present', foundBy: 'search' })
  },
)

test('the conda environment is that of the Python that ran, and not that of the shell', SLOW, async () => {
  const root = project()
  const shell = folderOf({ 'conda-meta/other.json': JSON.stringify({ name: 'other', version: '1' }) })
  mkdirSync(join(root, '.venv/conda-meta'))
  writeFileSync(join(root, '.venv/conda-meta/six.json'), JSON.stringify({ name: 'six', version: '1.0' }))
  await lineaprint(['run', '--', './train.sh'], { cwd: root, env: { ...NO_GIT, CONDA_PREFIX: shell } })
  expect(environment(latestRun(root).record).conda).toMatchObject({
    status: 'present',
    prefix: join(root, '.venv'),
    packages: { six: { version: '1.0' } },
  })
})

test('packages that only the path of the program has are listed', SLOW, async () => {
  const root = project()
  mkdirSync(join(root, 'more/extra-3.dist-info'), { recursive: true })
  writeFileSync(join(root, 'more/extra-3.dist-info/METADATA'), 'Name: extra\nVersion: 3\n')
  const command = 'PYTHONPATH=$PWD/more:$PYTHONPATH .venv/bin/python t.py'
  await lineaprint(['run', '--', 'sh', '-c', command], { cwd: root, env: NO_GIT })
  expect(environment(latestRun(root).record).python).toMatchObject({
    packages: { six: ['1.0'], extra: ['3'] },
  })
})

test('reproduce compares the environments of the Pythons that ran', SLOW, async () => {
  const python = join(virtualEnvironment(folderOf()), 'bin/python')
  install(join(python, '../..'), 'six', '1.0')
  const root = folderOf({
    't.py': 'import lineaprint; lineaprint.log_metric("loss", 1)',
    '.gitignore': '.lineaprint\n',
  })
  writeFileSync(join(root, 'train.sh'), `#!/bin/sh\n${python} t.py\n`, { mode: 0o755 })
  const author = ['-c', 'user.name=a', '-c', 'user.email=a@example.org']
  execFileSync('git', ['init', '-q'], { cwd: root })
  execFileSync('git', ['add', '.'], { cwd: root })
  execFileSync('git', [...author, 'commit', '-q', '-m', 'a'], { cwd: root })
  await lineaprint(['run', '--name', 'r', '--', './train.sh'], { cwd: root })
  const again = async (): Promise<unknown> => {
    const into = join(folderOf(), 'again')
    const { stdout } = await lineaprint(['reproduce', 'r', '--into', into, '--json'], { cwd: root })
    const { items } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as {
      items: { name: string; verdict: string; differences: { field: string }[] }[]
    }
    const { verdict, differences } = items.find(({ name }) => name === 'environment') ?? {}
    return [verdict, differences?.map(({ field }) => field)]
  }
  expect(await again()).toEqual(['same', []])
  install(join(python, '../..'), 'six', '2.0')
  expect(await again()).toEqual(['different', ['python.packages.six']])
})
