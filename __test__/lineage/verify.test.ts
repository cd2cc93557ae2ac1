/** Edges of a lineage against the files of today. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readLineage } from '../../src/lineage/read.ts'
import { verifyLineage } from '../../src/lineage/verify.ts'
import { storeIn } from '../../src/store/store.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { folderOf } from '../support/folder.ts'
import { NO_CAPTURES } from '../tracking/support.ts'
import type { EdgeCheck } from '../../src/lineage/graph.ts'
import type { Store } from '../../src/store/store.ts'

/** A run that makes clean.csv from raw.csv with make.py, and a run that uses it. */
async function twoRuns(): Promise<{ root: string; store: Store }> {
  const root = folderOf({ 'raw.csv': 'a\n1\n1\n', 'make.py': 'print(1)\n' })
  const options = { outputDir: root, ...NO_CAPTURES }
  const settings = { directory: root, environment: {}, strict: true }
  const make = new ExperimentTracker({ experimentName: 'make', ...options }, settings)
  await make.run(async () => {
    await make.trackDataset('raw.csv', 'raw')
    writeFileSync(join(root, 'clean.csv'), 'a\n1\n')
    await make.trackOutput('clean.csv', 'clean')
    await make.derive('clean', { from: 'raw', step: 'once', code: 'make.py' })
  })
  const use = new ExperimentTracker({ experimentName: 'use', ...options }, settings)
  await use.run(async () => void (await use.trackDataset('clean.csv', 'data')))
  return { root, store: storeIn(root) }
}

async function checks(store: Store): Promise<Record<string, EdgeCheck | undefined>> {
  const { edges } = await verifyLineage(store, await readLineage(store, 'use'))
  return Object.fromEntries(
    edges.map(({ evidence, from, check }) => [
      `${evidence} ${from.startsWith('run') ? 'run' : from.split(' ')[2]}`,
      check,
    ]),
  )
}

const same = { status: 'same', detail: '' }

test('all edges are the same as long as nothing changed', async () => {
  const { store } = await twoRuns()
  expect(await checks(store)).toEqual({
    'recorded run': same,
    'recorded raw': same,
    'recorded data': same,
    'declared raw': same,
    'inferred clean': same,
  })
})

test('a change of a file, of code or of a record shows on the edges that it belongs to', async () => {
  const { root, store } = await twoRuns()
  writeFileSync(join(root, 'make.py'), 'print(2)\n')
  expect(await checks(store)).toMatchObject({
    'declared raw': { status: 'changed', detail: `the code ${join(root, 'make.py')} differs` },
    'recorded raw': same,
    'inferred clean': same,
  })
  rmSync(join(root, 'make.py'))
  expect((await checks(store))['declared raw']).toMatchObject({ status: 'missing' })
  writeFileSync(join(root, 'raw.csv'), 'a\n2\n')
  expect(await checks(store)).toMatchObject({
    'declared raw': { status: 'changed', detail: expect.stringContaining('dataset "raw" of run') as string },
    'recorded raw': { status: 'changed' },
    'inferred clean': same,
  })
  rmSync(join(root, 'clean.csv'))
  expect(await checks(store)).toMatchObject({
    'inferred clean': { status: 'missing' },
    'recorded data': { status: 'missing' },
  })
})

test('a record that was changed after it was sealed is never the same', async () => {
  const { store } = await twoRuns()
  const { nodes } = await readLineage(store, 'use')
  const made = nodes.find((node) => node.kind === 'run' && node.name === 'make')
  const path = join(store.runs, made?.kind === 'run' ? made.run : '', 'run.json')
  writeFileSync(path, readFileSync(path, 'utf8').replace('"once"', '"twice"'))
  const found = await checks(store)
  for (const edge of ['recorded run', 'recorded raw', 'declared raw', 'inferred clean'])
    expect(found[edge]).toMatchObject({
      status: 'changed',
      detail: expect.stringContaining('was changed after it was sealed') as string,
    })
  expect(found['recorded data']).toEqual(same)
})
