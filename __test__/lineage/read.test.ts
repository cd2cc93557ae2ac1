/** Lineage within runs and across them. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readLineage } from '../../src/lineage/read.ts'
import { storeIn } from '../../src/store/store.ts'
import { folderOf } from '../support/folder.ts'
import { digestOf, edgesOf, file, storeOf } from './support.ts'

test('an input is linked to the output of an earlier run, whatever the names', async () => {
  const store = storeOf({
    a: { reads: { raw: 'raw' }, makes: { clean: 'clean' } },
    b: { reads: { input: 'clean' }, makes: { model: 'model' } },
    c: { reads: { weights: 'model' }, makes: { report: 'report' } },
  })
  const all = [
    'datasets a raw -> run a (recorded)',
    'datasets b input -> run b (recorded)',
    'datasets c weights -> run c (recorded)',
    'outputs a clean -> datasets b input (inferred)',
    'outputs b model -> datasets c weights (inferred)',
    'run a -> outputs a clean (recorded)',
    'run b -> outputs b model (recorded)',
    'run c -> outputs c report (recorded)',
  ]
  // The whole chain hangs together, so each of its ends and its middle show all of it.
  for (const reference of ['raw', 'model', 'report', digestOf('clean'), digestOf('clean').slice(7, 17)])
    expect(edgesOf(await readLineage(store, reference))).toEqual(all)
  const { start, edges } = await readLineage(store, 'b')
  expect(start).toEqual(['run b'])
  expect(edges.find(({ evidence }) => evidence === 'inferred')).toMatchObject({ digest: digestOf('clean') })
})

test('an input is not linked to an output of a later run, of its own run or of one that started in the same instant', async () => {
  const startedAt = '2026-01-01T00:00:00.000Z'
  const store = storeOf({
    a: { reads: { x: 'same' }, makes: { y: 'same' } },
    b: { makes: { z: 'same' } },
    c: { startedAt, makes: { v: 'twin' } },
    d: { startedAt, reads: { w: 'twin' } },
  })
  expect(edgesOf(await readLineage(store, 'a'))).toEqual([
    'datasets a x -> run a (recorded)',
    'run a -> outputs a y (recorded)',
  ])
  expect(edgesOf(await readLineage(store, 'w'))).toEqual(['datasets d w -> run d (recorded)'])
})

test('content of nothing links nothing, and the answer says so', async () => {
  const nothing = { ...file(''), digest: digestOf('empty') }
  const columns = { rows: 0, columns: [], digest: `table.v1.${digestOf('no rows')}` }
  const header = { ...file('header'), table: columns }
  const store = storeOf({
    a: { outputs: { x: nothing, y: { ...file('header a'), table: columns }, z: header } },
    b: { datasets: { x: nothing, y: { ...file('header b'), table: columns }, z: header } },
  })
  const { notes, ...lineage } = await readLineage(store, 'b')
  expect(edgesOf({ notes, ...lineage })).toEqual([
    'datasets b x -> run b (recorded)',
    'datasets b y -> run b (recorded)',
    'datasets b z -> run b (recorded)',
  ])
  expect(notes).toEqual([
    'x of run b is linked to no other run: it is empty, and every empty one has the same digest',
    'y of run b is linked to no other run: it has no rows or records, and many such files are equal',
    'z of run b is linked to no other run: it has no rows or records, and many such files are equal',
  ])
})

test('neither a sample nor the structure of a model is a link', async () => {
  const sampled = { ...file('s'), digest: `sampled(blocks:1).v1.${digestOf('s')}` }
  const model = (weights: string): object => ({
    status: 'tracked',
    architecture: `architecture.v1.${digestOf('arch')}`,
    weights: `weights.v1.${digestOf(weights)}`,
    tensorCount: 1,
    parameters: 1,
    bytes: 4,
    producedByRun: weights === 'one',
  })
  const store = storeOf({
    a: { outputs: { s: sampled }, models: { m: model('one') as never } },
    b: { datasets: { s: sampled }, models: { m: model('two') as never } },
  })
  expect(edgesOf(await readLineage(store, 'b'))).toEqual([
    'datasets b s -> run b (recorded)',
    'models b m -> run b (recorded)',
  ])
})

test('an output that is a model leads to the runs that read its weights, and a table to those that read its rows', async () => {
  const weights = `weights.v1.${digestOf('w')}`
  const table = { rows: 2, columns: [], digest: `table.v1.${digestOf('rows')}` }
  const store = storeOf({
    a: { outputs: { out: { ...file('one file'), weights }, rows: { ...file('csv'), table } } },
    b: {
      models: {
        base: {
          status: 'tracked',
          architecture: `architecture.v1.${digestOf('arch')}`,
          weights,
          tensorCount: 1,
          parameters: 1,
          bytes: 4,
        },
      },
      datasets: { train: { ...file('parquet'), table } },
    },
  })
  const lineage = await readLineage(store, 'a')
  expect(edgesOf(lineage)).toEqual([
    'datasets b train -> run b (recorded)',
    'models b base -> run b (recorded)',
    'outputs a out -> models b base (inferred)',
    'outputs a rows -> datasets b train (inferred)',
    'run a -> outputs a out (recorded)',
    'run a -> outputs a rows (recorded)',
  ])
  expect(lineage.edges.flatMap(({ digest }) => digest ?? []).toSorted()).toEqual(
    [table.digest, weights].toSorted(),
  )
})

test('declared steps say which input counts, and chains of them within a run are followed', async () => {
  const store = storeOf({
    a: {
      reads: { raw: 'raw', other: 'other' },
      makes: { clean: 'clean', features: 'features', log: 'log' },
      derivations: [
        { name: 'clean', from: ['raw'], step: 'deduplicate', params: { seed: 1 } },
        { name: 'features', from: ['clean', 'nowhere'] },
      ],
    },
  })
  const { edges, nodes } = await readLineage(store, 'features')
  expect(edgesOf({ edges } as never)).toEqual([
    'datasets a raw -> outputs a clean (declared)',
    'datasets a raw -> run a (recorded)',
    'outputs a clean -> outputs a features (declared)',
    'run a -> outputs a clean (recorded)',
    'run a -> outputs a features (recorded)',
    'untracked a nowhere -> outputs a features (declared)',
  ])
  expect(edges.find(({ step }) => step !== undefined)).toMatchObject({
    step: 'deduplicate',
    params: { seed: 1 },
    run: 'a',
  })
  expect(nodes.find(({ id }) => id === 'untracked a nowhere')).toMatchObject({
    section: null,
    digest: null,
    unlinked: 'the run did not track it',
  })
  const below = await readLineage(store, 'other')
  expect(edgesOf(below)).toEqual([
    'datasets a other -> run a (recorded)',
    'run a -> outputs a log (recorded)',
  ])
})

test('several runs that made the same content are one link, which names the others', async () => {
  const makers = Object.fromEntries(
    Array.from({ length: 30 }, (_, index) => [`m${index + 10}`, { makes: { x: 'x' } }]),
  )
  const store = storeOf({ ...makers, user: { reads: { x: 'x' } } })
  const { edges, notes } = await readLineage(store, 'user')
  const link = edges.find(({ evidence }) => evidence === 'inferred')
  expect(link).toMatchObject({ from: 'outputs m39 x', to: 'datasets user x', alternativeCount: 29 })
  expect(link?.alternatives).toHaveLength(20)
  expect(link?.alternatives?.[0]).toBe('m38')
  expect(notes).toEqual([])
  expect((await readLineage(store, digestOf('x'))).start).toEqual(['outputs m10 x'])
})

test('of several makers, the one that wrote the very file is meant', async () => {
  const store = storeOf({
    a: { outputs: { x: file('x', '/data/here') } },
    b: { outputs: { x: file('x', '/data/elsewhere') } },
    c: { datasets: { x: file('x', '/data/here') } },
  })
  const { edges } = await readLineage(store, 'c')
  expect(edges.filter(({ evidence }) => evidence === 'inferred').map(({ from }) => from)).toEqual([
    'outputs a x',
  ])
})

test('all uses of data that no run made begin at the first', async () => {
  const store = storeOf({
    a: { reads: { raw: 'raw' }, makes: { one: 'one' } },
    b: { reads: { renamed: 'raw' }, makes: { two: 'two' } },
    c: { makes: { again: 'raw' } },
    d: { reads: { late: 'raw' } },
  })
  const lineage = await readLineage(store, 'renamed')
  expect(lineage.start).toEqual(['datasets a raw'])
  expect(edgesOf(lineage)).toEqual([
    'datasets a raw -> datasets b renamed (inferred)',
    'datasets a raw -> datasets d late (inferred)',
    'datasets a raw -> run a (recorded)',
    'datasets b renamed -> run b (recorded)',
    'datasets d late -> run d (recorded)',
    'run a -> outputs a one (recorded)',
    'run b -> outputs b two (recorded)',
  ])
  expect(lineage.notes).toEqual(['1 later run made the same content as run a, which had it first'])
})

test('a name stands for what the newest run has', async () => {
  const store = storeOf({ a: { makes: { m: 'old' } }, b: { makes: { m: 'new' } } })
  const { start, notes } = await readLineage(store, 'm')
  expect(start).toEqual(['outputs b m'])
  expect(notes).toEqual(['1 earlier run has other content under this name; this is that of run b'])
})

test('a reference with two meanings is an error that says how to choose', async () => {
  const store = storeOf({ a: { name: 'iris', reads: { iris: 'iris' } } })
  await expect(readLineage(store, 'iris')).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_AMBIGUOUS',
    message: expect.stringContaining('say which with --as name or --as run') as string,
  })
  expect((await readLineage(store, 'iris', { as: 'run' })).start).toEqual(['run a'])
  expect((await readLineage(store, 'iris', { as: 'name' })).start).toEqual(['datasets a iris'])
  await expect(readLineage(store, 'irsi')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RUN' })
  await expect(readLineage(storeIn(folderOf()), 'x')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RUN' })
  const close = storeOf({ a: { reads: { x: 'abcdefgh', y: 'abcdefgi' } } })
  await expect(readLineage(close, digestOf('abcdefg').slice(7, 20))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_AMBIGUOUS',
  })
})

test('circles end: of steps, and of runs whose outputs are the inputs of each other', async () => {
  const store = storeOf({
    a: {
      reads: { x: 'x' },
      makes: { y: 'y', z: 'z' },
      derivations: [
        { name: 'y', from: ['z'] },
        { name: 'z', from: ['y'] },
        { name: 'z', from: ['z'] },
      ],
    },
    b: { reads: { y: 'y' }, makes: { x: 'x' } },
    c: { reads: { x: 'x' }, makes: { y: 'y' } },
  })
  expect(edgesOf(await readLineage(store, 'c'))).toContain('outputs b x -> datasets c x (inferred)')
  expect(edgesOf(await readLineage(store, 'z'))).toContain('outputs a z -> outputs a z (declared)')
})

test('a run that cannot be read is left out and named; the others are linked', async () => {
  const store = storeOf({
    a: { makes: { x: 'x' } },
    b: { makes: { x: 'x' } },
    c: { reads: { x: 'x' } },
  })
  await readLineage(store, 'c')
  writeFileSync(join(store.runs, 'b', 'run.json'), '{')
  const { edges, notes } = await readLineage(store, 'c')
  expect(edges.filter(({ evidence }) => evidence === 'inferred').map(({ from }) => from)).toEqual([
    'outputs a x',
  ])
  expect(notes.some((note) => note.includes('a run cannot be read, and is left out'))).toBe(true)
  rmSync(join(store.runs, 'a'), { recursive: true })
  expect((await readLineage(store, 'c')).edges.map(({ evidence }) => evidence)).toEqual(['recorded'])
})

test('an index cannot make a link that the records do not have', async () => {
  const store = storeOf({ a: { makes: { x: 'x' } }, b: { reads: { x: 'x' } } })
  expect(edgesOf(await readLineage(store, 'b'))).toHaveLength(3)
  const before = storeOf({ a: { makes: { x: 'other' } } })
  const { readFileSync } = await import('node:fs')
  writeFileSync(join(store.runs, 'a', 'run.json'), readFileSync(join(before.runs, 'a', 'run.json')))
  expect(edgesOf(await readLineage(store, 'b'))).toEqual(['datasets b x -> run b (recorded)'])
})

test('a depth counts runs', async () => {
  const chain = Object.fromEntries(
    Array.from({ length: 6 }, (_, index) => [
      `r${index}`,
      { reads: { x: `c${index}` }, makes: { y: `c${index + 1}` } },
    ]),
  )
  const store = storeOf(chain)
  const runsAt = async (depth: number): Promise<string[]> => {
    const { nodes } = await readLineage(store, 'r3', { depth })
    return nodes.flatMap((node) => (node.kind === 'run' ? [node.run] : [])).toSorted()
  }
  expect(await runsAt(0)).toEqual(['r3'])
  expect(await runsAt(1)).toEqual(['r2', 'r3', 'r4'])
  expect(await runsAt(9)).toEqual(['r0', 'r1', 'r2', 'r3', 'r4', 'r5'])
  for (const depth of [-1, 0.5, NaN])
    await expect(readLineage(store, 'r3', { depth })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_ARGUMENT',
    })
})

test('a chain of a thousand runs is read', async () => {
  const chain = Object.fromEntries(
    Array.from({ length: 1000 }, (_, index) => [
      `r${index}`,
      { reads: { x: `c${index}` }, makes: { y: `c${index + 1}` } },
    ]),
  )
  const { nodes, edges } = await readLineage(storeOf(chain), 'r999')
  expect([nodes.length, edges.length]).toEqual([3000, 2999])
}, 60_000)
