import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { addMadeHere, isMadeHere } from '../../src/store/made-here.ts'
import { checkRunId } from '../../src/core/run-id.ts'
import { folderOf } from '../support/folder.ts'
import type { RunRecord } from '../../src/record/record.ts'

type Made = Pick<RunRecord, 'id' | 'seal' | 'process'>

const made = (id: string, seal: string | null = `seal of ${id}`, host = hostname()): Made => ({
  id: checkRunId(id.replaceAll(' ', '-')),
  seal,
  process: { pid: 1, startTime: null, host, bootId: null, pidNamespace: null },
})

let state: string
const folder = (): string => join(state, 'lineaprint')

beforeEach(() => {
  state = folderOf()
  vi.stubEnv('XDG_STATE_HOME', state)
})
afterEach(() => void vi.unstubAllEnvs())

test('only a run of this machine with exactly this seal is known', async () => {
  expect(await isMadeHere(made('a'))).toBe(false)
  await addMadeHere(made('a'))
  await addMadeHere(made('b'))
  expect(await isMadeHere(made('a'))).toBe(true)
  expect(await isMadeHere(made('b'))).toBe(true)
  expect(await isMadeHere(made('a', 'seal of b'))).toBe(false)
  expect(await isMadeHere(made('c'))).toBe(false)
  expect(await isMadeHere(made('a', null))).toBe(false)
  expect(await isMadeHere(made('a', 'seal of a', 'elsewhere'))).toBe(false)
})

test('a run without a seal is not put on the list', async () => {
  await addMadeHere(made('a', null))
  expect(existsSync(folder())).toBe(false)
})

test('the list is private, and tells nothing of the runs', async () => {
  await addMadeHere(made('name of a run'))
  expect(lstatSync(folder()).mode & 0o777).toBe(0o700)
  const [name = ''] = readdirSync(folder())
  expect(lstatSync(join(folder(), name)).mode & 0o777).toBe(0o600)
  expect(readFileSync(join(folder(), name), 'utf8')).toMatch(/^\n[0-9a-f]{64}\n$/)
})

test('the list is bounded, and the newest runs are known', async () => {
  await addMadeHere(made('first'))
  for (const [round, name] of ['runs-v1-1', 'runs-v1-2', 'runs-v1-3'].entries()) {
    truncateSync(join(folder(), name), 1 << 22)
    await addMadeHere(made(`filled ${round}`))
    await addMadeHere(made(`after ${round}`))
    expect(readdirSync(folder()).length).toBeLessThanOrEqual(2)
    expect(await isMadeHere(made(`after ${round}`))).toBe(true)
  }
  expect(await isMadeHere(made('filled 2'))).toBe(true)
  expect(await isMadeHere(made('first'))).toBe(false)
})

test('a line that was cut short costs that line only', async () => {
  await addMadeHere(made('a'))
  const path = join(folder(), 'runs-v1-1')
  writeFileSync(path, `${readFileSync(path, 'utf8')}\n0123`)
  await addMadeHere(made('b'))
  expect([await isMadeHere(made('a')), await isMadeHere(made('b'))]).toEqual([true, true])
})

test('processes that write at once lose no run', { timeout: 60_000 }, async () => {
  const source = `import { addMadeHere } from ${JSON.stringify(resolve('src/store/made-here.ts'))}
    for (let at = 0; at < 200; at++) await addMadeHere({ id: process.argv[1] + at, seal: 's', process: {} })`
  const children = ['a', 'b', 'c', 'd'].map((name) =>
    spawn(process.execPath, ['--input-type=module-typescript', '-e', source, name], { stdio: 'ignore' }),
  )
  await Promise.all(children.map((child) => once(child, 'exit')))
  for (const name of ['a', 'b', 'c', 'd'])
    for (const at of [0, 99, 199]) expect(await isMadeHere(made(`${name}${at}`, 's'))).toBe(true)
})

test.each<readonly [string, (path: string, worth: string) => void]>([
  ['link', (path, worth) => symlinkSync(worth, path)],
  ['second name', (path, worth) => linkSync(worth, path)],
  ['fifo', (path) => void execFileSync('mkfifo', [path])],
])('a %s at the name of the list is thrown away', async (_, put) => {
  mkdirSync(folder(), { mode: 0o700 })
  const worth = join(folderOf({ worth: 'of worth' }), 'worth')
  put(join(folder(), 'runs-v1-1'), worth)
  expect(await isMadeHere(made('a'))).toBe(false)
  put(join(folder(), 'runs-v1-1'), worth)
  await addMadeHere(made('a'))
  expect(await isMadeHere(made('a'))).toBe(true)
  expect(readFileSync(worth, 'utf8')).toBe('of worth')
})

test('a folder that others can write to, or that is none, makes nothing known and ends nothing', async () => {
  await addMadeHere(made('a'))
  chmodSync(folder(), 0o770)
  expect(await isMadeHere(made('a'))).toBe(false)
  vi.stubEnv('XDG_STATE_HOME', '/proc/self')
  await addMadeHere(made('a'))
  expect(await isMadeHere(made('a'))).toBe(false)
  const file = join(folderOf({ file: '' }), 'file')
  vi.stubEnv('XDG_STATE_HOME', file)
  await addMadeHere(made('a'))
  expect(await isMadeHere(made('a'))).toBe(false)
})

test('a relative folder is ignored: it would lie in the folder of a stranger', async () => {
  const home = folderOf()
  vi.stubEnv('XDG_STATE_HOME', 'state')
  vi.stubEnv('HOME', home)
  await addMadeHere(made('a'))
  expect(readdirSync(join(home, '.local/state/lineaprint'))).toEqual(['runs-v1-1'])
  expect(existsSync('state')).toBe(false)
})
