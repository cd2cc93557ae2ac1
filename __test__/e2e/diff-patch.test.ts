import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { git } from '../capture/fixture.ts'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import { finished } from '../tracking/support.ts'

test('diff --patch writes a patch, and nothing where none can be made', { timeout: 60_000 }, async () => {
  const root = folderOf({ 'train.py': 'a\n' })
  git(root, 'init', '-q')
  git(root, 'add', '.')
  git(root, 'commit', '-qm', 'first')
  await finished(root, { enableGitTracking: true, experimentName: 'one' })
  writeFileSync(join(root, 'train.py'), 'b\n')
  await finished(root, { enableGitTracking: true, experimentName: 'two' })
  const done = await lineaprint(['diff', 'one', 'two', '--patch', 'out/code.patch'], { cwd: root })
  expect(done).toMatchObject({ code: 1, stderr: '' })
  expect(readFileSync(join(root, 'out/code.patch'), 'utf8')).toContain('-a\n+b\n')
  rmSync(join(root, '.git'), { recursive: true })
  const gone = await lineaprint(['diff', 'one', 'two', '--patch', 'other.patch'], { cwd: root })
  expect(gone.code).toBe(3)
  expect(gone.stderr).toMatch(/no patch can be made/)
})
