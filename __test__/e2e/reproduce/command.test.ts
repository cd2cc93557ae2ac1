/** The command: verdicts, exit codes, output, signals, and the examples. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { emptyRepository, git, temporaryFolder } from '../../capture/fixture.ts'
import { lineaprint } from '../../support/program.ts'
import { recordsIn } from '../runs/support.ts'
import type { Reproduction } from '../../../src/reproduce/reproduce.ts'
import type { Outcome, ProgramOptions } from '../../support/program.ts'

const FAST = { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false' }

const COPY = 'console.log("said"); require("fs").copyFileSync("in.txt", "out.txt")'

function repository(): string {
  const root = emptyRepository()
  writeFileSync(join(root, 'in.txt'), 'x')
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', 'base')
  return root
}

async function run(cwd: string, command: readonly string[], options: ProgramOptions = {}): Promise<void> {
  const args = ['run', '--output', 'o=out.txt', '--', ...command]
  const { code, stderr } = await lineaprint(args, { ...options, cwd, env: { ...FAST, ...options.env } })
  expect(code, stderr).toBe(0)
}

function reproduce(cwd: string, args: readonly string[], options: ProgramOptions = {}): Promise<Outcome> {
  return lineaprint(['reproduce', '@latest', ...args], { ...options, cwd })
}

test('--help has an example', async () => {
  const { code, stdout } = await lineaprint(['reproduce', '--help'])
  expect(code).toBe(0)
  expect(stdout).toContain('Example:\n  lineaprint reproduce @latest')
})

test('reproduced: exit code 0, one line per item, and the output of the command on stderr', async () => {
  const root = repository()
  await run(root, [process.execPath, '-e', COPY])
  const into = join(temporaryFolder(), 'tree')
  const plain = await reproduce(root, ['--into', into])
  expect(plain.stdout.split('\n')).toEqual([
    'same\tcode\tgit\tthe work tree matches the record',
    'not-compared\tenvironment\tenvironment\tit was not captured',
    'not-compared\tseeds\tseeds\tno seed was recorded',
    'same\tcommand\tend\texit code 0',
    'same\toutputs\to\tthe same bytes',
    '',
  ])
  expect(plain.stderr).toMatch(
    new RegExp(
      `^lineaprint: the work tree is ${into}\nsaid\nlineaprint: run \\S+, a reproduction of \\S+\n$`,
    ),
  )
  expect(plain.code).toBe(0)
  const json = await reproduce(root, ['--json'])
  const { directory, ...answer } = JSON.parse(json.stdout) as Reproduction
  expect(json.stderr).toBe('said\n')
  expect(answer).toMatchObject({ reproduced: true, run: { exitCode: 0, signal: null } })
  expect(readFileSync(join(directory, 'out.txt'), 'utf8')).toBe('x')
  rmSync(join(directory, '..'), { recursive: true })
})

test('a program that gives something else each time: 1', async () => {
  const root = repository()
  const source = 'require("fs").writeFileSync("out.txt", process.hrtime.bigint() + "")'
  await run(root, [process.execPath, '-e', source])
  const { code, stdout } = await reproduce(root, ['--into', join(temporaryFolder(), 'tree')])
  expect(stdout).toContain('different\toutputs\to\tthe bytes differ\n')
  expect(code).toBe(1)
})

test('--no-run brings the work tree back and nothing else', async () => {
  const root = repository()
  writeFileSync(join(root, 'in.txt'), 'changed')
  await run(root, [process.execPath, '-e', COPY])
  const into = join(temporaryFolder(), 'tree')
  const { code, stdout, stderr } = await reproduce(root, ['--into', into, '--no-run'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: `lineaprint: the work tree is ${into}\n` })
  expect(stdout).toContain('same\tcode\tgit\t')
  expect(readFileSync(join(into, 'in.txt'), 'utf8')).toBe('changed')
  expect(existsSync(join(into, 'out.txt'))).toBe(false)
  expect(existsSync(join(into, '.lineaprint'))).toBe(false)
})

test('a run that cannot be run: exit code 3; wrong usage: exit code 2', async () => {
  const root = repository()
  await run(root, [process.execPath, '-e', COPY], { env: { LINEAPRINT_ENABLE_GIT_TRACKING: 'false' } })
  const { code, stdout, stderr } = await reproduce(root, [])
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
  expect(stderr).toMatch(/^lineaprint: the run has no git capture: .*\n$/)
  for (const args of [['--tolerance', 'much'], ['--tolerance', '-1'], ['--rebuilt']])
    expect((await reproduce(root, args)).code, args.join(' ')).toBe(2)
  expect((await lineaprint(['reproduce'], { cwd: root })).code).toBe(2)
})

test('a command that cannot be started any more: 3, and the work tree is kept and named', async () => {
  const root = repository()
  writeFileSync(join(root, '.git/info/exclude'), 'tool\n')
  writeFileSync(join(root, 'tool'), '#!/bin/sh\ncp in.txt out.txt\n', { mode: 0o755 })
  await run(root, ['./tool'])
  rmSync(join(root, 'tool'))
  const into = join(temporaryFolder(), 'tree')
  const { code, stdout, stderr } = await reproduce(root, ['--into', into])
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
  expect(stderr).toContain(`the work tree is ${into}\nlineaprint: "${root}/tool" could not be started`)
  expect(recordsIn(into)).toMatchObject([{ status: 'failed' }])
  const full = await reproduce(root, ['--into', into])
  expect(full).toMatchObject({ code: 2, stderr: expect.stringContaining('it is not empty') as string })
})

test('another environment is named by field and stops nothing', async () => {
  const root = repository()
  const on = { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'true' }
  await run(root, [process.execPath, '-e', COPY], { env: { ...on, OMP_NUM_THREADS: '1' } })
  const into = join(temporaryFolder(), 'tree')
  const { code, stdout } = await reproduce(root, ['--into', into], { env: { OMP_NUM_THREADS: '2' } })
  expect(stdout).toContain('different\tenvironment\tenvironment\t1 field differs\n')
  expect(stdout).toContain('different\tenvironment\tvariables.OMP_NUM_THREADS\t1 → 2\n')
  expect(code).toBe(0)
})

test('Ctrl-C reaches the command, and the run is recorded as killed', async () => {
  const root = repository()
  // The first time it ends by itself; the second time it waits to be stopped.
  const flag = join(temporaryFolder(), 'flag')
  const source = `const fs = require('fs'); fs.copyFileSync('in.txt', 'out.txt')
    if (fs.existsSync(${JSON.stringify(flag)})) {
      process.on('SIGINT', () => { fs.writeFileSync(${JSON.stringify(flag)}, 'stopped'); process.exit(130) })
      console.log('waiting'); setInterval(() => {}, 1000)
    } else fs.writeFileSync(${JSON.stringify(flag)}, '')`
  await run(root, [process.execPath, '-e', source])
  const into = join(temporaryFolder(), 'tree')
  const { code, stderr } = await reproduce(root, ['--into', into], {
    started: (child) => {
      child.stderr?.on('data', (data: Buffer) => {
        if (data.toString().includes('waiting')) child.kill('SIGINT')
      })
    },
  })
  expect(code).toBe(130)
  expect(stderr).toContain('the command was ended by a signal')
  expect(readFileSync(flag, 'utf8')).toBe('stopped')
  expect(recordsIn(into)).toMatchObject([{ status: 'killed', command: { signal: 'SIGINT' } }])
})

test('Ctrl-C before the command leaves no folder', async () => {
  const root = repository()
  await run(root, [process.execPath, '-e', COPY])
  const parent = temporaryFolder()
  const into = join(parent, 'tree')
  const { code, stdout, stderr } = await reproduce(root, ['--into', into], {
    started: (child) => {
      const waitForFolder = async (): Promise<void> => {
        while (!existsSync(into) && child.exitCode === null) await sleep(2)
        child.kill('SIGINT')
      }
      void waitForFolder()
    },
  })
  expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: '', stderr: 'lineaprint: interrupted\n' })
  expect(existsSync(into)).toBe(false)
})

test.each([
  ['train.ts', process.execPath, ['--disable-warning=ExperimentalWarning']],
  ['train.py', resolve('.peers/python/bin/python'), []],
])('the example %s comes out the same, bit for bit', async (name, program, flags) => {
  const root = emptyRepository()
  writeFileSync(join(root, name), readFileSync(join('examples/reproduce', name)))
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', 'example')
  const output = ['--output', 'model=line.safetensors']
  const args = ['run', '--seed', '42', ...output, '--', program, ...flags, name]
  const { code, stdout } = await lineaprint(args, { cwd: root, env: FAST })
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^y = [23]\.\d+ x/) as string })
  const again = await reproduce(root, ['--into', join(temporaryFolder(), 'tree')])
  expect(again.stdout).toContain('same\tseeds\tseeds\tthe command gets the seed 42\n')
  expect(again.stdout).toContain('same\toutputs\tmodel\tthe same bytes\n')
  expect(again.code).toBe(0)
})
