import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseGitCapture } from '../../../src/capture/git/parse.ts'
import { beginStatus, changedSince } from '../../../src/tracking/changes/work-tree.ts'
import type { Captured } from '../../../src/core/component.ts'
import type { RepositoryCapture } from '../../../src/capture/git/types.ts'
import { readRun } from '../../../src/store/runs.ts'
import { git, temporaryFolder, gitInTurn } from '../../capture/fixture.ts'
import { look, repository, write } from '../../capture/git/look.ts'
import { folderOf } from '../../support/folder.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import { KINDS } from '../../../src/tracking/inputs.ts'
import { finished, started, startedRecorder } from '../support.ts'
import type { ExperimentTracker } from '../../../src/tracking/tracker.ts'
import type { FlagRecord } from '../../../src/record/record.ts'
import type { StoredRun } from '../../../src/store/runs.ts'

function repositoryOf({ value }: Captured): RepositoryCapture {
  const captured = parseGitCapture(value)
  if (!captured.available) throw new Error(captured.reason)
  return captured
}

const GIT = { enableGitTracking: true }

/** A finished run in a repository. */
function runIn(root: string, work?: (tracker: ExperimentTracker) => unknown): Promise<StoredRun> {
  return finished(root, GIT, work)
}

const leftBy = ({ record }: StoredRun): readonly string[] | undefined => flagged(record.flags)?.paths

const flagged = (flags: readonly FlagRecord[] = []): FlagRecord | undefined =>
  flags.find(({ kind }) => kind === 'undeclared-output')

test('files that were neither committed nor declared at the start are flagged', async () => {
  const root = repository({ 'train.py': '1\n', 'data/a': '1', '.gitignore': '*.log\n' })
  const run = (): Promise<StoredRun> => runIn(root, (tracker) => tracker.trackDataset('data', 'data'))
  expect((await run()).record.flags).toEqual([])
  appendFileSync(join(root, 'train.py'), '2\n')
  write(root, 'data/a', '2')
  write(root, 'data/b', '2')
  write(root, 'notes/x.md', 'x')
  write(root, 'a.log', 'ignored')
  expect((await run()).record.flags).toEqual([
    {
      kind: 'undeclared',
      count: 2,
      paths: ['train.py', 'notes/x.md'],
      message: '2 files were neither committed nor declared when the run started: train.py, notes/x.md',
    },
  ])
})

test('what a run leaves in the work tree and nobody declared is flagged; all else is not', async () => {
  const root = repository({ 'a.py': 'a\n', 'b.py': 'b\n', 'gone.py': 'g\n', '.gitignore': '*.log\n' })
  const run = await runIn(root, async (tracker) => {
    for (const name of ['in.csv', 'out/a', 'said', 'left/a', 'left/b', 'x.log', '.lineaprint/x'])
      write(root, name, 'x')
    write(root, 'a.py', 'changed\n')
    // Written, and the same.
    write(root, 'b.py', 'b\n')
    rmSync(join(root, 'gone.py'))
    symlinkSync('nowhere', join(root, 'link'))
    await tracker.trackDataset('in.csv', 'in')
    await tracker.expectOutput('said', 'said')
    await tracker.trackOutput('out', 'out')
  })
  expect(run.record.flags).toEqual([
    {
      kind: 'undeclared-output',
      count: 5,
      paths: ['a.py', 'gone.py', 'left/a', 'left/b', 'link'],
      sizes: [8, null, 1, 1, null],
      message: '5 files are new or changed since the run started, and not declared: a.py, gone.py, left/a, …',
    },
    {
      kind: 'undeclared-ignored',
      count: 1,
      paths: ['x.log'],
      sizes: [1],
      message: '1 file is ignored by git, written since the run started, and not declared: x.log',
    },
  ])
  expect(run.record.warnings).toEqual([])
  expect((await runIn(root)).record.flags).toMatchObject([{ kind: 'undeclared', count: 5 + 3 }])
})

test('a file that was dirty at the start is compared with what it was then', async () => {
  const root = repository({ 'a.py': 'a\n', 'b.py': 'b\n', 'c.py': 'c\n', 'd.py': 'd\n', 'e.py': 'e\n' })
  const dirty = { 'a.py': 'A\n', 'b.py': 'B\n', 'c.py': 'C\n', 'new/a': 'a', 'new/b': 'b', 'new/c': 'c' }
  for (const [name, content] of Object.entries(dirty)) write(root, name, content)
  for (const name of ['d.py', 'e.py']) rmSync(join(root, name))
  for (const name of ['l1', 'l2']) symlinkSync('old', join(root, name))
  const run = await runIn(root, () => {
    // The same length, and for one of them the time of before.
    const { atime, mtime } = lstatSync(join(root, 'a.py'))
    write(root, 'a.py', 'Z\n')
    utimesSync(join(root, 'a.py'), atime, mtime)
    write(root, 'new/a', 'z')
    // Another length; back to the commit; gone; there again; another target.
    write(root, 'b.py', 'longer\n')
    git(root, 'checkout', '-q', 'c.py')
    rmSync(join(root, 'new/b'))
    write(root, 'e.py', 'e\n')
    rmSync(join(root, 'l2'))
    symlinkSync('new', join(root, 'l2'))
    // Written, and the same.
    write(root, 'new/c', 'c')
    // Added to the index, which is no change of the file.
    git(root, 'add', 'a.py', 'l1')
  })
  expect(leftBy(run)).toEqual(['a.py', 'b.py', 'c.py', 'e.py', 'l2', 'new/a', 'new/b'])
})

