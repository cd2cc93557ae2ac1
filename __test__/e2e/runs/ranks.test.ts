/** Ranks of a launch that have a wrapper each: one run on their machine. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { emptyRepository, git } from '../../capture/fixture.ts'
import { folderOf } from '../../support/folder.ts'
import { keptFolder } from '../../support/kept-folder.ts'
import { PROGRAM, lineaprint } from '../../support/program.ts'
import { FAST, onlyRun, recordsIn } from './support.ts'
import type { LaunchRecord, RunRecord } from '../../../src/record/record.ts'

const SLOW = { timeout: 120_000 }

/**
 * A launcher: it starts the ranks of a list with the variables of torchrun, and prints their exit codes. Ranks may start
 * late, by milliseconds.
 */
const LAUNCHER = `
const { spawn } = require('node:child_process')
const { ranks, size, command, late = {}, env = {} } = JSON.parse(process.argv[1])
const start = (rank) => new Promise((done) => setTimeout(() => {
  const variables = { ...process.env, RANK: rank, LOCAL_RANK: rank, WORLD_SIZE: size, LOCAL_WORLD_SIZE: size,
    MASTER_ADDR: '127.0.0.1', MASTER_PORT: '29500', TORCHELASTIC_RUN_ID: 'test', ...env }
  const child = spawn(command[0], command.slice(1), { env: variables, stdio: ['ignore', 2, 2] })
  child.on('exit', (code, signal) => done([rank, signal ?? code]))
}, late[rank] ?? 0))
Promise.all(ranks.map(start)).then((ends) => console.log(JSON.stringify(Object.fromEntries(ends))))`

interface Job {
  readonly ranks?: readonly number[]
  readonly size?: number
  readonly late?: Readonly<Record<number, number>>
  readonly env?: Readonly<Record<string, string>>
  /** Options of `lineaprint run`. */
  readonly options?: readonly string[]
  /** A program of Node, with `rank` as a variable. */
  readonly program: string
}

