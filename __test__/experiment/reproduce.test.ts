/** A run again: what is brought back, what is refused, and that the repository is only read. */
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { reproduceRun } from '../../src/experiment/reproduce/index.ts'
import { TreeMap } from '../../src/experiment/reproduce/paths.ts'
import { findRun, readRun } from '../../src/store/runs.ts'
import { formatRecord, sealRecord } from '../../src/store/seal.ts'
import { storeIn } from '../../src/store/store.ts'
import { emptyRepository, git, temporaryFolder } from '../capture/fixture.ts'
import { lineaprint } from '../support/program.ts'
import { finished } from './support.ts'
import type { ReproduceOptions, Reproduction } from '../../src/experiment/reproduce/index.ts'
import type { JsonObject } from '../../src/json/value.ts'
import type { StoredRun } from '../../src/store/runs.ts'

/** The environment is looked at by the tests of the command. */
const FAST = { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false' }

const COPY = 'require("fs").copyFileSync("in.txt", "out.txt")'

/** A repository with these files in its only commit. */
function repositoryOf(files: Readonly<Record<string, string>>): string {
  const root = emptyRepository()
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', 'base')
  return root
}

/** A run of a program of Node, made by the command. */
async function recorded(
  root: string,
  source: string,
  options: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  cwd = root,
): Promise<StoredRun> {
  const args = ['run', '--output-dir', root, ...options, '--', process.execPath, '-e', source]
  const { code, stderr } = await lineaprint(args, { cwd, env: { ...FAST, ...env } })
  expect(code, stderr).toBe(0)
  return findRun(storeIn(root), '@latest')
}

/** Reproduces it into a folder that goes when the test ends. */
async function again(run: StoredRun, options: ReproduceOptions = {}): Promise<Reproduction> {
  const into = join(temporaryFolder('into'), 'tree')
  const log = join(into, '..', 'log')
  const descriptor = openSync(log, 'a')
  onTestFinished(() => closeSync(descriptor))
  return reproduceRun(run, { into, targets: [descriptor, descriptor], ...options })
}

function verdicts({ items }: Reproduction): string[] {
  return items.map(({ section, name, verdict }) => `${section} ${name} ${verdict}`)
}

/**
 * Everything below a folder, with times: nothing may be written, not even the same again. Git itself renews the times
 * of objects that it finds when it would write them, so theirs are left out; and so is the index of a store, which is
 * made again by whoever reads it.
 */
function snapshot(root: string, except: (name: string) => boolean = () => false, times = true): string[] {
  const lines: string[] = []
  // Names need not be UTF-8.
  const walk = (folder: Buffer): void => {
    for (const name of readdirSync(folder, { encoding: 'buffer' }).toSorted((a, b) => a.compare(b))) {
      if (except(name.toString()) || /^index-v\d+-.*\.sqlite/.test(name.toString())) continue
      const path = Buffer.concat([folder, Buffer.from('/'), name])
      const info = lstatSync(path)
      const content = info.isSymbolicLink()
        ? readlinkSync(path)
        : info.isFile()
          ? createHash('sha256').update(readFileSync(path)).digest('hex')
          : ''
      const isObject = path.includes('/.git/objects/') || name.toString() === '.lineaprint'
      const stamps = isObject ? '' : `${info.mtimeMs} ${info.ctimeMs}`
      const time = times ? `${stamps} ${info.mode}` : info.mode & 0o100 ? 'x' : ''
      lines.push([path.toString('latin1').slice(root.length), content, time].join(' '))
      if (info.isDirectory()) walk(path)
    }
  }
  walk(Buffer.from(root))
  return lines
}

/** The run with another record, sealed again, as somebody could who wants to deceive. */
async function forged(run: StoredRun, change: (git: JsonObject) => JsonObject): Promise<StoredRun> {
  const before = run.record.captures['git']
  if (before?.status !== 'captured') throw new Error('no capture')
  const captures = { ...run.record.captures, git: { ...before, value: change(before.value) } }
  writeFileSync(join(run.folder, 'run.json'), formatRecord(sealRecord({ ...run.record, captures })))
  return readRun(run.folder)
}

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
    message: expect.stringMatching(/the dataset "a" is not the recorded one/) as string,
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
  const tracker = JSON.stringify(resolve('src/experiment/tracker.ts'))
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
  expect((await again(run)).items.at(-2)).toMatchObject({
    verdict: 'different',
    detail: expect.stringContaining('the original cannot be read') as string,
  })
})

