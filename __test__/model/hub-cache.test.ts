import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readModel } from '../../src/model/read.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'

/** A repository in the cache, with a snapshot of links for each name. */
function repository(snapshots: Readonly<Record<string, number>>, main?: string): string {
  const folder = folderOf()
  mkdirSync(join(folder, 'blobs'))
  mkdirSync(join(folder, 'refs'))
  if (main !== undefined) writeFileSync(join(folder, 'refs', 'main'), main)
  for (const [name, value] of Object.entries(snapshots)) {
    mkdirSync(join(folder, 'snapshots', name), { recursive: true })
    writeFileSync(join(folder, 'blobs', `blob-${name}`), safetensors({ w: floats([value]) }))
    symlinkSync(`../../blobs/blob-${name}`, join(folder, 'snapshots', name, 'model.safetensors'))
  }
  return folder
}

test('a repository in the cache is its snapshot main, and equals a copy without links', async () => {
  const folder = repository({ aaa: 1, bbb: 2 }, 'bbb\n')
  const copy = await readModel(folderOf({ 'model.safetensors': safetensors({ w: floats([2]) }) }))
  const report = await readModel(folder)
  expect(report.weights.equals(copy.weights)).toBe(true)
  expect(report.path).toBe(join(folder, 'snapshots', 'bbb'))
})

test('without main the only snapshot counts, and several are refused with their names', async () => {
  expect((await readModel(repository({ aaa: 1 }))).tensorCount).toBe(1)
  const error: unknown = await readModel(repository({ aaa: 1, bbb: 2 }, 'gone')).catch(
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ code: 'ERR_LINEAPRINT_AMBIGUOUS' })
  expect(String(error)).toMatch(/aaa, bbb/)
})

test('a reference leads to no other folder', async () => {
  const folder = repository({ aaa: 1, bbb: 2 }, '../../blobs')
  await expect(readModel(folder)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_AMBIGUOUS' })
  rmSync(join(folder, 'snapshots', 'aaa'), { recursive: true })
  expect((await readModel(folder)).path).toBe(join(folder, 'snapshots', 'bbb'))
})
