/** What runs keep, and what is said of them afterwards. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkSeal } from '../../../src/record/seal.ts'
import { readRun } from '../../../src/store/read.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { FAST, onlyRun, recordsIn } from './support.ts'
import type { Outcome } from '../../support/program.ts'

const PROGRAM = `
const fs = require('fs')
fs.mkdirSync('out/deep', { recursive: true })
fs.writeFileSync('out/deep/model.bin', 'weights')
fs.writeFileSync('out/run.sh', 'echo', { mode: 0o755 })`

async function say(cwd: string, ...args: readonly string[]): Promise<Outcome> {
  return lineaprint(args, { cwd, env: FAST })
}

/** A folder with one run that kept its output. */
async function project(...options: readonly string[]): Promise<string> {
  const cwd = folderOf({ 'program.cjs': PROGRAM })
  const { code, stderr } = await say(
    cwd,
    'run',
    '--keep',
    '--name',
    'demo',
    '--output',
    'model=out',
    ...options,
    '--',
    process.execPath,
    'program.cjs',
  )
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('warning')])
  return cwd
}

/** Files below a folder. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
}

/** Changes the record of a run, as somebody would who forges one. */
function forge(folder: string, change: (text: string) => string): void {
  const path = join(folder, 'run.json')
  const text = change(readFileSync(path, 'utf8'))
  chmodSync(path, 0o600)
  writeFileSync(path, text)
}

test('get writes what the run kept, verified, and replaces nothing', async () => {
  const cwd = await project()
  rmSync(join(cwd, 'out'), { recursive: true })
  const outcome = await say(cwd, 'get', '@latest', 'model', '--json')
  expect(JSON.parse(outcome.stdout)).toMatchObject({
    section: 'outputs',
    name: 'model',
    files: [
      { path: join(cwd, 'out/deep/model.bin'), size: 7 },
      { path: join(cwd, 'out/run.sh'), size: 4 },
    ],
    bytes: 11,
  })
  expect(readFileSync(join(cwd, 'out/deep/model.bin'), 'utf8')).toBe('weights')
  writeFileSync(join(cwd, 'out/run.sh'), 'mine')
  const again = await say(cwd, 'get', '@latest', 'model')
  expect([again.code, again.stderr]).toEqual([3, expect.stringContaining('--force')])
  expect(readFileSync(join(cwd, 'out/run.sh'), 'utf8')).toBe('mine')
  expect((await say(cwd, 'get', '@latest', 'model', '--force')).code).toBe(0)
  expect(readFileSync(join(cwd, 'out/run.sh'), 'utf8')).toBe('echo')
  const one = await say(cwd, 'get', '@latest', 'model', '--file', 'run.sh', '--to', 'new/er')
  expect([one.code, filesOf(join(cwd, 'new'))]).toEqual([0, [join(cwd, 'new/er/out/run.sh')]])
  for (const args of [['none'], ['model', '--file', 'none'], ['model', '--section', 'datasets']])
    expect((await say(cwd, 'get', '@latest', ...args)).code, args.join(' ')).toBe(3)
})

test.each([
  ['../../escaped', 'RECORD'],
  ['/escaped', 'RECORD'],
  ['deep/../../../escaped', 'RECORD'],
  ['deep//model.bin', 'RECORD'],
  ['deep\\\\..\\\\escaped', 'RECORD'],
  ['a\\u0000b', 'RECORD'],
  ['run.sh', 'RECORD'],
])('get refuses a forged record with the path %s', async (path, code) => {
  const cwd = await project()
  const { folder } = onlyRun(cwd)
  forge(folder, (text) => text.replaceAll('"path": "deep/model.bin"', `"path": "${path}"`))
  const {
    code: exit,
    stdout,
    stderr,
  } = await say(cwd, 'get', '@latest', 'model', '--to', 'in/side', '--json')
  expect([exit, JSON.parse(stdout)]).toMatchObject([3, { error: { code: `ERR_LINEAPRINT_${code}` } }])
  expect(stderr).toContain('it was changed after the run')
  expect(existsSync(join(cwd, 'in'))).toBe(false)
})

