import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { visitLogged } from '../../src/diff/logged.ts'
import { folderOf } from '../support/folder.ts'
import type { StoredRun } from '../../src/store/read.ts'

const visit = async (folder: string): Promise<readonly string[] | undefined> =>
  visitLogged({ folder } as StoredRun, undefined, () => undefined)

test('a journal that is missing is none, and one that cannot be reached is an error with its path', async () => {
  const folder = folderOf()
  expect(await visit(folder)).toBeUndefined()
  const journal = join(folder, 'events.jsonl')
  symlinkSync(journal, journal)
  await expect(visit(folder)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STORE', path: journal })
  const other = folderOf()
  mkdirSync(join(other, 'events.jsonl'))
  await expect(visit(other)).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_LINEAPRINT_/) as string,
  })
})
