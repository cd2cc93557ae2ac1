import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { gitDigestFields, parseGitCapture } from '../../../src/capture/git/git-capture.ts'
import { GIT_ENVIRONMENT, git, listAt, objectAt, temporaryFolder, gitInTurn } from '../fixture.ts'
import { look, repository, write } from './look.ts'
import type { JsonObject } from '../../../src/core/json-value.ts'
import type { Captured } from '../../../src/core/component.ts'

const GIT = execFileSync('/bin/sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()

describe('untracked files', () => {
  test('what is over a limit, looks like a secret, or belongs to lineaprint is not copied', async () => {
    const folder = repository()
    const token = `hf_${'a1B2'.repeat(8)}`
    write(folder, '.gitignore', 'ignored\n')
    write(folder, 'ignored', 'x')
    write(folder, 'large.bin', Buffer.alloc(2000))
    write(folder, 'small 1', Buffer.alloc(900))
    write(folder, 'small 2', Buffer.alloc(900))
    write(folder, 'small 3', Buffer.alloc(900))
    write(folder, '.env', 'A=1')
    write(folder, 'config.py', `TOKEN = "${token}"`)
    write(folder, '.lineaprint/runs/1/run.json', '{}')
    const files = join(folder, 'runs/own')
    const captured = await look(
      folder,
      { untrackedFileLimit: 1000, untrackedLimit: 2000 },
      { filesDirectory: files },
    )
    expect(
      listAt(captured.value, 'untracked').map(({ path, kept, reason }) => ({ path, kept, reason })),
    ).toEqual([
      { path: '.env', kept: false, reason: 'files with this name usually contain secrets' },
      { path: '.gitignore', kept: true, reason: null },
      { path: 'config.py', kept: true, reason: null },
      { path: 'large.bin', kept: false, reason: 'it is over 1000 bytes' },
      { path: 'small 1', kept: true, reason: null },
      { path: 'small 2', kept: true, reason: null },
      { path: 'small 3', kept: false, reason: 'the total is over 2000 bytes' },
    ])
    expect(readdirSync(join(files, 'untracked')).toSorted()).toEqual([
      '.gitignore',
      'config.py',
      'small 1',
      'small 2',
    ])
    expect(readFileSync(join(files, 'untracked/config.py'), 'utf8')).toBe('TOKEN = "<redacted>"')
    expect(captured.warnings).toHaveLength(4)
    // A second look does not see what the first one left behind.
    rmSync(join(files, 'untracked'), { recursive: true })
    write(files, 'left', 'behind')
    expect((await look(folder, {}, { filesDirectory: files })).digest).toBe(captured.digest)
    const all = await look(folder, { secrets: 'keep' }, { filesDirectory: join(temporaryFolder(), 'all') })
    expect(listAt(all.value, 'untracked').filter(({ kept }) => kept !== true)).toEqual([])
  })

  test('a repository within the repository is known by its commit', async () => {
    const folder = repository()
    const inner = join(folder, 'inner')
    mkdirSync(inner)
    git(inner, 'init', '-q')
    const content = { status: 'captured', changed: [], untracked: [], submodules: [] }
    expect(listAt((await look(folder)).value, 'untracked')).toEqual([
      { path: 'inner/', kind: 'repository', commit: null, content },
    ])
    git(inner, 'commit', '-q', '--allow-empty', '-m', 'inner')
    const captured = await look(folder)
    expect(listAt(captured.value, 'untracked')).toEqual([
      { path: 'inner/', kind: 'repository', commit: git(inner, 'rev-parse', 'HEAD').trim(), content },
    ])
    expect(captured.warnings.join()).toContain('only its commit and the digests of its changes are')
  })
})

describe('patches', () => {
  test('a secret in an added line is replaced, and the patch still applies', async () => {
    const folder = repository()
    const token = `ghp_${'x1Y2'.repeat(9)}`
    writeFileSync(join(folder, 'a.py'), `a\nTOKEN = '${token}'\nb\n`)
    const files = temporaryFolder()
    const captured = await look(folder, {}, { filesDirectory: files })
    const patch = readFileSync(join(files, 'diff.patch'), 'utf8')
    expect(patch).not.toContain(token)
    expect(captured.warnings).toEqual(['1 added lines of diff.patch looked like secrets and were replaced'])
    expect(objectAt(captured.value, 'patches')).toMatchObject({
      diff: { status: 'written', file: 'diff.patch', size: Buffer.byteLength(patch), redactedLines: 1 },
      staged: { status: 'empty' },
    })
    gitInTurn(folder, ['checkout', '-q', '.'], ['apply', join(files, 'diff.patch')])
    expect(readFileSync(join(folder, 'a.py'), 'utf8')).toBe("a\nTOKEN = '<redacted>'\nb\n")
  })

  test('a patch over the limit is given up, and nothing of it is left', async () => {
    const folder = repository()
    // Neither file is larger than the limit, the patch of both is.
    for (const name of ['a.py', 'b.py']) writeFileSync(join(folder, name), 'x\n'.repeat(400))
    const files = temporaryFolder()
    const captured = await look(folder, { patchLimit: 1000 }, { filesDirectory: files })
    expect(captured.value['patches']).toMatchObject({
      diff: { status: 'absent', reason: 'it is larger than 1000 bytes' },
    })
    expect(captured.warnings).toEqual(['diff.patch was not written: it is larger than 1000 bytes'])
    expect(readdirSync(files)).toEqual([])
  })

  test('what a filter hides from the patch is said', async () => {
    const folder = repository({ '.gitattributes': '*.bin filter=pointer\n', 'm.bin': 'p\n' })
    git(folder, 'config', 'filter.pointer.clean', 'echo pointer')
    write(folder, 'm.bin', 'large content')
    const captured = await look(folder, {}, { filesDirectory: temporaryFolder() })
    expect(captured.warnings.join()).toContain('files with the filter "pointer"')
    const changedOf = ({ value }: Captured): JsonObject[] =>
      listAt(gitDigestFields(parseGitCapture(value), 'blake3'), 'changed')
    const [entry] = changedOf(captured)
    write(folder, 'm.bin', 'other content')
    const [other] = changedOf(await look(folder))
    expect(other).not.toEqual(entry)
  })

  test('a folder that cannot be written is an error of the store', async () => {
    const folder = repository()
    writeFileSync(join(folder, 'a.py'), 'changed\n')
    const files = temporaryFolder()
    mkdirSync(join(files, 'diff.patch.partial'))
    await expect(look(folder, {}, { filesDirectory: files })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_STORE',
    })
  })
})