test('a forged path of the output itself gives a harmless name', async () => {
  const cwd = await project()
  const { folder } = onlyRun(cwd)
  forge(folder, (text) => text.replace(JSON.stringify(join(cwd, 'out')), '"/somewhere/.."'))
  expect((await say(cwd, 'get', '@latest', 'model', '--to', 'in')).code).toBe(0)
  expect(readdirSync(join(cwd, 'in'))).toEqual(['model'])
})

test.skipIf(process.platform === 'win32')('get does not write through a link', async () => {
  const cwd = await project()
  mkdirSync(join(cwd, 'to'))
  mkdirSync(join(cwd, 'elsewhere'))
  symlinkSync(join(cwd, 'elsewhere'), join(cwd, 'to/out'))
  expect((await say(cwd, 'get', '@latest', 'model', '--to', 'to', '--force')).code).toBe(3)
  expect(filesOf(join(cwd, 'elsewhere'))).toEqual([])
})

test('verify --objects finds damage and loss, and get does not use them', async () => {
  const cwd = await project()
  const items = async (): Promise<unknown> => {
    const { stdout } = await say(cwd, 'verify', '@latest', '--objects', '--data', '--json')
    const { items: all } = JSON.parse(stdout) as { items: { section: string }[] }
    return all.filter(({ section }) => section === 'objects')
  }
  expect(await items()).toMatchObject([{ name: 'outputs.model', status: 'same' }])
  const path = filesOf(join(cwd, '.lineaprint/objects')).find(
    (file) => readFileSync(file, 'utf8') === 'weights',
  )
  chmodSync(path ?? '', 0o600)
  writeFileSync(path ?? '', 'Weights')
  expect(await items()).toMatchObject([{ status: 'changed', differences: [{ field: 'deep/model.bin' }] }])
  expect((await say(cwd, 'verify', '@latest', '--objects', '--code')).code).toBe(1)
  expect((await say(cwd, 'get', '@latest', 'model', '--to', 'in')).code).toBe(3)
  rmSync(path ?? '')
  expect(await items()).toMatchObject([{ status: 'missing' }])
  expect((await say(cwd, 'get', '@latest', 'model', '--to', 'other')).code).toBe(3)
  expect(existsSync(join(cwd, 'other'))).toBe(false)
})