test('nothing to compare is not reproduced', async () => {
  const run = await recorded(repositoryOf({ a: '' }), '')
  const answer = await again(run)
  expect(answer.reproduced).toBe(false)
  expect(answer.items.at(-1)).toMatchObject({
    verdict: 'not-compared',
    detail: expect.stringContaining('nothing shows that the run was reproduced') as string,
  })
})

test('what a run does not keep is named, and stops nothing', async () => {
  const root = repositoryOf({ 'in.txt': 'x', '.gitignore': 'out.txt' })
  const library = repositoryOf({ 'lib.txt': 'l' })
  git(root, 'submodule', '--quiet', 'add', library, 'lib')
  git(root, 'commit', '-q', '-m', 'with a submodule')
  writeFileSync(join(root, '.env'), 'PASSWORD=x')
  mkdirSync(join(root, 'nested'))
  git(join(root, 'nested'), 'init', '-q')
  const run = await recorded(root, COPY, ['--output', 'o=out.txt'])
  const answer = await again(run)
  expect(verdicts(answer)).toEqual([
    'code git same',
    'code submodules.lib not-restored',
    'code untracked..env not-restored',
    'code untracked.nested/ not-restored',
    'environment environment not-compared',
    'seeds seeds not-compared',
    'command end same',
    'outputs o same',
  ])
  expect(answer.reproduced).toBe(true)
})

test('runs that cannot be reproduced say what is missing', async () => {
  const root = repositoryOf({ 'in.txt': 'x' })
  const off = await recorded(root, '', [], { LINEAPRINT_ENABLE_GIT_TRACKING: 'false' })
  await expect(again(off)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STATE',
    message: expect.stringMatching(/no state of a git work tree: it was not captured/) as string,
  })
  const nowhere = temporaryFolder()
  await expect(again(await recorded(nowhere, ''))).rejects.toThrow(/did not work in a git work tree/)
  const own = await finished(root, { enableGitTracking: true, experimentName: 'own' })
  await expect(again(own)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE', field: 'command' })
  expect(verdicts(await again(own, { run: false }))[0]).toBe('code git same')
  const secret = await lineaprint(
    [
      'run',
      '--name',
      'secret',
      '--',
      process.execPath,
      '-e',
      '',
      '--',
      '--token',
      'hf_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789',
    ],
    { cwd: root, env: FAST },
  )
  expect(secret.code).toBe(0)
  await expect(again(await findRun(storeIn(root), 'secret'))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_COMMAND',
    message: expect.stringMatching(/argument \d of the command held a secret.*"<redacted>"/) as string,
  })
})

test('a record or file that is not as it was sealed, and a run without a seal', async () => {
  const root = repositoryOf({ 'in.txt': 'x' })
  writeFileSync(join(root, 'in.txt'), 'y')
  const run = await recorded(root, '')
  appendFileSync(join(run.folder, 'git/diff.patch'), '\n')
  await expect(again(run)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_RECORD',
    message: expect.stringMatching(/git\/diff\.patch \(changed\)/) as string,
  })
  const path = join(run.folder, 'run.json')
  writeFileSync(path, readFileSync(path, 'utf8').replace('"node"', '"nope"'))
  await expect(again(await readRun(run.folder))).rejects.toThrow(/seal \(changed\)/)
  await expect(again({ ...run, record: { ...run.record, seal: null } })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STATE',
  })
})

test('a commit that no branch holds is found; one that is gone is named', async () => {
  const root = repositoryOf({ 'in.txt': 'x', '.gitignore': 'out.txt' })
  const run = await recorded(root, COPY, ['--output', 'o=out.txt'])
  git(root, 'commit', '-q', '--allow-empty', '--amend', '-m', 'other')
  expect(await again(run)).toMatchObject({ reproduced: true })
  git(root, 'reflog', 'expire', '--expire=now', '--all')
  git(root, 'gc', '-q', '--prune=now')
  await expect(again(run)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STATE',
    field: 'commit',
    path: root,
  })
  rmSync(root, { recursive: true })
  mkdirSync(root)
})

