import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashFile } from '../../src/hash/file.ts'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'

test('hash --cache prints the same digest', async () => {
  const root = folderOf({ file: 'x' })
  const env = { LINEAPRINT_CACHE_DIRECTORY: join(root, 'cache') }
  const { code, stdout } = await lineaprint(['hash', '--cache', 'file', '.'], { cwd: root, env })
  expect(code).toBe(0)
  expect(stdout.split('\n')[0]).toBe(`${(await hashFile(join(root, 'file'))).digest.hex}  file`)
})

test('a FIFO or a link at a name of the cache hangs neither the command nor the library', async () => {
  const root = folderOf({ file: 'x', worth: 'of worth' })
  const folder = join(root, 'cache')
  const { digest } = await hashFile(join(root, 'file'))
  const put: readonly ((path: string) => void)[] = [
    (path) => void execFileSync('mkfifo', [path]),
    (path) => symlinkSync(join(root, 'worth'), path),
  ]
  for (const name of ['files-v3', 'lock'])
    for (const change of put) {
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder, { mode: 0o700 })
      change(join(folder, name))
      const signal = AbortSignal.timeout(20_000)
      const own = await hashFile(join(root, 'file'), { cache: folder, signal })
      expect(own.digest.hex).toBe(digest.hex)
      expect(own.cache?.failure).toBeUndefined()
      rmSync(join(folder, name), { force: true })
      change(join(folder, name))
      const env = { LINEAPRINT_CACHE_DIRECTORY: folder }
      const outcome = await lineaprint(['hash', '--cache', 'file'], { cwd: root, env })
      expect(outcome).toMatchObject({ code: 0, stdout: `${digest.hex}  file\n`, stderr: '' })
      expect(readFileSync(join(root, 'worth'), 'utf8')).toBe('of worth')
      // What only a write would open may still be there.
      expect(lstatSync(join(folder, 'files-v3'), { throwIfNoEntry: false })?.isFile() ?? true).toBe(true)
    }
})
