/** Models and datasets by digest: the same answers as a slow look through every record. */
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { contentListSchema, contentSchema } from '../../src/server/api/content-schemas.ts'
import { contentDigests } from '../../src/record/tracked.ts'
import { readRun } from '../../src/store/runs.ts'
import { finished } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'
import { digestOf, storeOf } from '../lineage/support.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { serverOf } from './support.ts'
import { z } from 'zod/mini'
import type { ContentBody, ContentListBody, TableBody } from '../../src/server/api/contents.ts'

function tensorsOf(values: Readonly<Record<string, readonly number[]>>): Uint8Array {
  return safetensors(Object.fromEntries(Object.entries(values).map(([name, list]) => [name, floats(list)])))
}

async function listOf(root: string, query: string): Promise<ContentListBody> {
  const response = await serverOf(root).ask(`/api/v1/contents?${query}`)
  expect(response.status, await response.clone().text()).toBe(200)
  return z.parse(contentListSchema(), await response.json())
}

async function contentOf(root: string, digest: string, query = ''): Promise<ContentBody> {
  const response = await serverOf(root).ask(`/api/v1/contents/${encodeURIComponent(digest)}${query}`)
  expect(response.status, await response.clone().text()).toBe(200)
  return z.parse(contentSchema(), await response.json())
}

test('each content counts the runs that made and used it, the newest first', async () => {
  const store = storeOf({
    first: { makes: { clean: 'c' } },
    second: { reads: { data: 'c', raw: 'r' } },
    third: { reads: { data: 'c' }, makes: { clean: 'd' } },
  })
  const root = dirname(store.root)
  const { total, contents } = await listOf(root, 'kind=datasets')
  expect(total).toBe(3)
  const facts = contents.map(({ digest, names, made, used, lastRun }) => [digest, names, made, used, lastRun])
  const wanted = [
    [digestOf('c'), ['data', 'clean'], 1, 2, 'third'],
    [digestOf('d'), ['clean'], 1, 0, 'third'],
    [digestOf('r'), ['raw'], 0, 1, 'second'],
  ]
  expect(facts).toHaveLength(3)
  expect(facts).toEqual(expect.arrayContaining(wanted))
  expect(contents.at(-1)?.digest).toBe(digestOf('r'))
  expect((await listOf(root, 'kind=datasets&search=RAW')).contents.map(({ digest }) => digest)).toEqual([
    digestOf('r'),
  ])
  expect((await listOf(root, 'kind=datasets&offset=1&limit=1')).contents).toEqual(contents.slice(1, 2))
  const { made, used, recorded, tensors } = await contentOf(root, digestOf('c'))
  expect(made.runs.map(({ run, as }) => [run, as])).toEqual([['first', 'clean']])
  expect(used.runs.map(({ run, as }) => [run, as])).toEqual([
    ['third', 'data'],
    ['second', 'data'],
  ])
  expect(recorded).toMatchObject({
    run: 'third',
    section: 'datasets',
    name: 'data',
    tables: [],
    labels: null,
  })
  expect(tensors).toBeNull()
})

test('columns, statistics, splits and labels are those of the record', async () => {
  const root = folderOf({ 'text/train.csv': 'a,b\n1,x\n2,\n', 'text/test.csv': 'a,b\n3,y\n' })
  const run = await finished(root, {}, (tracker) => tracker.trackDataset(join(root, 'text'), 'text'))
  const entry = run.record.datasets['text']
  if (entry?.status !== 'tracked') throw new Error('it was not tracked')
  const { contents } = await listOf(root, 'kind=datasets')
  const { recorded, related } = await contentOf(root, contents[0]?.digest ?? '')
  const { list } = entry['splits'] as unknown as {
    list: { name: string; digest: string; table: TableBody }[]
  }
  expect(recorded?.digests).toEqual(contentDigests('datasets', 'text', entry))
  expect(recorded?.facts).toMatchObject({ path: join(root, 'text'), files: 2 })
  expect(recorded?.splits?.map(({ name, rows }) => [name, rows])).toEqual([
    ['test', 1],
    ['train', 2],
  ])
  expect(recorded?.tables.map(({ split }) => split)).toEqual(['test', 'train'])
  for (const [index, { table }] of list.entries())
    expect(recorded?.tables[index]?.columns).toMatchObject(
      table.columns.map(({ name, type, statistics }) => ({ name, type, statistics })),
    )
  expect(recorded?.tables[1]?.columns[1]?.statistics).toMatchObject({ longest: 1 })
  expect(related.map(({ relation }) => relation)).toEqual(['equal'])
})

test('tensors are compared with those of the model that went in', async () => {
  const root = folderOf()
  const base = join(root, 'base.safetensors')
  const made = join(root, 'made.safetensors')
  writeFileSync(base, tensorsOf({ 'layers.0.a': [1, 2], 'layers.1.a': [3, 4], gone: [5] }))
  const run = await finished(root, {}, async (tracker) => {
    await tracker.trackModel(base, 'base')
    writeFileSync(made, tensorsOf({ 'layers.0.a': [1, 2], 'layers.1.a': [3, 9], new: [5] }))
    await tracker.trackOutput(made, 'tuned')
  })
  const { contents } = await listOf(root, 'kind=models')
  expect(contents).toHaveLength(2)
  expect(contents).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ names: ['base'], made: 0, used: 1 }),
      expect.objectContaining({ names: ['tuned'], made: 1, used: 0 }),
    ]),
  )
  const tuned = contents.find(({ names }) => names[0] === 'tuned')
  const { tensors, related } = await contentOf(root, tuned?.digest ?? '')
  expect(related).toMatchObject([{ name: 'base', relation: 'input' }])
  expect(tensors?.changes).toEqual({ same: 1, changed: 1, added: 1, removed: 1 })
  expect(tensors?.tensors.map(({ name, change }) => [name, change])).toEqual([
    ['layers.0.a', 'same'],
    ['layers.1.a', 'changed'],
    ['new', 'added'],
  ])
  expect(tensors?.layers.filter(({ layer }) => layer.startsWith('layers'))).toEqual([
    { layer: 'layers.0', same: 1, changed: 0, added: 0, removed: 0 },
    { layer: 'layers.1', same: 0, changed: 1, added: 0, removed: 0 },
  ])
  expect((await readRun(run.folder)).record.seal).not.toBeNull()
})

test('a digest that no run has is refused, and the kinds are checked', async () => {
  const root = dirname(storeOf({ one: { reads: { a: 'a' } } }).root)
  const { ask } = serverOf(root)
  expect((await ask(`/api/v1/contents/${digestOf('zz')}`)).status).toBe(404)
  expect((await ask('/api/v1/contents?kind=runs')).status).toBe(400)
})