describe('commits that no remote has', () => {
  /** A run in a clone with a commit of its own and a change, and the origin of the clone. */
  const lonely = async (...options: readonly string[]): Promise<{ root: string; run: StoredRun }> => {
    const origin = repositoryOf({ 'in.txt': 'x', '.gitignore': 'out.txt' })
    const root = join(temporaryFolder('clone'), 'a b')
    git(origin, 'clone', '-q', origin, root)
    writeFileSync(join(root, 'in.txt'), 'committed here alone')
    git(root, 'commit', '-q', '-a', '-m', 'private')
    writeFileSync(join(root, 'in.txt'), 'and changed')
    const run = await recorded(root, COPY, [...options, '--output', 'o=out.txt'])
    // Another clone lies in its place: the run is all that is left.
    const kept = join(temporaryFolder('kept'), 'store')
    renameSync(join(root, '.lineaprint'), kept)
    rmSync(root, { recursive: true })
    git(origin, 'clone', '-q', origin, root)
    renameSync(kept, join(root, '.lineaprint'))
    return { root, run: await readRun(run.folder) }
  }

  test('are brought back from the bundle', async () => {
    const { root, run } = await lonely('--bundle')
    const before = snapshot(root)
    const answer = await again(run)
    expect(snapshot(root)).toEqual(before)
    expect(verdicts(answer)).toContain('code git same')
    // The original output went with the clone; the bytes are the same all the same.
    expect(verdicts(answer)).toContain('outputs o same')
    expect(answer.reproduced).toBe(true)
    expect(readFileSync(join(answer.directory, 'in.txt'), 'utf8')).toBe('and changed')
    expect(git(answer.directory, 'rev-parse', 'HEAD').trim()).toMatch(/^[0-9a-f]{40}$/)
  })

  test('are missed without one, which is said with the way out', async () => {
    const { run } = await lonely()
    await expect(again(run)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_STATE',
      field: 'commit',
      hint: expect.stringContaining('--bundle') as string,
    })
  })

  test('a bundle without a remote is the whole history: the repository need not be there', async () => {
    const root = repositoryOf({ 'in.txt': 'x', '.gitignore': 'out.txt' })
    const run = await recorded(root, COPY, ['--bundle', '--output', 'o=out.txt'])
    const kept = join(temporaryFolder('kept'), 'store')
    renameSync(join(root, '.lineaprint'), kept)
    rmSync(root, { recursive: true })
    onTestFinished(() => void mkdirSync(root, { recursive: true }))
    const moved = await readRun(join(kept, 'runs', run.id))
    expect(verdicts(await again(moved))).toContain('outputs o same')
    writeFileSync(join(moved.folder, 'git/unpushed.bundle'), 'damaged')
    await expect(again(moved)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RECORD' })
  })
})

test('a changed file that was too large to keep is not restored, and the rest is', async () => {
  const root = repositoryOf({ 'in.txt': 'x', 'large.bin': 'small', '.gitignore': 'out.txt' })
  writeFileSync(join(root, 'in.txt'), 'changed')
  writeFileSync(join(root, 'large.bin'), Buffer.alloc(4000, 7))
  writeFileSync(join(root, 'lineaprint.config.json'), '{"git":{"patchLimit":2000}}')
  const answer = await again(await recorded(root, COPY, ['--output', 'o=out.txt']))
  expect(verdicts(answer).slice(0, 2)).toEqual(['code git same', 'code changed.large.bin not-restored'])
  expect(answer.items[1]?.detail).toBe('it was not kept: it has 4000 bytes')
  expect(readFileSync(join(answer.directory, 'out.txt'), 'utf8')).toBe('changed')
  expect(answer.reproduced).toBe(true)
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
      /^1 of 2 tensors differ: b; the original cannot be read.*so the tolerance cannot be judged$/,
    ) as string,
    differences: [{ field: 'b' }],
  })
  expect(other.reproduced).toBe(false)
})

