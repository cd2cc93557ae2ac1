import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LOG_PART, logsOf, readLog, readPatch } from '../../src/server/files.ts'
import { folderOf } from '../support/folder.ts'
import { finished } from '../tracking/support.ts'
import type { StoredRun } from '../../src/store/read.ts'

/** A run whose record names this file as its output. */
async function runWith(file: string): Promise<StoredRun> {
  const run = await finished(folderOf())
  const stdout = { status: 'captured', file, bytes: 1, keptBytes: 1 } as const
  return { ...run, record: { ...run.record, command: { ...run.record.command, stdout } } }
}

test('a log is read in parts that end between characters', async () => {
  const run = await runWith('stdout.log')
  const text = `${'a'.repeat(LOG_PART - 1)}€${'😀'.repeat(LOG_PART / 4)}é\n`
  writeFileSync(join(run.folder, 'stdout.log'), text)
  let joined = ''
  for (let from = 0, size = 1; from < size;) {
    const part = await readLog(run, 'stdout.log', from)
    expect([part.from, part.text.includes('\ufffd')]).toEqual([from, false])
    joined += part.text
    ;({ to: from, size } = part)
  }
  expect(joined).toBe(text)
  const last = await readLog(run, 'stdout.log', undefined)
  expect([text.endsWith(last.text), last.to, last.text.includes('\ufffd')]).toEqual([true, last.size, false])
})

test('the line of a run that goes on that has not ended is apart, and is read again', async () => {
  const run: StoredRun = { ...(await runWith('stdout.log')), status: 'running' }
  const path = join(run.folder, 'stdout.log')
  writeFileSync(path, 'begin\n 10%')
  const first = await readLog(run, 'stdout.log', undefined)
  expect(first).toEqual({ text: 'begin\n', open: ' 10%', from: 0, to: 6, size: 10 })
  writeFileSync(path, 'begin\n100%\nend\n')
  const next = await readLog(run, 'stdout.log', first.to)
  expect([next.text, next.open]).toEqual(['100%\nend\n', ''])
  // Of one that has ended, the last line needs no end.
  writeFileSync(path, 'begin\nend')
  const ended = await readLog({ ...run, status: 'finished' }, 'stdout.log', undefined)
  expect([ended.text, ended.open]).toEqual(['begin\nend', ''])
})

test('bytes that are no text do not stop the reading', async () => {
  const run = await runWith('stdout.log')
  writeFileSync(join(run.folder, 'stdout.log'), new Uint8Array(LOG_PART + 10).fill(0x80))
  const { to } = await readLog(run, 'stdout.log', 0)
  expect(to).toBe(LOG_PART)
  expect((await readLog(run, 'stdout.log', to)).to).toBe(LOG_PART + 10)
})

test('no name of a record leads out of the folder of the run', async () => {
  for (const file of [
    '../outside.txt',
    '/etc/hostname',
    'ranks/../../outside.txt',
    'linked/outside.txt',
    'link.log',
    'folder',
  ]) {
    const run = await runWith(file)
    const above = join(run.folder, '..')
    writeFileSync(join(above, 'outside.txt'), 'outside')
    mkdirSync(join(run.folder, 'ranks'))
    mkdirSync(join(run.folder, 'folder'))
    symlinkSync(above, join(run.folder, 'linked'))
    symlinkSync(join(above, 'outside.txt'), join(run.folder, 'link.log'))
    expect((await logsOf(run)).map(({ name }) => name)).toEqual([file])
    await expect(readLog(run, file, undefined), file).rejects.toMatchObject({ name: 'LineaprintError' })
  }
})

test('the changes of a run that came to a server without them yet are no failure; those of a sealed one are', async () => {
  const root = folderOf()
  const git = (...words: readonly string[]): unknown =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', ...words], { cwd: root })
  git('init', '--quiet')
  writeFileSync(join(root, 'code.py'), 'print(1)\n')
  git('add', '.')
  git('commit', '--quiet', '--message', 'first')
  writeFileSync(join(root, 'code.py'), 'print(2)\n')
  const run = await finished(root, { enableGitTracking: true })
  expect((await readPatch(run)).text).toContain('+print(2)')
  rmSync(join(run.folder, 'git/diff.patch'))
  await expect(readPatch(run)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND' })
  expect(await readPatch({ ...run, record: { ...run.record, seal: null } })).toMatchObject({
    text: null,
    reasons: ['the changes are not here: a server gets them when the run has ended'],
  })
})
