import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diffCode } from '../../src/diff/code.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { readRun } from '../../src/store/runs.ts'
import { gitInTurn } from '../capture/fixture.ts'
import { folderOf } from '../support/folder.ts'
import { NO_CAPTURES, finished } from '../tracking/support.ts'
import type { CodeDiff } from '../../src/diff/code.ts'
import type { ExperimentOptions } from '../../src/config/options.ts'
import type { StoredRun } from '../../src/store/runs.ts'

function repository(files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = folderOf(files)
  gitInTurn(root, ['init', '-q'], ['add', '.'], ['commit', '-qm', 'first'])
  return root
}

/** A run that captures the repository, and tracks what a test wants. */
async function runIn(
  root: string,
  work: (tracker: ExperimentTracker) => unknown = () => undefined,
  options: ExperimentOptions = {},
): Promise<StoredRun> {
  const tracker = new ExperimentTracker(
    { outputDir: root, ...NO_CAPTURES, enableGitTracking: true, ...options },
    { directory: root, environment: {} },
  )
  await tracker.startExperiment()
  await work(tracker)
  await tracker.finishExperiment()
  return readRun(tracker.runDirectory)
}

function patchOf(code: CodeDiff): string {
  if (code.status !== 'compared') throw new Error(code.reason)
  return Buffer.from(code.patch).toString()
}

/** Every file of a work tree with its mode, but those of git and of the store. */
function treeOf(root: string): Record<string, string> {
  const names = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((name) => !name.startsWith('.git/') && !name.startsWith('.lineaprint/'))
  return Object.fromEntries(
    names.toSorted().map((name) => {
      const path = join(root, name)
      return [
        name,
        `${(statSync(path).mode & 0o100) === 0 ? '' : 'x'} ${readFileSync(path).toString('latin1')}`,
      ]
    }),
  )
}

/** Names and times of everything in `.git`: nothing may be written there. */
function stateOfGit(root: string): string {
  return readdirSync(join(root, '.git'), { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
    .map((path) => `${path} ${statSync(path).size}`)
    .join('\n')
}

test('the patch leads from the code of one run to that of the other', { timeout: 120_000 }, async () => {
  const root = repository({
    'train.py': 'a = 1\nb = 2\nc = 3\n',
    'moved.py': 'one\ntwo\nthree\nfour\n',
    'gone.py': 'x\n',
    'raw.bin': Uint8Array.of(0, 1, 2, 255),
  })
  writeFileSync(join(root, 'train.py'), 'a = 1\nb = 20\nc = 3\n')
  writeFileSync(join(root, 'notes.txt'), 'first\n')
  const before = await runIn(root)
  const start = join(folderOf(), 'start')
  cpSync(root, start, { recursive: true })

  gitInTurn(root, ['add', 'train.py'], ['commit', '-qm', 'second'])
  writeFileSync(join(root, 'train.py'), 'a = 1\nb = 20\nc = 30\n')
  renameSync(join(root, 'moved.py'), join(root, 'renamed.py'))
  rmSync(join(root, 'gone.py'))
  writeFileSync(join(root, 'raw.bin'), Uint8Array.of(9, 0, 7))
  writeFileSync(join(root, 'notes.txt'), 'second\n')
  mkdirSync(join(root, 'sub'))
  writeFileSync(join(root, 'sub/ä b.sh'), '#!/bin/sh\n')
  chmodSync(join(root, 'sub/ä b.sh'), 0o755)
  symlinkSync('train.py', join(root, 'link'))
  const after = await runIn(root)

  const state = stateOfGit(root)
  const code = await diffCode(before, after)
  expect(stateOfGit(root)).toBe(state)
  expect(code).toMatchObject({ status: 'compared', incomplete: [] })
  const patch = patchOf(code)
  expect(patch).toContain('-c = 3\n+c = 30\n')
  expect(patch).not.toContain('+b = 20')
  execFileSync('git', ['apply', '-'], { cwd: start, input: patch })
  expect(treeOf(start)).toEqual(treeOf(root))
  expect(patchOf(await diffCode(before, before))).toBe('')
  // And back again.
  execFileSync('git', ['apply', '-'], { cwd: start, input: patchOf(await diffCode(after, before)) })
  expect(readFileSync(join(start, 'notes.txt'), 'utf8')).toBe('first\n')
})

test('outputs and datasets are compared on their own', { timeout: 60_000 }, async () => {
  const root = repository({ 'train.py': 'a\n', 'data.csv': '1\n' })
  const work = async (tracker: ExperimentTracker): Promise<void> => {
    await tracker.trackDataset('data.csv', 'data')
    writeFileSync(join(root, 'out.txt'), String(Math.random()))
    await tracker.trackOutput('out.txt', 'out')
  }
  const before = await runIn(root, work)
  writeFileSync(join(root, 'data.csv'), '2\n')
  const after = await runIn(root, work)
  expect(patchOf(await diffCode(before, after))).toBe('')
})

test('what a run did not keep is told', { timeout: 60_000 }, async () => {
  const root = repository({ 'train.py': 'a\n' })
  const before = await runIn(root)
  writeFileSync(join(root, 'large.txt'), 'x'.repeat(2000))
  writeFileSync(join(root, 'train.py'), 'b\n')
  const after = await runIn(root, undefined, { git: { untrackedFileLimit: 1000, patchLimit: 10 } })
  expect(await diffCode(before, after)).toMatchObject({
    status: 'compared',
    incomplete: [
      expect.stringMatching(/^second run: its changes were not kept: it is larger than 10 bytes/) as string,
      'second run: large.txt was not kept: it is over 1000 bytes',
    ],
  })
})

test('without a repository, a commit or a capture there is a reason', { timeout: 60_000 }, async () => {
  const root = repository({ 'train.py': 'a\n' })
  const run = await runIn(root)
  const nothing = await finished(folderOf())
  const reason = async (a: StoredRun, b: StoredRun): Promise<unknown> => {
    const code = await diffCode(a, b)
    return code.status === 'not-compared' ? code.reason : code.status
  }
  expect(await reason(run, nothing)).toBe('the second run has no git capture')
  const plain = await runIn(folderOf())
  expect(await reason(plain, run)).toBe('the first run was not inside a git repository')
  const git7 = structuredClone(run.record.captures['git']) as unknown as { value: { commit: string } }
  git7.value.commit = '7'.repeat(40)
  const other = { ...run, record: { ...run.record, captures: { git: git7 as never } } }
  expect(await reason(run, other)).toMatch(/^the commit 7{40} of the second run is not available in /)
  renameSync(join(root, '.git'), join(root, 'git-elsewhere'))
  expect(await reason(run, run)).toMatch(/of the first run is not available in /)
  // Unless the run kept its commits.
  renameSync(join(root, 'git-elsewhere'), join(root, '.git'))
  const bundled = await runIn(root, undefined, { git: { bundle: true } })
  rmSync(join(root, '.git'), { recursive: true })
  expect(await reason(bundled, bundled)).toBe('compared')
  await expect(diffCode(run, run, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop')
})
