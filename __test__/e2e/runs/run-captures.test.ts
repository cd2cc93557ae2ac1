/** What is captured before a command starts, and what beside it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { programs } from '../../capture/environment/fakes.ts'
import { emptyRepository, git, objectAt, temporaryFolder } from '../../capture/fixture.ts'
import { lineaprint } from '../../support/program.ts'
import { onlyRun } from './support.ts'
import type { JsonObject } from '../../../src/core/json-value.ts'
import type { RunRecord } from '../../../src/record/record.ts'

function captured({ captures }: RunRecord, name: string): JsonObject {
  const capture = captures[name]
  if (capture?.status !== 'captured') throw new Error(`${name} is not captured`)
  return capture.value
}

const ANSWER = JSON.stringify({
  version: '3.99.0',
  implementation: 'CPython',
  executable: '/x/python',
  prefix: '/x',
  basePrefix: '/x',
  packages: [],
  direct: {},
  broken: 0,
})

test('the command does not wait for a slow source of the environment, and the record does', async () => {
  const root = temporaryFolder()
  const started = join(temporaryFolder(), 'started')
  // It answers once the command runs: if the command waited for it, neither would ever go on.
  const python3 = `while [ ! -e '${started}' ]; do sleep 0.05; done; echo 'lineaprint-probe:${ANSWER}'`
  const path = [programs({ python3 }), process.env['PATH'] ?? ''].join(delimiter)
  writeFileSync(join(root, 'lineaprint.config.json'), '{"environment":{"timeoutMs":60000}}')
  const { code, stderr } = await lineaprint(['run', '--', 'sh', '-c', `touch '${started}'`], {
    cwd: root,
    env: { PATH: path },
  })
  expect(code, stderr).toBe(0)
  expect(objectAt(captured(onlyRun(root).record, 'environment'), 'python')).toMatchObject({
    status: 'present',
    version: '3.99.0',
  })
})

test('the work tree is captured as it was before the command changed it', async () => {
  const root = emptyRepository()
  for (let index = 0; index < 200; index++) writeFileSync(join(root, `file-${index}`), `${index}\n`)
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', 'files')
  writeFileSync(join(root, 'file-7'), 'changed before\n')
  writeFileSync(join(root, 'new'), 'before\n')
  const source = `for (const name of [...Array(200).keys()].map((index) => 'file-' + index).concat('new', 'newer'))
    require('fs').writeFileSync(name, 'by the command')`
  const { code, stderr } = await lineaprint(['run', '--bundle', '--', process.execPath, '-e', source], {
    cwd: root,
    env: { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false' },
  })
  expect(code, stderr).toBe(0)
  const { record, folder } = onlyRun(root)
  expect(captured(record, 'git')).toMatchObject({
    modified: ['file-7'],
    untracked: [{ path: 'new' }],
    bundle: { status: 'written' },
  })
  expect(readFileSync(join(folder, 'git/untracked/new'), 'utf8')).toBe('before\n')
  expect(readFileSync(join(folder, 'git/diff.patch'), 'utf8')).toContain('+changed before')
  expect(readFileSync(join(folder, 'git/diff.patch'), 'utf8')).not.toContain('by the command')
})

test('the Python of the command is the one that is recorded', async () => {
  const root = temporaryFolder()
  const tools = programs({
    'python3.98': `case "$1" in -c) echo 'lineaprint-probe:${ANSWER.replace('3.99', '3.98')}';; esac`,
  })
  const { code, stderr } = await lineaprint(['run', '--', join(tools, 'python3.98'), 'train.py'], {
    cwd: root,
  })
  expect(code, stderr).toBe(0)
  expect(objectAt(captured(onlyRun(root).record, 'environment'), 'python')).toMatchObject({
    command: join(tools, 'python3.98'),
    version: '3.98.0',
  })
})