test('commits that the run makes hide nothing, and show nothing that was not written', async () => {
  const root = repository({ 'a.py': 'a\n', 'b.py': 'b\n' })
  write(root, 'dirty', 'x')
  const committed = await runIn(root, () => {
    write(root, 'made', 'x')
    gitInTurn(root, ['add', '-A'], ['rm', '-q', 'b.py'], ['commit', '-q', '-m', 'by the run'])
    write(root, 'later', 'x')
  })
  expect(leftBy(committed)).toEqual(['b.py', 'later', 'made'])
  // The index and the branch go back, the files stay as they are.
  const aged = await look(root)
  git(root, 'reset', '-q', '--mixed', 'HEAD~1')
  write(root, 'new', 'x')
  const options = { root, algorithm: 'blake3', since: Date.now() + 60_000 } as const
  const nothing = await changedSince(
    repositoryOf(aged),
    beginStatus({ directory: root, signal: undefined }),
    options,
  )
  expect(nothing).toEqual([])
})

test('a capture in the middle of a run does not hide what came before it', async () => {
  const root = repository()
  const run = await runIn(root, async (tracker) => {
    write(root, 'early', 'x')
    await tracker.captureGit()
    write(root, 'late', 'x')
  })
  expect(leftBy(run)).toEqual(['early', 'late'])
  expect(run.record.flags).toHaveLength(1)
})

test('of many files the first 20 are listed, with odd names as they are shown elsewhere', async () => {
  const root = repository()
  const run = await runIn(root, () => {
    for (let number = 10; number < 40; number++) write(root, `n${number}`, 'x')
    write(root, 'a "q"\n', 'x')
    writeFileSync(Buffer.concat([Buffer.from(`${root}/a`), Buffer.from([0xff])]), 'x')
  })
  const flag = flagged(run.record.flags)
  expect(flag).toMatchObject({ count: 32 })
  expect(flag?.paths).toHaveLength(20)
  expect(flag?.paths?.slice(0, 3)).toEqual(['a "q"\n', 'a\\xff', 'n10'])
})

test('a name that is not UTF-8 is compared as well', async () => {
  const root = repository()
  const [same, other] = [0xfe, 0xff].map((byte) =>
    Buffer.concat([Buffer.from(`${root}/a`), Buffer.from([byte])]),
  )
  for (const path of [same, other]) writeFileSync(path ?? '', 'x')
  // Its name is the text that the other one is shown as.
  write(root, String.raw`a\xff`, 'x')
  const run = await runIn(root, () => {
    writeFileSync(same ?? '', 'x')
    writeFileSync(other ?? '', 'y')
  })
  expect(leftBy(run)).toEqual([String.raw`a\xff`])
})

test('a declared model stands for all its files, and a folder behind a link for what is in it', async () => {
  const root = repository()
  const real = temporaryFolder()
  renameSync(root, join(real, 'tree'))
  symlinkSync(join(real, 'tree'), root)
  const run = await runIn(root, async (tracker) => {
    for (const name of ['one', 'two']) {
      mkdirSync(join(root, name))
      write(root, `${name}/x-1.safetensors`, safetensors({ w: floats([1]) }) as Buffer)
      write(root, `${name}/config.json`, '{}')
      write(root, `${name}/notes`, 'x')
    }
    const index = JSON.stringify({ weight_map: { w: 'x-1.safetensors' } })
    write(root, 'one/x.safetensors.index.json', index)
    await tracker.trackModel('one/x.safetensors.index.json', 'one')
    await tracker.trackModel('two', 'two')
  })
  expect(leftBy(run)).toEqual(['one/notes'])
})