test('annotations leave the seal as it is, and show tells them apart', async () => {
  const cwd = await project('--tag', 'old')
  const { folder, record } = onlyRun(cwd)
  const before = readFileSync(join(folder, 'run.json'), 'utf8')
  const args = ['--tag', 'best', '--untag', 'old', '--note', 'red \u001b[31m', '--name', 'first', '--archive']
  const outcome = await say(cwd, 'annotate', '@latest', ...args, '--author', 'me', '--json')
  expect(JSON.parse(outcome.stdout)).toMatchObject({
    id: record.id,
    annotation: { author: 'me', addTags: ['best'], removeTags: ['old'], archived: true },
    labels: { runName: 'first', tags: ['best'], isArchived: true },
  })
  expect(readFileSync(join(folder, 'run.json'), 'utf8')).toBe(before)
  expect(checkSeal((await readRun(folder)).record)).toBe('holds')
  const shown = await say(cwd, 'show', '@latest')
  expect(shown.stdout).toMatch(/tags +old\n[^]*Annotations \(not part of the record; [^]*tags now +best\n/)
  expect(shown.stdout).toContain('red \\x1b[31m (me, ')
  const json = JSON.parse((await say(cwd, 'show', '@latest', '--json')).stdout) as object
  expect(json).toMatchObject({ tags: ['old'], annotations: { labels: { tags: ['best'] } } })
  expect((await say(cwd, 'verify', '@latest', '--strict', '--json')).stdout).not.toContain('annotations/')
  for (const wrong of [[], ['--name', '@latest'], ['--tag', '']])
    expect((await say(cwd, 'annotate', '@latest', ...wrong)).code, wrong.join(' ')).toBe(2)
})

test('remove tells what goes and who builds on it, and needs a yes', async () => {
  const cwd = await project()
  const { record } = onlyRun(cwd)
  const read = await say(
    cwd,
    'run',
    '--name',
    'reader',
    '--dataset',
    'in=out',
    '--',
    process.execPath,
    '-e',
    '',
  )
  expect(read.code).toBe(0)
  const asked = await say(cwd, 'remove', 'demo')
  expect(asked.code).toBe(2)
  expect(asked.stderr).toContain('the store keeps model until the next gc')
  expect(asked.stderr).toMatch(/the run \S+ \(reader\) read what it made as "in"/)
  expect(recordsIn(cwd)).toHaveLength(2)
  const done = await say(cwd, 'remove', 'demo', record.id, '--yes', '--json')
  expect(JSON.parse(done.stdout)).toMatchObject({
    removed: [record.id],
    runs: [
      { id: record.id, kept: ['model'], dependents: [{ name: 'reader', reason: 'input', input: 'in' }] },
    ],
    areInputsChecked: true,
  })
  expect(recordsIn(cwd).map(({ name }) => name)).toEqual(['reader'])
  expect(filesOf(join(cwd, '.lineaprint/objects'))).toHaveLength(2)
  const dry = await say(cwd, 'gc')
  expect(dry.stdout).toContain('garbage  2 files, 11 B')
  expect(filesOf(join(cwd, '.lineaprint/objects'))).toHaveLength(2)
  expect((await say(cwd, 'gc', '--yes')).stdout).toContain('removed  2 files, 11 B')
  expect(filesOf(join(cwd, '.lineaprint/objects'))).toEqual([])
})

test('a run that goes on is not removed', async () => {
  const cwd = folderOf()
  const program = `
    const { execFileSync } = require('child_process')
    const [node, main] = JSON.parse(process.env.MAIN)
    try { execFileSync(node, [main, 'remove', process.env.LINEAPRINT_RUN_ID, '--yes'], { stdio: 'pipe' }) }
    catch (error) { console.log(error.status, String(error.stderr)) }`
  const { PROGRAM: main } = await import('../../support/program.ts')
  const { stdout } = await lineaprint(['run', '--', process.execPath, '-e', program], {
    cwd,
    env: { ...FAST, MAIN: JSON.stringify(main) },
  })
  expect(stdout).toMatch(/^3 .*has not ended/)
  expect(recordsIn(cwd)).toMatchObject([{ status: 'finished' }])
})

test('a fault of keeping is a warning, and the run ends as it would', async () => {
  const cwd = folderOf({ 'program.cjs': PROGRAM, '.lineaprint/objects': 'a file' })
  const args = ['run', '--keep', '--output', 'model=out', '--', process.execPath, 'program.cjs']
  expect((await say(cwd, ...args)).code).toBe(0)
  const { record } = onlyRun(cwd)
  expect(record.warnings).toEqual([expect.stringContaining('no copy of the output "model" was kept')])
  expect(record).toMatchObject({
    status: 'finished',
    outputs: { model: { status: 'tracked', kept: { status: 'failed' } } },
  })
})

test('copies leave the free space that the configuration says, and small inputs are kept', async () => {
  const cwd = folderOf({
    'in.txt': 'small',
    'large.txt': 'x'.repeat(100),
    'lineaprint.config.json': JSON.stringify({ keep: { inputs: 50, freeSpace: 2 ** 50 } }),
  })
  const args = ['--dataset', 'in=in.txt', '--dataset', 'large=large.txt', '--', process.execPath, '-e', '']
  expect((await say(cwd, 'run', ...args)).code).toBe(0)
  expect(recordsIn(cwd)[0]?.warnings).toEqual([expect.stringContaining('too little free space')])
  writeFileSync(join(cwd, 'lineaprint.config.json'), JSON.stringify({ keep: { inputs: 50 } }))
  expect((await say(cwd, 'run', ...args)).code).toBe(0)
  const record = recordsIn(cwd)[1]
  expect(record?.warnings).toEqual([])
  expect(record?.datasets['in']).toMatchObject({ kept: { status: 'kept', files: [{ path: '', size: 5 }] } })
  expect(record?.datasets['large']).not.toHaveProperty('kept')
})
