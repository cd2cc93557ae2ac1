/** The file of the cells of notebooks. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Cells } from '../../../src/command/python-bridge/cells.ts'
import { folderOf } from '../../support/folder.ts'

const SECRET = 'key = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"'

test('cells are written in the order in which they came, without secrets', async () => {
  const folder = folderOf()
  const cells = new Cells(folder, { redact: true })
  expect(existsSync(join(folder, 'cells.py'))).toBe(false)
  await Promise.all([
    cells.add(1, { number: 1, source: SECRET }),
    cells.add(2, { number: 1, source: 'x = 1\n' }),
    cells.add(1, { number: 2, source: '' }),
    cells.add(1, { number: 3, source: '\ud800' }),
  ])
  const path = join(folder, 'cells.py')
  expect(readFileSync(path, 'utf8')).toBe(
    '# In [1]\nkey = "<redacted>"\n\n# In [1] program 2\nx = 1\n\n# In [2]\n\n\n# In [3]\n\ufffd\n\n',
  )
  // As private as the other files of the run.
  expect(statSync(path).mode & 0o077).toBe(0)
})

test('secrets are kept where the configuration keeps them', async () => {
  const folder = folderOf()
  await new Cells(folder, { redact: false }).add(1, { number: 1, source: SECRET })
  expect(readFileSync(join(folder, 'cells.py'), 'utf8')).toContain(SECRET)
})

test('a file that cannot be written fails the call, and the next one is tried', async () => {
  const cells = new Cells(join(folderOf(), 'missing'), { redact: true })
  for (const number of [1, 2])
    await expect(cells.add(1, { number, source: 'x' })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_STORE',
    })
})
