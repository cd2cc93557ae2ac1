/** A run again: what is brought back, what is compared, and that the repository is only read. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { findRun } from '../../../src/database/runs.ts'
import { readRun } from '../../../src/store/runs.ts'
import { storeIn } from '../../../src/store/store.ts'
import { git, temporaryFolder } from '../../capture/fixture.ts'
import { COPY, FAST, again, recorded, repositoryOf, snapshot, verdicts } from './support.ts'

test('a work tree with every kind of change comes back, runs, and the repository is only read', async () => {
  const root = repositoryOf({
    'plain.txt': 'one\ntwo\n',
    'both.txt': 'a\nb\nc\nd\ne\nf\ng\nh\ni\n',
    'with space.txt': 'x',
    'line\nend.txt': 'y\n',
    'run.sh': '#!/bin/sh\n',
    'gone.txt': 'g\n',
    'becomes-link': 'f\n',
    'sub/in.txt': 'data\n',
    'data.bin': 'bytes',
  })
  const file = (name: string): string => join(root, name)
  writeFileSync(file('both.txt'), readFileSync(file('both.txt'), 'utf8').replace('a', 'staged'))
  writeFileSync(file('new staged.txt'), 'new\n')
  git(root, 'add', 'both.txt', 'new staged.txt')
  appendFileSync(file('both.txt'), 'unstaged\n')
  writeFileSync(file('plain.txt'), 'one\n2\r\n')
  writeFileSync(file('with space.txt'), 'xx')
  writeFileSync(file('line\nend.txt'), 'yy\n')
  chmodSync(file('run.sh'), 0o755)
  unlinkSync(file('gone.txt'))
  unlinkSync(file('becomes-link'))
  symlinkSync('nowhere', file('becomes-link'))
  mkdirSync(file('un tracked'))
  writeFileSync(file('un tracked/a\nb.bin'), Buffer.from([0, 1, 255]))
  writeFileSync(file('un tracked/tool'), '#!/bin/sh\n')
  chmodSync(file('un tracked/tool'), 0o755)
  symlinkSync('/etc/passwd', file('un tracked/link'))
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0x61])]), 'not UTF-8')
  const start = (folder: string): string[] =>
    snapshot(folder, (name) => ['.git', '.lineaprint', 'out.txt'].includes(name), false)
  const before = start(root)

  const run = await recorded(root, COPY, ['--output', 'o=out.txt'], {}, file('sub'))
  const whole = snapshot(root)
  const answer = await again(run)
  expect(snapshot(root)).toEqual(whole)
  expect(verdicts(answer)).toEqual([
    'code git same',
    'environment environment not-compared',
    'seeds seeds not-compared',
    'command end same',
    'outputs o same',
  ])
  expect(answer).toMatchObject({ id: run.id, reproduced: true, run: { exitCode: 0, status: 'finished' } })
  expect(start(answer.directory)).toEqual(before)
  expect(readFileSync(join(answer.directory, 'sub/out.txt'), 'utf8')).toBe('data\n')
  expect(git(answer.directory, 'ls-files', '--stage', '-z')).toBe(git(root, 'ls-files', '--stage', '-z'))

  const made = await readRun(answer.run?.folder ?? '')
  expect(made.folder.startsWith(join(answer.directory, '.lineaprint'))).toBe(true)
  expect(made.record).toMatchObject({
    parent: run.id,
    name: run.record.name,
    command: {
      argv: run.record.command.argv,
      workingDirectory: join(answer.directory, 'sub'),
      wrapped: true,
    },
    outputs: { o: { status: 'tracked', path: join(answer.directory, 'sub/out.txt') } },
  })
})

test('seeds, absolute paths and inputs that git ignores', async () => {
  const root = repositoryOf({ '.gitignore': 'data/\nout/\n', 'in.txt': 'tracked\n' })
  mkdirSync(join(root, 'data'))
  mkdirSync(join(root, 'out'))
  writeFileSync(join(root, 'data/train.csv'), 'a,b\n')
  const outside = join(temporaryFolder('outside'), 'more.csv')
  writeFileSync(outside, 'c\n')
  const source = `
    const fs = require('fs')
    const read = (path) => fs.readFileSync(path, 'utf8')
    const { LINEAPRINT_SEED, PYTHONHASHSEED, CUBLAS_WORKSPACE_CONFIG } = process.env
    fs.writeFileSync('${root}/out/o.txt', [read('${root}/data/train.csv'), read('${outside}'),
      LINEAPRINT_SEED, PYTHONHASHSEED, CUBLAS_WORKSPACE_CONFIG].join())`
  const options = ['--seed', '7', '--dataset', 't=data/train.csv', '--dataset', `m=${outside}`]
  const run = await recorded(root, source, [...options, '--output', 'o=out/o.txt'], {
    CUBLAS_WORKSPACE_CONFIG: ':4096:8',
  })
  // What is tracked has changed since, and so has the environment: the recorded one counts.
  writeFileSync(join(root, 'in.txt'), 'changed later')
  vi.stubEnv('LINEAPRINT_SEED', '8')
  onTestFinished(() => void vi.unstubAllEnvs())
  const before = snapshot(root)
  const answer = await again(run)
  expect(snapshot(root)).toEqual(before)
  expect(verdicts(answer)).toContain('datasets t same')
  expect(verdicts(answer)).toContain('outputs o same')
  expect(readFileSync(join(answer.directory, 'out/o.txt'), 'utf8')).toBe('a,b\n,c\n,7,7,:4096:8')
  expect((await readRun(answer.run?.folder ?? '')).record).toMatchObject({
    captures: { seeds: { value: { seed: 7 } } },
    datasets: {
      t: { path: join(answer.directory, 'data/train.csv') },
      m: { path: outside },
    },
  })
})

test('an input that changed or is gone stops before the command, and leaves no folder', async () => {
  const root = repositoryOf({ '.gitignore': '*.csv\nout.txt\n', 'in.txt': 'x' })
  writeFileSync(join(root, 'a.csv'), '1')
  writeFileSync(join(root, 'b.csv'), '1')
  const run = await recorded(root, COPY, [
    '--dataset',
    'a=a.csv',
    '--dataset',
    'b=b.csv',
    '--output',
    'o=out.txt',
  ])
  writeFileSync(join(root, 'a.csv'), '2')
  const into = join(temporaryFolder(), 'tree')
  await expect(again(run, { into })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_CHANGED',
    field: 'datasets.a',
    message: expect.stringMatching(/the dataset "a" differs from the record/) as string,
  })
  expect(existsSync(into)).toBe(false)
  rmSync(join(root, 'b.csv'))
  const answer = await again(run, { run: false })
  expect(answer.reproduced).toBeNull()
  expect(verdicts(answer)).toEqual([
    'code git same',
    'environment environment not-compared',
    'datasets a different',
    'datasets b missing',
    'seeds seeds not-compared',
  ])
  writeFileSync(join(root, 'a.csv'), '1')
  await expect(again(run)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND', field: 'datasets.b' })
})

test('an input that git keeps is the recorded one, whatever became of it since', async () => {
  const root = repositoryOf({ 'in.txt': 'x', '.gitignore': 'out.txt' })
  const run = await recorded(root, COPY, ['--dataset', 'd=in.txt', '--output', 'o=out.txt'])
  writeFileSync(join(root, 'in.txt'), 'y')
  git(root, 'commit', '-q', '-a', '--amend', '-m', 'other')
  expect(await again(run)).toMatchObject({ reproduced: true })
})

test('metrics of a tracker inside the command', async () => {
  const tracker = JSON.stringify(resolve('src/tracking/tracker.ts'))
  const root = repositoryOf({ 'in.txt': 'x' })
  const source = `import(${tracker}).then(({ ExperimentTracker }) => {
    const tracker = new ExperimentTracker({ experimentName: 'inner', enableGitTracking: false })
    return tracker.run(() => tracker.logMetrics({ loss: 0.5, noise: Number(process.env.NOISE) }))
  })`
  const env = { NOISE: '1', NODE_OPTIONS: '--disable-warning=ExperimentalWarning', ...FAST }
  await recorded(root, source, ['--name', 'outer'], env)
  const outer = await findRun(storeIn(root), 'outer')
  for (const [name, value] of Object.entries({ ...env, NOISE: '1.25' })) vi.stubEnv(name, value)
  onTestFinished(() => void vi.unstubAllEnvs())
  const strict = await again(outer)
  expect(verdicts(strict).slice(-2)).toEqual(['metrics loss same', 'metrics noise different'])
  expect(strict.reproduced).toBe(false)
  const loose = await again(outer, { tolerance: 0.25 })
  expect(verdicts(loose).at(-1)).toBe('metrics noise within-tolerance')
  expect(loose.reproduced).toBe(true)
  expect(loose.items.at(-1)).toMatchObject({ maxDifference: 0.25, detail: '1 → 1.25' })
})

test('outputs that differ, are not made, or lie in a folder; another exit code', async () => {
  const root = repositoryOf({ 'in.txt': 'x' })
  const source = `const fs = require('fs'); fs.mkdirSync('out', { recursive: true })
    fs.writeFileSync('out/a', 'a'); fs.writeFileSync('out/b', process.env.NOISE)
    if (process.env.NOISE === '1') fs.writeFileSync('once', ''); else process.exitCode = 4`
  const run = await recorded(root, source, ['--output', 'f=out', '--output', 'n=once'], { NOISE: '1' })
  vi.stubEnv('NOISE', '2')
  onTestFinished(() => void vi.unstubAllEnvs())
  const answer = await again(run)
  expect(verdicts(answer).slice(-3)).toEqual([
    'command end different',
    'outputs f different',
    'outputs n missing',
  ])
  expect(answer.items.at(-2)).toMatchObject({
    detail: 'b: the bytes differ',
    differences: [{ field: 'b', before: expect.any(String) as string, after: expect.any(String) as string }],
  })
  expect(answer).toMatchObject({ reproduced: false, run: { exitCode: 4, status: 'failed' } })
  rmSync(join(root, 'out'), { recursive: true })
  const gone = (await again(run)).items.at(-2)
  expect(gone).toEqual(answer.items.at(-2))
})

test('a table with other line ends is the same table, also without the original', async () => {
  const root = repositoryOf({ '.gitignore': 'out\n' })
  const source = `const fs = require('fs'); fs.mkdirSync('out', { recursive: true })
    fs.writeFileSync('out/same', ''); fs.writeFileSync('out/t.csv', 'a' + process.env.END + '1')`
  const run = await recorded(root, source, ['--output', 'o=out'], { END: '\n' })
  vi.stubEnv('END', '\r\n')
  onTestFinished(() => void vi.unstubAllEnvs())
  expect((await again(run)).reproduced).toBe(true)
  rmSync(join(root, 'out'), { recursive: true })
  const answer = await again(run)
  expect(verdicts(answer).at(-1)).toBe('outputs o same-table')
  expect(answer.reproduced).toBe(true)
})

test('an input folder that git keeps in part: the ignored files are copied, and no others', async () => {
  const root = repositoryOf({
    '.gitignore': 'data/**/*.bin\nstore\nout.txt\n',
    'data/README': 'r',
    'data/deep/keep': 'k',
  })
  for (const [name, content] of [
    ['data/train.bin', '1'],
    ['data/deep/er/valid.bin', '2'],
    ['store/test.bin', '3'],
  ] as const) {
    mkdirSync(join(root, name, '..'), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  symlinkSync('../store', join(root, 'data/linked'))
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', 'link')
  const source = `const fs = require('fs')
    fs.writeFileSync('out.txt', ['train.bin', 'deep/er/valid.bin', 'linked/test.bin']
      .map((name) => fs.readFileSync('data/' + name, 'utf8')).join(''))`
  const run = await recorded(root, source, ['--dataset', 'd=data', '--output', 'o=out.txt'])
  // A file that came after the run is no part of the recorded input.
  writeFileSync(join(root, 'data/later.bin'), '4')
  const before = snapshot(root)
  const answer = await again(run)
  expect(snapshot(root)).toEqual(before)
  expect(verdicts(answer)).toContain('datasets d same')
  expect(answer.reproduced).toBe(true)
  expect(readFileSync(join(answer.directory, 'out.txt'), 'utf8')).toBe('123')
  expect(existsSync(join(answer.directory, 'data/later.bin'))).toBe(false)
  expect(lstatSync(join(answer.directory, 'data/linked')).isSymbolicLink()).toBe(true)
  writeFileSync(join(root, 'data/deep/er/valid.bin'), 'other')
  await expect(again(run)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_CHANGED',
    message: expect.stringContaining('1 of 5 files differ: deep/er/valid.bin') as string,
  })
})

