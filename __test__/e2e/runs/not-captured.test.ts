/** What a run did not capture or make is said, and is never the same or a success. */
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { GIT_ENVIRONMENT, git } from '../../capture/fixture.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { onlyRun, recordsIn } from './support.ts'
import type { Outcome } from '../../support/program.ts'

const NO_ENVIRONMENT = { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false' }
const SCRIPT = ['--', process.execPath, 'work.mjs']

function program(cwd: string, env: NodeJS.ProcessEnv = {}) {
  return (...args: string[]): Promise<Outcome> =>
    lineaprint(args, { cwd, env: { ...NO_ENVIRONMENT, ...env } })
}

test('code outside of git is not checked, and the run says so', { timeout: 60_000 }, async () => {
  const root = folderOf({ 'work.mjs': 'let a = 1\n' })
  const run = program(root)
  const first = await run('run', '--name', 'outside', ...SCRIPT)
  expect(first.code).toBe(0)
  expect(first.stderr).toMatch(/warning: no code was captured.*not in a git repository; use "git init"/)
  writeFileSync(join(root, 'work.mjs'), 'let a = 2\n')
  const code = await run('verify', 'outside', '--code', ...SCRIPT)
  expect(code.stdout).toMatch(/^not-checked\tcode\tgit\tno code was captured: this folder is not in/m)
  expect(code.code).toBe(0)
  expect((await run('verify', 'outside', '--strict', ...SCRIPT)).code).toBe(1)
  await run('run', '--name', 'again', ...SCRIPT)
  const plain = await run('diff', 'outside', 'again')
  expect(plain).toMatchObject({ code: 0, stdout: expect.stringMatching(/^not compared\tgit\t/m) as string })
  const checked = await run('diff', 'outside', 'again', '--check')
  expect(checked.code).toBe(1)
  expect(checked.stderr).toContain('not everything could be compared: environment, git')
  expect(
    (await run('diff', 'outside', 'again', '--check', '--ignore', 'git', '--ignore', 'environment')).code,
  ).toBe(0)
})

test(
  'a run without git names what to install, and one without a commit what to do',
  { timeout: 60_000 },
  async () => {
    const root = folderOf({ 'work.mjs': '' })
    const programs = join(root, 'programs')
    mkdirSync(programs)
    symlinkSync(process.execPath, join(programs, 'node'))
    expect((await program(root, { PATH: programs })('run', ...SCRIPT)).stderr).toContain('; install git')
    git(root, 'init', '-q')
    expect((await program(root)('run', ...SCRIPT)).stderr).toContain(
      'no commit yet; use "git add" and "git commit"',
    )
  },
)

test('git that was switched off is no warning, and not checked', { timeout: 60_000 }, async () => {
  const root = folderOf({ 'work.mjs': '' })
  const run = program(root, { LINEAPRINT_ENABLE_GIT_TRACKING: 'false' })
  expect((await run('run', '--name', 'off', ...SCRIPT)).stderr).not.toContain('warning')
  expect((await run('verify', 'off')).stdout).toMatch(/^not-checked\tcode\tgit\tit was disabled/m)
})

test(
  'a folder that was moved is named, and its code is not called the same',
  { timeout: 60_000 },
  async () => {
    const outer = folderOf({ 'store/.keep': '', 'old/work.mjs': '' })
    const root = join(outer, 'old')
    const env = {
      LINEAPRINT_OUTPUT_DIR: join(outer, 'store'),
      LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'true',
    }
    git(root, 'init', '-q')
    git(root, 'add', '-A')
    git(root, 'commit', '-q', '-m', 'x')
    expect((await program(root, env)('run', '--name', 'moved', ...SCRIPT)).code).toBe(0)
    rmSync(root, { recursive: true })
    const { stdout } = await program(join(outer, 'store'), env)('verify', 'moved')
    expect(stdout).toContain(`not-checked\tcode\tfolder\tthe folder ${root} is not there any more`)
    expect(stdout).not.toMatch(/^same\tcode/m)
  },
)

test('a GPU query that fails on both sides is not checked', { timeout: 60_000 }, async () => {
  const root = folderOf({ 'work.mjs': '', 'bin/nvidia-smi': '#!/bin/sh\necho no driver\nexit 9\n' })
  chmodSync(join(root, 'bin/nvidia-smi'), 0o755)
  const run = program(root, {
    PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`,
    LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'true',
    LINEAPRINT_ENABLE_GIT_TRACKING: 'false',
  })
  await run('run', '--name', 'gpu', ...SCRIPT)
  const { stdout } = await run('verify', 'gpu')
  expect(stdout).toMatch(/^not-checked\tenvironment\tenvironment\t.*gpu: nvidia-smi ended with 9: no driver/m)
})

test('one run on both sides is refused, unless asked for', { timeout: 60_000 }, async () => {
  const root = folderOf({ 'work.mjs': '' })
  const run = program(root)
  await run('run', '--name', 'only', ...SCRIPT)
  const { folder, record } = onlyRun(root)
  cpSync(folder, join(root, 'copy'), { recursive: true })
  for (const pair of [
    ['only', '@latest'],
    ['only', 'only'],
    [folder, record.id],
    ['./copy', 'only'],
  ]) {
    const refused = await run('diff', ...pair)
    expect(refused.code).toBe(2)
    expect(refused.stderr).toMatch(/both arguments name the same run.*--same-run/)
  }
  expect((await run('diff', 'only', '@latest', '--same-run')).code).toBe(0)
  const files = await run('diff', 'work.mjs', './work.mjs')
  expect(files).toMatchObject({ code: 0, stderr: expect.stringContaining('are the same file') as string })
})

test('a declared output that was not made fails the run', { timeout: 60_000 }, async () => {
  const root = folderOf({ 'work.mjs': '', 'fail.mjs': 'process.exitCode = 7\n' })
  const run = program(root)
  const made = ['--output', 'here=work.mjs', '--output', 'gone=lost.bin']
  const failed = await run('run', '--name', 'lost', ...made, ...SCRIPT)
  expect(failed.code).toBe(3)
  expect(failed.stderr).toContain('the output "gone" was not recorded')
  expect(onlyRun(root).record).toMatchObject({
    status: 'failed',
    command: { exitCode: 0 },
    failure: { message: expect.stringContaining('"gone"') as string },
    outputs: { here: { status: 'tracked' }, gone: { status: 'failed' } },
  })
  const allowed = await run('run', '--allow-missing', ...made, ...SCRIPT)
  expect(allowed).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('"gone" was not recorded') as string,
  })
  expect(recordsIn(root).at(-1)?.status).toBe('finished')
  expect((await run('run', ...made, '--', process.execPath, 'fail.mjs')).code).toBe(7)
})

test('a pattern as a path is refused before the command starts', { timeout: 60_000 }, async () => {
  const root = folderOf({
    'work.mjs': 'import fs from "node:fs"; fs.writeFileSync("ran", "")',
    'odd*name': 'x',
  })
  const run = program(root)
  for (const [option, path] of [
    ['--output', 'out=results/*.bin'],
    ['--output', 'out=part-?.bin'],
    ['--dataset', 'd=data/{a,b}.csv'],
    ['--dataset', 'd=data/[ab].csv'],
    ['--model', 'm=models/**'],
  ] as const) {
    const refused = await run('run', option, path, ...SCRIPT)
    expect(refused.code).toBe(2)
    expect(refused.stderr).toMatch(/is a pattern, and patterns are not expanded.*name the folder/)
  }
  expect(existsSync(join(root, 'ran'))).toBe(false)
  expect(existsSync(join(root, '.lineaprint'))).toBe(false)
  expect((await run('run', '--dataset', 'd=odd*name', ...SCRIPT)).code).toBe(0)
})

test('a repository of somebody else has the remedy of git', { timeout: 60_000 }, async () => {
  const root = folderOf({
    'work.mjs': '',
    'bin/git':
      '#!/bin/sh\necho "fatal: detected dubious ownership in repository at \'/srv/theirs\'" >&2\nexit 128\n',
    '.git/HEAD': '',
  })
  chmodSync(join(root, 'bin/git'), 0o755)
  const env = { ...GIT_ENVIRONMENT, PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}` }
  const { stderr } = await program(root, env)('run', ...SCRIPT)
  expect(stderr).toContain('use "git config --global --add safe.directory /srv/theirs"')
})
