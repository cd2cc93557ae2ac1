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