test('nothing to compare is not reproduced', async () => {
  const run = await recorded(repositoryOf({ a: '' }), '')
  const answer = await again(run)
  expect(answer.reproduced).toBe(false)
  expect(answer.items.at(-1)).toMatchObject({
    verdict: 'not-compared',
    detail: expect.stringContaining('cannot count as reproduced') as string,
  })
})

test('tensors are compared by their recorded digests where the original is gone', async () => {
  const root = repositoryOf({ '.gitignore': '*.safetensors\n' })
  const order = (names: string, values: string): string => `
    const fs = require('fs')
    const [names, values] = [${names}, ${values}]
    const data = names.map((name) => Buffer.from(Float32Array.from(values[name]).buffer))
    const header = Buffer.from(JSON.stringify(Object.fromEntries(names.map((name, index) =>
      [name, { dtype: 'F32', shape: [2], data_offsets: [index * 8, index * 8 + 8] }]))))
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(header.length))
    fs.writeFileSync('m.safetensors', Buffer.concat([length, header, ...data]))`
  const source = order(
    "process.env.NOISE === '1' ? ['a', 'b'] : ['b', 'a']",
    "{ a: [1, 2], b: process.env.NOISE === '3' ? [3, 4.25] : [3, 4] }",
  )
  const run = await recorded(root, source, ['--output', 'm=m.safetensors'], { NOISE: '1' })
  expect(run.record.outputs['m']).toMatchObject({ tensorsFile: 'outputs/m.tensors.json' })
  onTestFinished(() => void vi.unstubAllEnvs())
  rmSync(join(root, 'm.safetensors'))
  vi.stubEnv('NOISE', '2')
  const same = await again(run)
  expect(same.items.at(-1)).toMatchObject({
    verdict: 'same-tensors',
    detail: expect.stringMatching(
      /every tensor is the same by its recorded digest; the original cannot be read/,
    ) as string,
  })
  expect(same.reproduced).toBe(true)
  vi.stubEnv('NOISE', '3')
  const other = await again(run, { tolerance: 1 })
  expect(other.items.at(-1)).toMatchObject({
    verdict: 'different',
    detail: expect.stringMatching(
      /^1 of 2 tensors differ: b; the original cannot be read.*the tolerance cannot be applied$/,
    ) as string,
    differences: [{ field: 'b' }],
  })
  expect(other.reproduced).toBe(false)
})