test('a change of the work tree during the capture is a warning', async () => {
  const folder = repository()
  writeFileSync(join(folder, 'a.py'), 'changed\n')
  // A git that edits the file when the patch is made.
  const fake = temporaryFolder()
  const script = `#!/bin/sh\ncase "$*" in *diff-index*) echo more >> '${folder}/a.py';; esac\nexec '${GIT}' "$@"\n`
  writeFileSync(join(fake, 'git'), script, { mode: 0o755 })
  const environment = { ...GIT_ENVIRONMENT, PATH: `${fake}:${process.env['PATH'] ?? ''}` }
  const captured = await look(folder, { environment }, { filesDirectory: temporaryFolder() })
  expect(captured.warnings.join()).toContain('the work tree changed during the capture')
})

test('a conflict is seen with all its versions', async () => {
  const folder = repository()
  git(folder, 'checkout', '-q', '-b', 'other')
  write(folder, 'a.py', 'theirs\n')
  gitInTurn(folder, ['commit', '-q', '-a', '-m', 'theirs'], ['checkout', '-q', 'main'])
  write(folder, 'a.py', 'ours\n')
  git(folder, 'commit', '-q', '-a', '-m', 'ours')
  expect(() => git(folder, 'merge', 'other')).toThrow('merge')
  const files = temporaryFolder()
  const captured = await look(folder, {}, { filesDirectory: files })
  expect(captured.value).toMatchObject({ conflicted: ['a.py'], staged: [], modified: [] })
  expect(listAt(captured.value, 'changed')).toMatchObject([{ conflict: 'UU', stages: [{}, {}, {}] }])
  expect(captured.warnings.join()).toContain('1 file is in conflict')
  expect(readFileSync(join(files, 'diff.patch'), 'utf8')).toContain('<<<<<<<')
})
