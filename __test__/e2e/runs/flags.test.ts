/** What the command does of flags: it records them, shows them, and asks git no more than it must. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readRun } from '../../../src/store/runs.ts'
import { verifyRun } from '../../../src/verify/verify.ts'
import { repository } from '../../capture/git/look.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { onlyRun } from './support.ts'

test('a command: flags are in the record, and shown', { timeout: 60_000 }, async () => {
  const root = folderOf({ 'in.txt': 'x', 'out.txt': 'old' })
  const env = { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false', LINEAPRINT_ENABLE_GIT_TRACKING: 'false' }
  const program = `const fs = require('fs'); fs.writeFileSync('in.txt', 'y'); fs.writeFileSync('out.txt', 'new')`
  const args = ['--dataset', 'in=in.txt', '--output', 'out=out.txt', '--', process.execPath, '-e', program]
  const ran = await lineaprint(['run', ...args], { cwd: root, env })
  expect(ran.code).toBe(0)
  expect(ran.stderr).toContain('warning: the dataset "in" changed during the run\n')
  expect(ran.stderr).not.toContain('already existed')
  expect(onlyRun(root).record.flags).toMatchObject([
    { kind: 'output-existed', name: 'out' },
    { kind: 'input-changed', name: 'in' },
  ])
  const { stdout } = await lineaprint(['show', '@latest'], { cwd: root, env })
  expect(stdout).toContain(`Flags
  output-existed: the output "out" already existed and the run wrote to it
  input-changed: the dataset "in" changed during the run`)
})

test('without git tracking, or without a repository, nothing is asked at the end', async () => {
  const folder = folderOf({ 'made.txt': 'x' })
  const log = join(folderOf(), 'log')
  const bin = folderOf()
  const real = spawnSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).stdout.trim()
  writeFileSync(join(bin, 'git'), `#!/bin/sh\necho "$@" >> '${log}'\nexec '${real}' "$@"\n`, { mode: 0o755 })
  const env = { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false', PATH: `${bin}:${process.env['PATH'] ?? ''}` }
  const command = ['run', '--', process.execPath, '-e', `require('fs').writeFileSync('left', 'x')`]
  const asked = async (cwd: string, more: Record<string, string>): Promise<number> => {
    writeFileSync(log, '')
    const { code } = await lineaprint(command, { cwd, env: { ...env, ...more } })
    expect(code).toBe(0)
    return readFileSync(log, 'utf8').match(/ status /g)?.length ?? 0
  }
  expect(await asked(repository(), { LINEAPRINT_ENABLE_GIT_TRACKING: 'false' })).toBe(0)
  expect(await asked(folder, {})).toBe(0)
  expect(await asked(repository(), {})).toBe(2)
})

test('a command: `show` tells of what it left, `verify` counts it as any other file', async () => {
  const root = repository()
  const env = { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false' }
  const program = `const fs = require('fs'); fs.writeFileSync('left', 'x'); fs.writeFileSync('out', 'x')`
  const ran = await lineaprint(['run', '--output', 'out=out', '--', process.execPath, '-e', program], {
    cwd: root,
    env,
  })
  expect(ran).toMatchObject({ code: 0, stderr: expect.not.stringContaining('warning') as string })
  const { stdout } = await lineaprint(['show', '@latest'], { cwd: root, env })
  expect(stdout).toContain(`Flags
  undeclared-output: 1 file is new or changed since the run started, and not declared: left
`)
  const { record, folder } = onlyRun(root)
  expect(record.warnings).toEqual([])
  const { same, items } = await verifyRun(await readRun(folder), { directory: root })
  expect({ same, code: items.find(({ name }) => name === 'git') }).toMatchObject({
    same: true,
    code: { counts: false },
  })
})