test('submodules and repositories within: new changes of them show', async () => {
  const root = repository()
  gitInTurn(
    root,
    ['submodule', '--quiet', 'add', repository(), 'lib'],
    ['submodule', '--quiet', 'add', repository(), 'dirty'],
    ['commit', '-q', '-m', 'library'],
  )
  write(root, 'dirty/a.py', 'changed\n')
  const run = await runIn(root, () => {
    write(root, 'lib/new', 'x')
    write(root, 'dirty/new', 'x')
    mkdirSync(join(root, 'inner'))
    git(join(root, 'inner'), 'init', '-q')
    write(root, 'inner/a', 'x')
  })
  expect(leftBy(run)).toEqual(['inner/', 'lib'])
})

test('it neither writes to the repository nor starts what that names', async () => {
  const root = repository({ 'a.py': 'a\n', 'b.py': 'b\n' })
  const trap = join(root, '.git/trap')
  writeFileSync(trap, `#!/bin/sh\necho started >> '${root}/.git/started'\n`)
  chmodSync(trap, 0o755)
  for (const key of ['core.fsmonitor', 'core.hooksPath', 'diff.external', 'core.pager'])
    git(root, 'config', key, key === 'core.hooksPath' ? join(root, '.git/hooks') : trap)
  git(root, 'config', 'core.untrackedCache', 'true')
  mkdirSync(join(root, '.git/hooks'), { recursive: true })
  for (const hook of ['post-index-change', 'fsmonitor-watchman'])
    writeFileSync(join(root, '.git/hooks', hook), readFileSync(trap), { mode: 0o755 })
  const stateOf = (): string[] =>
    readdirSync(join(root, '.git'), { recursive: true, withFileTypes: true }).map((entry) => {
      const { ino, size, mtimeMs, ctimeMs } = lstatSync(join(entry.parentPath, entry.name))
      return `${entry.parentPath}/${entry.name} ${ino} ${size} ${mtimeMs} ${ctimeMs}`
    })
  let before: string[] = []
  const run = await runIn(root, () => {
    // Git would refresh its index.
    utimesSync(join(root, 'a.py'), 1000, 1000)
    write(root, 'b.py', 'changed\n')
    before = stateOf()
  })
  expect(leftBy(run)).toEqual(['b.py'])
  expect(stateOf()).toEqual(before)
})

test('a look that is not possible is recorded with its reason, and is no failure of the run', async () => {
  const root = repository()
  const run = await runIn(root, () => renameSync(join(root, '.git'), join(root, 'was')))
  expect(run.record).toMatchObject({ status: 'finished', flags: [] })
  expect(run.record.warnings).toEqual([
    'undeclared outputs could not be listed: this folder is not in a git repository',
  ])
})

test('a git that hangs ends the look when its time is over', async () => {
  const root = repository()
  const captured = await look(root)
  const folder = folderOf()
  writeFileSync(join(folder, 'git'), '#!/bin/sh\nsleep 60\n', { mode: 0o755 })
  const environment = { PATH: `${folder}:/usr/bin:/bin` }
  const hanging = beginStatus({ directory: root, signal: undefined, timeout: 300, environment })
  const options = { root, algorithm: 'blake3', since: 0 } as const
  await expect(changedSince(repositoryOf(captured), hanging, options)).rejects.toThrow(
    'git did not answer within 0.3 s',
  )
})

test('an abort of the run ends the look, and the record still comes', async () => {
  const root = repository()
  const controller = new AbortController()
  const tracker = await started(root, GIT, { signal: controller.signal })
  write(root, 'left', 'x')
  controller.abort(new Error('enough'))
  await tracker.finishExperiment()
  const { record } = await readRun(tracker.runDirectory)
  expect(record.flags).toEqual([])
  expect(record.warnings).toEqual(['undeclared outputs could not be listed: enough'])
})

test('model files that nobody declared become outputs, read as declared ones are', async () => {
  const root = repository({ 'a.py': 'a\n', '.gitignore': 'ckpt/\n' })
  const recorder = await startedRecorder(root, GIT)
  write(root, 'ckpt/model.safetensors', Buffer.from(safetensors({ w: floats([1, 2]) })))
  write(root, 'best.pt', 'no model that can be read')
  write(root, 'said.pt', 'x')
  write(root, 'log.txt', 'x')
  await recorder.track(KINDS.output, join(root, 'said.pt'), 'said')
  // Nobody expects them yet.
  await recorder.trackModelFiles()
  expect(Object.keys(recorder.summary().outputs)).toEqual(['said'])
  recorder.expectModelFiles()
  await recorder.trackModelFiles()
  await recorder.finish()
  const { record } = await readRun(recorder.runDirectory)
  expect(Object.keys(record.outputs)).toEqual(['said', 'best.pt', 'ckpt/model.safetensors'])
  expect(record.outputs['ckpt/model.safetensors']).toMatchObject({
    status: 'tracked',
    tensorsFile: expect.any(String) as string,
  })
  expect(record.flags).toMatchObject([{ kind: 'undeclared-output', paths: ['log.txt'] }])
  expect(record.warnings).toEqual([])
})
