import { readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { verifyRun } from '../../../src/verify/verify.ts'
import { folderOf } from '../../support/folder.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import { finished } from '../support.ts'
import type { StoredRun } from '../../../src/store/runs.ts'

/** A folder with files that are old: two writes in one tick of the clock of a file system look alike. */
function oldFolder(files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = folderOf(files)
  for (const name of Object.keys(files)) utimesSync(join(root, name), new Date(0), new Date(0))
  return root
}

const flagsOf = ({ record }: StoredRun): string[] =>
  (record.flags ?? []).map(({ kind, section, name }) => `${kind} ${section} ${name}`)

const FILES = {
  'data/a.csv': '1\n',
  'data/b.csv': '2\n',
  'one.csv': '1\n',
  'm.safetensors': safetensors({ w: floats([1, 2]) }),
  'gone.csv': 'x',
  'calm.csv': 'x',
}

test('an input that changed during the run is flagged, and one that did not is not', async () => {
  const root = oldFolder(FILES)
  const run = await finished(root, {}, async (tracker) => {
    for (const name of ['data', 'one.csv', 'gone.csv', 'calm.csv']) await tracker.trackDataset(name, name)
    await tracker.trackModel('m.safetensors', 'model')
    await tracker.trackDataset(Float32Array.of(1), 'memory')
    writeFileSync(join(root, 'data/b.csv'), '3\n')
    // Written, and the same again.
    writeFileSync(join(root, 'one.csv'), '2\n')
    writeFileSync(join(root, 'one.csv'), '1\n')
    writeFileSync(join(root, 'm.safetensors'), safetensors({ w: floats([1, 3]) }))
    rmSync(join(root, 'gone.csv'))
    readFileSync(join(root, 'calm.csv'))
  })
  expect(flagsOf(run)).toEqual([
    'input-changed datasets data',
    'input-touched datasets one.csv',
    'input-missing datasets gone.csv',
    'input-changed models model',
  ])
  expect(run.record.flags?.[0]).toEqual({
    kind: 'input-changed',
    section: 'datasets',
    name: 'data',
    path: join(root, 'data'),
    message: 'the dataset "data" changed during the run',
  })
  // The files of the folder are a table of no schema, of which the run warns.
  expect(run.record.warnings).toEqual([expect.stringContaining('no table digest')])
  const details = (await verifyRun(run)).items
    .filter(({ counts }) => counts)
    .map(({ name, status, detail }) => [name, status, detail.includes('; it changed during the run')])
  expect(details).toEqual([
    ['data', 'changed', true],
    ['gone.csv', 'missing', true],
    ['model', 'changed', true],
  ])
})

test('a change is seen whatever the times say: by a rename, a restored time, a new file, a removed one', async () => {
  const changes: ((root: string) => void)[] = [
    (root) => {
      writeFileSync(join(root, 'new'), '9\n')
      renameSync(join(root, 'new'), join(root, 'data/a.csv'))
    },
    (root) => {
      const { mtime, atime } = { mtime: new Date(0), atime: new Date(0) }
      writeFileSync(join(root, 'data/a.csv'), '7\n')
      utimesSync(join(root, 'data/a.csv'), atime, mtime)
    },
    (root) => writeFileSync(join(root, 'data/c.csv'), ''),
    (root) => rmSync(join(root, 'data/a.csv')),
  ]
  for (const change of changes) {
    const root = oldFolder(FILES)
    utimesSync(join(root, 'data/a.csv'), new Date(0), new Date(0))
    const run = await finished(root, {}, async (tracker) => {
      await tracker.trackDataset('data', 'data')
      change(root)
    })
    expect(flagsOf(run)).toEqual(['input-changed datasets data'])
  }
})

test('the shards behind an index are looked at', async () => {
  const root = oldFolder({
    'x.safetensors.index.json': JSON.stringify({ weight_map: { w: 'x-1.safetensors' } }),
    'x-1.safetensors': safetensors({ w: floats([1]) }),
  })
  const watched = (name: string, content: string | Uint8Array): Promise<StoredRun> =>
    finished(root, {}, async (tracker) => {
      await tracker.trackModel('x.safetensors.index.json', 'm')
      writeFileSync(join(root, name), content)
    })
  // Other files beside them are none of them.
  expect(flagsOf(await watched('train.log', 'x'))).toEqual([])
  const other = safetensors({ w: floats([2]) })
  expect(flagsOf(await watched('x-1.safetensors', other))).toEqual(['input-changed models m'])
})

test('an output that was there before is flagged: written or not', async () => {
  const root = oldFolder({ 'old.txt': 'x', 'over.txt': 'x', 'dir/a': 'x' })
  const run = await finished(root, {}, async (tracker) => {
    for (const name of ['old.txt', 'over.txt', 'dir', 'new.txt']) await tracker.expectOutput(name, name)
    writeFileSync(join(root, 'over.txt'), 'y')
    writeFileSync(join(root, 'new.txt'), 'y')
    writeFileSync(join(root, 'dir/b'), 'y')
    for (const name of ['old.txt', 'over.txt', 'dir', 'new.txt']) await tracker.trackOutput(name, name)
  })
  expect(flagsOf(run)).toEqual([
    'output-untouched outputs old.txt',
    'output-existed outputs over.txt',
    'output-existed outputs dir',
  ])
})

test('without a word before, an output that is older than the run is seen', { timeout: 30_000 }, async () => {
  const root = folderOf({ 'old.txt': 'x' })
  const written = Date.now()
  await expect.poll(() => Date.now() - written, { timeout: 10_000 }).toBeGreaterThan(100)
  const run = await finished(root, {}, async (tracker) => {
    writeFileSync(join(root, 'new.txt'), 'x')
    await tracker.trackOutput('old.txt', 'old')
    await tracker.trackOutput('new.txt', 'new')
  })
  expect(flagsOf(run)).toEqual(['output-untouched outputs old'])
})
