import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkUnchanged } from '../../../src/dataset/folder/unchanged.ts'
import { hashListedTree } from '../../../src/hash/tree.ts'
import { folderOf } from '../../support/folder.ts'

test('a file with another content than the folder was read with is an error that names it', async () => {
  const root = folderOf({ 'a.csv': 'a\n1\n', 'deep/b.csv': 'a\n2\n' })
  const since = Date.now()
  for (const algorithm of ['blake3', 'sha256', 'both'] as const) {
    writeFileSync(join(root, 'deep/b.csv'), 'a\n2\n')
    const read = { tree: await hashListedTree(root, { algorithm }), since }
    const check = (): Promise<void> => checkUnchanged(root, ['a.csv', 'deep/b.csv'], read, {})
    await check()
    // Other times and the same content are the same file.
    utimesSync(join(root, 'a.csv'), new Date(), new Date())
    writeFileSync(join(root, 'deep/b.csv'), 'a\n2\n')
    await check()
    writeFileSync(join(root, 'deep/b.csv'), 'a\n3\n')
    await expect(check()).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_CHANGED',
      path: join(root, 'deep/b.csv'),
    })
    // It counts only for those that read it.
    await checkUnchanged(root, ['a.csv'], read, {})
  }
})
