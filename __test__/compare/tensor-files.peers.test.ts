import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { compareFiles } from '../../src/compare/tensor-files.ts'
import { folderOf } from '../support/folder.ts'
import type { FileVerdict } from '../../src/compare/file-verdict.ts'

const PYTHON = resolve('.peers/python/bin/python')

test.skipIf(!existsSync(PYTHON))('files that NumPy itself wrote', async () => {
  const root = folderOf()
  const program = `
import numpy as np
a = np.arange(12, dtype=np.float32).reshape(3, 4)
np.save('a.npy', a)
np.lib.format.write_array(open('b.npy', 'wb'), a, version=(2, 0))
np.save('c.npy', a + np.float32(0.25))
np.save('d.npy', np.asfortranarray(a))
`
  execFileSync(PYTHON, ['-c', program], { cwd: root })
  const compare = (name: string, tolerance?: number): Promise<FileVerdict> =>
    compareFiles(join(root, 'a.npy'), join(root, name), { tolerance, signal: undefined })
  expect((await compare('b.npy')).verdict).toBe('same-tensors')
  expect((await compare('c.npy', 0.25)).verdict).toBe('within-tolerance')
  expect((await compare('c.npy', 0.2)).verdict).toBe('different')
  expect((await compare('d.npy')).detail).toBe('it was <f4 [3, 4] and is <f4 [3, 4] in Fortran order')
})
