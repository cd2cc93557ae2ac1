import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { hashTree } from '../../src/hash/tree.ts'
import { tarOf, zipOf } from '../support/archives.ts'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'

const FILES = { 'cat/1.jpg': 'a', 'cat/2.jpg': 'b', 'dog/1.jpg': 'c' }

const members = Object.entries(FILES).map(([name, data]) => ({ name, data }))

test('an archive shows the digest of a folder with the same files', async () => {
  const cwd = folderOf({ 'a.tar.gz': gzipSync(tarOf(...members)), 'a.zip': zipOf(members), ...FILES })
  const { digest } = await hashTree(folderOf(FILES))
  const { stdout } = await lineaprint(['dataset', 'a.zip'], { cwd })
  expect(stdout.split('\n').slice(4)).toEqual([
    `archive\t${digest.toString()}`,
    'archive format\tzip',
    'archive size\t3',
    'archive files\t3',
    'archive folders\t3',
    'label\tcat  2',
    'label\tdog  1',
    '',
  ])
  const json = await lineaprint(['dataset', 'a.tar.gz', '--json'], { cwd })
  expect(JSON.parse(json.stdout)).toMatchObject({
    kind: 'file',
    archive: { format: 'tar.gz', digest: digest.toString(), files: 3 },
    sequence: { format: 'webdataset', records: 3 },
  })
  expect(json.code).toBe(0)
})

test('an archive that cannot be read has a warning and the exit code 3', async () => {
  const cwd = folderOf({ 'a.tar': tarOf({ name: '../\u001b[31mx', data: '1' }) })
  const answer = await lineaprint(['dataset', 'a.tar'], { cwd })
  expect(answer).toMatchObject({ code: 3 })
  expect(answer.stderr).toContain('no archive digest: ')
  // No byte of a name reaches the terminal as it is.
  expect(answer.stderr + answer.stdout).not.toContain('\u001b')
  expect(answer.stdout).not.toContain('archive')
})

test('verify and diff name the member of an archive that changed', async () => {
  const cwd = folderOf({ 'data.zip': zipOf(members) })
  const run = (): Promise<unknown> =>
    lineaprint(['run', '--no-capture', '--dataset', 'd=data.zip', '--', 'true'], { cwd })
  await run()
  // Other bytes with the same files.
  writeFileSync(join(cwd, 'data.zip'), zipOf(members.toReversed()))
  const same = await lineaprint(['verify', '@latest', '--data'], { cwd })
  expect(same.stdout).toMatch(/changed\tdatasets\td\t.*, but the files in it are the same/)
  writeFileSync(join(cwd, 'data.zip'), zipOf([...members.slice(1), { name: 'cat/1.jpg', data: 'x' }]))
  const changed = await lineaprint(['verify', '@latest', '--data'], { cwd })
  expect(changed.code).toBe(1)
  expect(changed.stdout).toMatch(/changed\tdatasets\td\t.*1 of 3 files differ: cat\/1\.jpg/)
  await run()
  const runs = await lineaprint(['diff', '@latest~1', '@latest'], { cwd })
  expect(runs.stdout).toMatch(/datasets\.d\.archive\.cat\/1\.jpg\tblake3:/)
  const shown = await lineaprint(['show', '@latest'], { cwd })
  expect(shown.stdout).toContain('3 files in it')
})

test('diff compares archives and folders file by file', async () => {
  const cwd = folderOf({
    'a.zip': zipOf(members),
    'b.tar': tarOf(...members.slice(1), { name: 'new', data: 'x' }),
    'folder/cat/1.jpg': 'a',
    'folder/cat/2.jpg': 'b',
    'folder/dog/1.jpg': 'other',
  })
  const archives = await lineaprint(['diff', 'a.zip', 'b.tar'], { cwd })
  expect(archives.code).toBe(1)
  expect(archives.stdout).toMatch(/^removed\tcat\/1\.jpg.*\nadded\tnew/m)
  const folder = await lineaprint(['diff', 'folder', 'a.zip'], { cwd })
  expect(folder.stdout).toMatch(/^changed\tdog\/1\.jpg/)
  const patterns = await lineaprint(['diff', 'a.zip', 'b.tar', '--ignore', 'cat'], { cwd })
  expect(patterns).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('patterns apply to folders') as string,
  })
})