test('untracked paths of a record that lead elsewhere are refused', async () => {
  const outside = temporaryFolder('outside')
  const root = repositoryOf({ 'in.txt': 'x' })
  symlinkSync(outside, join(root, 'link'))
  git(root, 'add', 'link')
  git(root, 'commit', '-q', '-m', 'link')
  const run = await recorded(root, '')
  const cases = {
    '../evil': 'leads out',
    [`${outside}/evil`]: 'leads out',
    'a/../../evil': 'leads out',
    'a//evil': 'leads out',
    '.git/hooks/post-checkout': 'leads out',
    'sub/.GIT/config': 'leads out',
    'link/evil': 'a link or file stands above',
    'in.txt/evil': 'a link or file stands above',
    'in.txt': 'recorded twice',
  }
  for (const [path, why] of Object.entries(cases)) {
    for (const kind of ['file', 'link']) {
      const entry = { path, kind, mode: '100644', target: 'in.txt', kept: true }
      mkdirSync(join(run.folder, 'git/untracked'), { recursive: true })
      writeFileSync(join(run.folder, 'git/untracked/in.txt'), 'evil')
      const other = await forged(run, (value) => ({ ...value, untracked: [entry] }))
      const into = join(temporaryFolder('into'), 'deep', 'tree')
      await expect(again(other, { into }), `${kind} ${path}`).rejects.toMatchObject({
        code: 'ERR_LINEAPRINT_RECORD',
        message: expect.stringContaining(why) as string,
      })
      const deep = join(into, '..')
      expect(existsSync(deep) ? readdirSync(deep) : []).toEqual([])
      expect(readdirSync(outside)).toEqual([])
    }
  }
})

test('a record that says more than it keeps: the tree is not the recorded one', async () => {
  const root = repositoryOf({ 'in.txt': 'x' })
  writeFileSync(join(root, 'in.txt'), 'y')
  const run = await forged(await recorded(root, ''), (value) => ({ ...value, changed: [] }))
  await expect(again(run)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STATE',
    message: expect.stringMatching(/not the recorded one: changed\.in\.txt/) as string,
  })
  expect(verdicts(await again(run, { run: false }))[0]).toBe('code git different')
  const climbing = await forged(run, (value) => ({ ...value, directory: '../..' }))
  await expect(again(climbing)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RECORD' })
})

test('folders that are not taken', async () => {
  const root = repositoryOf({ 'in.txt': 'x', '.gitignore': 'out.txt' })
  const run = await recorded(root, COPY, ['--output', 'o=out.txt'])
  const full = temporaryFolder()
  writeFileSync(join(full, 'mine'), '')
  const refused = { code: 'ERR_LINEAPRINT_ARGUMENT', field: 'into' }
  await expect(again(run, { into: full })).rejects.toMatchObject(refused)
  expect(readdirSync(full)).toEqual(['mine'])
  await expect(again(run, { into: join(full, 'mine') })).rejects.toMatchObject(refused)
  await expect(again(run, { into: join(root, 'inside') })).rejects.toMatchObject(refused)
  await expect(again(run, { tolerance: NaN })).rejects.toMatchObject({ field: 'tolerance' })
  const empty = temporaryFolder()
  expect(await again(run, { into: empty })).toMatchObject({ directory: empty, reproduced: true })
  const { directory } = await again(run, { into: undefined, run: false })
  expect(readFileSync(join(directory, 'in.txt'), 'utf8')).toBe('x')
  rmSync(directory, { recursive: true })
})

