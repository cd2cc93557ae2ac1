import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { git } from '../../capture/fixture.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { FAST } from './support.ts'
import type { Outcome } from '../../support/program.ts'

async function recorded(): Promise<{ root: string; verify: (...args: string[]) => Promise<Outcome> }> {
  const root = folderOf({ data: 'x', 'tool.js': '' })
  const command = ['--', process.execPath, 'tool.js', '--', '-x']
  const args = ['run', '--name', 'tool', '--seed', '5', '--dataset', 'd=data', ...command]
  const outcome = await lineaprint(args, { cwd: root, env: FAST })
  if (outcome.code !== 0) throw new Error(outcome.stderr)
  const verify = (...rest: string[]): Promise<Outcome> =>
    lineaprint(['verify', ...rest], { cwd: root, env: FAST })
  return { root, verify }
}

test('a level decides the exit code and hides nothing', { timeout: 60_000 }, async () => {
  const { root, verify } = await recorded()
  const command = ['--', process.execPath, 'tool.js', '--', '-x']
  expect(await verify('tool', '--seed', '5', ...command)).toMatchObject({ code: 0, stderr: '' })
  writeFileSync(join(root, 'data'), 'y')
  for (const [level, code] of [
    ['--data', 1],
    ['--code', 0],
    ['--strict', 1],
  ] as const) {
    const { stdout, ...outcome } = await verify('tool', level)
    expect(outcome).toMatchObject({ code, stderr: '' })
    expect(stdout).toMatch(/^changed\tdatasets\td\tthe content of .* differs/m)
    expect(stdout.includes('(does not count at this level)')).toBe(level === '--code')
  }
  const json = await verify('tool', '--code', '--json', '--seed', '6', ...command.slice(0, -1))
  expect(JSON.parse(json.stdout)).toMatchObject({
    level: 'code',
    same: false,
    items: expect.arrayContaining([
      expect.objectContaining({ section: 'command', status: 'changed', counts: true }),
      expect.objectContaining({ section: 'seeds', status: 'changed', counts: false }),
      expect.objectContaining({ section: 'datasets', status: 'changed', counts: false }),
    ]) as object[],
  })
  expect(json.code).toBe(1)
  rmSync(join(root, 'data'))
  expect((await verify('tool', '--data')).stdout).toMatch(/^missing\tdatasets\td/m)
})

test('wrong usage is an error of one line with a hint', { timeout: 60_000 }, async () => {
  const { verify } = await recorded()
  for (const [args, message] of [
    [['tool', '--data', '--strict'], /'--data' cannot be used with option '--strict'/],
    [['tool', '--strict', '--code'], /cannot be used with/],
    [['tool', 'other'], /unexpected argument "other"; only one run .* put -- before a command/],
    [['tool', '--seed', 'many'], /--seed/],
    [['tool', '--seed', '-1'], /--seed/],
    [['tool', '--stric'], /unknown option '--stric'.*--strict/s],
    [[], /missing required argument 'run'/],
    [['tool', '--directory', process.execPath], /the directory is not a folder/],
  ] as const) {
    const outcome = await verify(...args)
    expect(outcome).toMatchObject({ code: 2, stdout: '' })
    expect(outcome.stderr).toMatch(message)
    expect(outcome.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2)
  }
  expect(await verify('tool', '--directory', 'gone')).toMatchObject({
    code: 3,
    stdout: '',
    stderr: 'lineaprint: gone: there is no such file or folder\n',
  })
})

test('the text begins with what is different about the folder, and leaves out what was not asked', async () => {
  const root = folderOf({ 'project/data': 'x' })
  const [before, after] = [join(root, 'project'), join(root, 'moved')]
  git(before, 'init', '-q')
  git(before, 'commit', '-q', '--allow-empty', '-m', 'first')
  const env = { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false' }
  expect(await lineaprint(['run', '--dataset', 'd=data', '--', 'true'], { cwd: before, env })).toMatchObject({
    code: 0,
  })
  const here = await lineaprint(['verify', '@latest'], { cwd: before, env })
  expect(here.stdout).not.toMatch(/^\S+\t(?:command\targv|seeds\tseeds)\t/m)
  const strict = await lineaprint(['verify', '@latest', '--strict'], { cwd: before, env })
  expect(strict.stdout).toMatch(/^not-checked\tcommand\targv\t/m)
  const asked = await lineaprint(['verify', '@latest', '--seed', '1', '--', 'true'], { cwd: before, env })
  expect(asked.stdout).toMatch(/^same\tcommand\targv\t/m)
  expect(asked.stdout).toMatch(/^\S+\tseeds\tseeds\t/m)
  renameSync(before, after)
  const moved = await lineaprint(['verify', '@latest'], { cwd: after, env })
  expect(moved.stdout).toMatch(/^not-checked\tcode\tfolder\tthe folder .* is not there any more/)
})
