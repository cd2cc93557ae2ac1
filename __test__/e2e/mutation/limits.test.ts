/** What counts at which level, and what `verify` cannot see: `docs/verify.md` lists it. */
import { chmodSync, cpSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { verifyRecord } from '../../../src/compare/run-files.ts'
import { readRun } from '../../../src/store/runs.ts'
import { formatRecord, sealRecord } from '../../../src/record/seal.ts'
import { git } from '../../capture/fixture.ts'
import { keptFolder } from '../../support/kept-folder.ts'
import { lineaprint } from '../../support/program.ts'
import { AS_RECORDED, found, recordedProject } from './support.ts'
import type { VerifyOptions } from '../../../src/verify/verify.ts'

const { project, environment, inRoot, verify, verifyCommand, edit } = recordedProject()

test('a level looks away from what is not its own, and still shows it', { timeout: 120_000 }, async () => {
  const undo = [edit('data/train.csv', '3,4', '3,5'), edit('helper.py', 'x = 1', 'x = 2')]
  const other = { ...AS_RECORDED, seed: 7 }
  try {
    const at = async (level: VerifyOptions['level']): Promise<string[]> =>
      found(await verify({ ...other, level }))
    expect(await at('data')).toEqual(['datasets train changed'])
    expect(await at('code')).toEqual(['code git changed'])
    expect(await at('default')).toEqual(['code git changed', 'datasets train changed', 'seeds seeds changed'])
    const { items } = await verify({ ...other, level: 'data' })
    const shown = items.filter(({ status }) => status === 'changed').map(({ section }) => section)
    expect(shown.toSorted()).toEqual(['code', 'datasets', 'seeds'])
  } finally {
    for (const one of undo) one()
  }
})

test('a new untracked file counts where everything does', { timeout: 120_000 }, async () => {
  writeFileSync(inRoot('new.py'), '')
  try {
    const normal = await verify()
    expect(normal.same).toBe(true)
    expect(normal.items.find(({ name }) => name === 'git')).toMatchObject({
      status: 'changed',
      counts: false,
      differences: [{ field: 'untracked.new.py', counts: false }],
    })
    const strict = await verifyCommand('--strict')
    expect(strict.code).toBe(1)
    expect(strict.stdout).toContain('changed\tcode\tgit\tuntracked.new.py\n')
  } finally {
    rmSync(inRoot('new.py'))
  }
})

test('what was not checked is a failure where everything counts', { timeout: 120_000 }, async () => {
  const rest = await verify({ level: 'default' })
  expect(rest.same).toBe(true)
  const open = rest.items.filter(({ status }) => status === 'not-checked')
  expect(open.map(({ section, detail }) => [section, detail])).toEqual([
    ['command', 'no command to compare with'],
    ['seeds', 'this process has no seed, and no --seed was given'],
  ])
  const strict = await lineaprint(['verify', '@latest', '--strict'], {
    cwd: project.root,
    env: environment(),
  })
  expect(strict.code).toBe(1)
  expect(strict.stdout).toMatch(/^not-checked\tcommand\targv/m)
})

describe('what verify cannot see', () => {
  const counted = async (): Promise<string[]> => found(await verify())

  test('a file that git ignores and nobody declared', { timeout: 60_000 }, async () => {
    const undo = edit('ignored/extra.py', 'z = 1', 'z = 2')
    expect(await counted()).toEqual([])
    undo()
  })

  test(
    'an installed package that was edited in place, under its old version',
    { timeout: 60_000 },
    async () => {
      writeFileSync(inRoot('node_modules/dep/index.js'), 'edited')
      expect(await counted()).toEqual([])
      rmSync(inRoot('node_modules/dep/index.js'))
    },
  )

  test('a variable that is on no list', { timeout: 60_000 }, async () => {
    vi.stubEnv('SOME_OTHER_SWITCH', 'on')
    expect(await counted()).toEqual([])
  })

  test('times, and the permissions of data', { timeout: 60_000 }, async () => {
    utimesSync(inRoot('data/train.csv'), new Date(0), new Date(0))
    chmodSync(inRoot('data/train.csv'), 0o755)
    chmodSync(inRoot('helper.py'), 0o600)
    expect(await counted()).toEqual([])
    chmodSync(inRoot('helper.py'), 0o644)
  })

  test('a file that git was told not to look at', { timeout: 60_000 }, async () => {
    git(project.root, 'update-index', '--assume-unchanged', 'helper.py')
    const undo = edit('helper.py', 'x = 1', 'x = 2')
    expect(await counted()).toEqual([])
    undo()
    git(project.root, 'update-index', '--no-assume-unchanged', 'helper.py')
  })

  test('a record that was changed and sealed again, without its old seal', async () => {
    const copy = join(keptFolder(), 'copy')
    cpSync(project.folder, copy, { recursive: true })
    const forged = sealRecord({ ...project.run.record, notes: 'better than it was' })
    writeFileSync(join(copy, 'run.json'), formatRecord(forged))
    const again = await readRun(copy)
    expect(verifyRecord(again)).toMatchObject([{ status: 'same' }])
    // What gives it away is the seal itself, noted elsewhere.
    expect(again.record.seal).not.toBe(project.run.record.seal)
  })
})