test('an output that running again would overwrite', async () => {
  const root = repositoryOf({ 'in.txt': 'x' })
  const outside = join(temporaryFolder('outside'), 'o.txt')
  const source = `require('fs').writeFileSync(${JSON.stringify(outside)}, 'o')`
  const run = await recorded(root, source, ['--output', `o=${outside}`])
  await expect(again(run)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE', path: outside })
  expect(readFileSync(outside, 'utf8')).toBe('o')
  // A link in the tree that leads back into the repository.
  mkdirSync(join(root, 'real'))
  symlinkSync(join(root, 'real'), join(root, 'link'))
  const write = 'require("fs").writeFileSync("link/o", "o")'
  const linked = await recorded(root, write, ['--name', 'linked', '--output', 'o=link/o'])
  rmSync(join(root, 'real/o'))
  await expect(again(linked)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE', field: 'outputs.o' })
  expect(readdirSync(join(root, 'real'))).toEqual([])
})

test('a program in a folder that git ignores is used where it is', async () => {
  const root = repositoryOf({ 'in.txt': 'x', '.gitignore': 'bin/\nout.txt' })
  mkdirSync(join(root, 'bin'))
  writeFileSync(join(root, 'bin/copy'), '#!/bin/sh\ncp in.txt out.txt\n', { mode: 0o755 })
  const { code } = await lineaprint(['run', '--output', 'o=out.txt', '--', 'bin/copy'], {
    cwd: root,
    env: FAST,
  })
  expect(code).toBe(0)
  const answer = await again(await findRun(storeIn(root), '@latest'))
  expect(answer.reproduced).toBe(true)
  expect((await readRun(answer.run?.folder ?? '')).record.command.argv).toEqual([join(root, 'bin/copy')])
})

test('a linked work tree, a path with a line end, a store elsewhere, and a seed from the environment', async () => {
  const origin = repositoryOf({ 'in.txt': 'x', '.gitignore': 'out.txt' })
  const main = join(temporaryFolder('main'), 'a b\nc')
  git(origin, 'clone', '-q', origin, main)
  const root = join(temporaryFolder('work'), 'linked')
  git(main, 'worktree', 'add', '-q', '--detach', root)
  writeFileSync(join(root, 'in.txt'), 'y')
  const store = temporaryFolder('store')
  const source = 'require("fs").writeFileSync("out.txt", String(process.env.LINEAPRINT_SEED))'
  const args = ['run', '--output-dir', store, '--output', 'o=out.txt', '--', process.execPath, '-e', source]
  const env = { ...FAST, LINEAPRINT_SEED: '5' }
  expect((await lineaprint(args, { cwd: root, env })).code).toBe(0)
  const before = [snapshot(main), snapshot(root), snapshot(store)]
  const answer = await again(await findRun(storeIn(store), '@latest'))
  expect([snapshot(main), snapshot(root), snapshot(store)]).toEqual(before)
  expect(answer.reproduced).toBe(true)
  expect(readFileSync(join(answer.directory, 'out.txt'), 'utf8')).toBe('5')
  expect(readFileSync(join(answer.directory, 'in.txt'), 'utf8')).toBe('y')
  // A record does not decide that something is written outside of the new tree.
  expect(answer.run?.folder.startsWith(join(answer.directory, '.lineaprint'))).toBe(true)
})

test('a signal of the caller stops the work and leaves no folder', async () => {
  const run = await recorded(repositoryOf({ 'in.txt': 'x' }), '')
  const into = join(temporaryFolder(), 'tree')
  const signal = AbortSignal.timeout(15)
  await expect(again(run, { into, signal })).rejects.toHaveProperty('name', 'TimeoutError')
  expect(existsSync(into)).toBe(false)
})

test('paths of the old tree in text', () => {
  const map = new TreeMap('/repo', '/alias/sub', 'sub', '/new')
  expect(map.text('/repo')).toBe('/new')
  expect(map.text('--data=/repo/x:/repo/y')).toBe('--data=/new/x:/new/y')
  expect(map.text("cd '/repo' && ls /repo/a")).toBe("cd '/new' && ls /new/a")
  expect(map.text('-I/repo/include')).toBe('-I/new/include')
  expect(map.text('/alias/x')).toBe('/new/x')
  for (const other of ['/repository', '/repo.git', '/repo-2/x', '/other/repo', 'my/repo/x', '../repo'])
    expect(map.text(other)).toBe(other)
  expect(map.path('/repo/a/b')).toBe('/new/a/b')
  expect(map.path('/repository')).toBe('/repository')
})