/** Starts a job, and returns the exit code of each rank. */
async function launch(
  root: string,
  { ranks = [0, 1, 2], size = ranks.length, options = [], program, ...more }: Job,
): Promise<Record<string, number | string>> {
  const script = join(root, 'rank.cjs')
  writeFileSync(script, `const rank = Number(process.env.RANK); const fs = require('fs')\n${program}`)
  const command = [...PROGRAM, 'run', ...options, '--', process.execPath, script]
  const job = JSON.stringify({ ranks, size, command, ...more })
  const child = spawn(process.execPath, ['-e', LAUNCHER, job], {
    cwd: root,
    env: { ...process.env, ...FAST },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as Record<string, number | string>
}

function launchOf({ launch: found }: RunRecord): LaunchRecord {
  if (found === undefined) throw new Error('the run has no launch')
  return found
}

test(
  'ranks in any order are one run: the first one first, each with its end and its output',
  SLOW,
  async () => {
    const root = folderOf()
    const program = 'console.log("rank " + rank)'
    // The first one comes last.
    expect(await launch(root, { program, late: { 0: 1500 } })).toEqual({ 0: 0, 1: 0, 2: 0 })
    const { record, folder } = onlyRun(root)
    expect(record).toMatchObject({ status: 'finished', failure: null, warnings: [] })
    const { launcher, group, size, ranks } = launchOf(record)
    expect({ launcher, group, size }).toEqual({
      launcher: 'torchrun',
      group: 'test 127.0.0.1 29500',
      size: 3,
    })
    expect(ranks).toMatchObject(
      [0, 1, 2].map((rank) => ({ rank, localRank: rank, status: 'ended', exitCode: 0, signal: null })),
    )
    expect(readFileSync(join(folder, 'stdout.log'), 'utf8')).toBe('rank 0\n')
    for (const rank of [1, 2]) {
      expect(ranks[rank]).toMatchObject({
        stdout: { status: 'captured', file: `ranks/rank-${rank}/stdout.log` },
      })
      expect(readFileSync(join(folder, `ranks/rank-${rank}/stdout.log`), 'utf8')).toBe(`rank ${rank}\n`)
    }
  },
)

test('what ranks log and declare is told apart, and what all declare is recorded once', SLOW, async () => {
  const root = folderOf({ 'all.txt': 'all' })
  const [node, main] = PROGRAM
  const program = `
require('child_process').execFileSync(${JSON.stringify(node)}, [${JSON.stringify(main)}, 'log', 'metric', 'loss', String(rank)])
fs.writeFileSync('out.txt', 'same')`
  await launch(root, { program, options: ['--dataset', 'data=all.txt', '--output', 'out=out.txt'] })
  const { record } = onlyRun(root)
  expect(Object.keys(record.metrics)).toEqual(['loss', 'loss/rank 1', 'loss/rank 2'])
  expect(Object.keys(record.datasets)).toEqual(['data'])
  expect(Object.keys(record.outputs)).toEqual(['out'])
  const { stdout } = await lineaprint(['show', '@latest'], { cwd: root, env: FAST })
  expect(stdout).toContain('launch      torchrun, "test 127.0.0.1 29500"')
  expect(stdout).toMatch(/here +3 ranks of 3 on /)
  expect(stdout).toMatch(/rank 2 +exit code 0, .*ranks\/rank-2\/stdout\.log/)
})

test('a rank that fails is why the run failed', SLOW, async () => {
  const root = folderOf()
  expect(await launch(root, { program: 'process.exit(rank === 1 ? 3 : 0)' })).toEqual({ 0: 0, 1: 3, 2: 0 })
  const { record } = onlyRun(root)
  expect(record).toMatchObject({ status: 'failed', failure: { message: 'rank 1 ended with code 3' } })
})

test.runIf(process.platform === 'linux')('a wrapper of a rank that is killed', SLOW, async () => {
  const root = folderOf()
  // The parent of the command is the launcher, and the parent of that the wrapper.
  const program = `if (rank === 1) {
  const parent = (pid) => Number(/^PPid:\\s*(\\d+)/m.exec(fs.readFileSync('/proc/' + pid + '/status', 'utf8'))[1])
  const isWrapper = (pid) => fs.readFileSync('/proc/' + pid + '/cmdline', 'utf8').includes('\\0run\\0')
  let pid = process.ppid
  while (pid > 1 && !isWrapper(pid)) pid = parent(pid)
  process.kill(pid, 'SIGKILL')
}`
  expect(await launch(root, { program })).toEqual({ 0: 0, 1: 'SIGKILL', 2: 0 })
  const { record } = onlyRun(root)
  expect(record.status).toBe('failed')
  expect(record.failure?.message).toBe('the wrapper of rank 1 ended without a report')
  expect(launchOf(record).ranks[1]).toMatchObject({ status: 'lost', exitCode: null })
})

test(
  'a second launch of the same name is a run of its own, and so is a launch of another group',
  SLOW,
  async () => {
    const root = folderOf()
    const job = { program: '', ranks: [0, 1] }
    await launch(root, job)
    await launch(root, job)
    await launch(root, { ...job, env: { LINEAPRINT_RUN_GROUP: 'mine' } })
    const records = recordsIn(root)
    expect(records.map((record) => launchOf(record).group)).toEqual([
      'test 127.0.0.1 29500',
      'test 127.0.0.1 29500',
      'mine',
    ])
    for (const record of records) {
      expect(record.warnings).toEqual([])
      expect(launchOf(record).ranks.map(({ exitCode }) => exitCode)).toEqual([0, 0])
    }
  },
)

test('a run inside of a rank is a run of its own, and knows that of the rank', SLOW, async () => {
  const root = folderOf()
  const [node, main] = PROGRAM
  const program = `if (rank === 1) require('child_process').execFileSync(${JSON.stringify(node)},
  [${JSON.stringify(main)}, 'run', '--name', 'inner', '--', ${JSON.stringify(node)}, '-e', ''], { stdio: ['ignore', 2, 2] })`
  expect(await launch(root, { program, ranks: [0, 1] })).toEqual({ 0: 0, 1: 0 })
  const [outer, inner] = recordsIn(root)
  expect(inner).toMatchObject({ name: 'inner', parent: outer?.id, warnings: [] })
  expect(inner).not.toHaveProperty('launch')
})

test('a run of ranks cannot be reproduced by the command of one of them', SLOW, async () => {
  const root = emptyRepository()
  git(root, 'commit', '-q', '--allow-empty', '-m', 'base')
  const script = join(root, 'job')
  writeFileSync(script, '')
  const env = { LINEAPRINT_ENABLE_GIT_TRACKING: 'true' }
  await launch(root, { program: '', ranks: [0, 1], env })
  const { code, stdout } = await lineaprint(['reproduce', '@latest', '--json'], { cwd: root })
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'ERR_LINEAPRINT_STATE', field: 'launch' } })
  expect(code).toBe(3)
})

// These two wait, both at once. They are last: what tests after them register for their end may be called early.
test.concurrent(
  'without the first rank, a rank makes a run of its own, which names the launch',
  SLOW,
  async () => {
    const root = keptFolder()
    expect(await launch(root, { program: '', ranks: [1], size: 2 })).toEqual({ 1: 0 })
    const { record } = onlyRun(root)
    expect(record.status).toBe('finished')
    expect(launchOf(record)).toMatchObject({
      group: 'test 127.0.0.1 29500',
      ranks: [{ rank: 1, exitCode: 0 }],
    })
    expect(record.warnings).toMatchObject([expect.stringContaining('rank 1 has a run of its own')])
  },
)

test.concurrent('a first rank that fails does not wait for the others, which go on', SLOW, async () => {
  const root = keptFolder()
  // The first one fails once the other one has joined.
  const program = `fs.writeFileSync('here-' + rank, '')
const timer = setInterval(() => {
  if (!fs.existsSync('here-1')) return
  if (rank === 0) process.exit(4)
  clearInterval(timer)
  setTimeout(() => fs.writeFileSync('late-' + rank, ''), 8000)
}, 20)`
  expect(await launch(root, { program, ranks: [0, 1] })).toEqual({ 0: 4, 1: 0 })
  readFileSync(join(root, 'late-1'))
  const { record } = onlyRun(root)
  expect(record).toMatchObject({ status: 'failed', failure: { message: 'the command ended with code 4' } })
  expect(launchOf(record).ranks[1]).toMatchObject({ status: 'running', stdout: { status: 'not-captured' } })
  expect(record.warnings).toMatchObject([expect.stringContaining('the run ended before 1 rank')])
})
