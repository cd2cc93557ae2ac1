/** What goes into a run and comes out of it. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readRun } from '../../src/store/runs.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { finished, started } from './support.ts'
import type { Captured, Component } from '../../src/core/component.ts'

const DIGEST = `environment.v1.blake3:${'0'.repeat(64)}`

function component(name: string, capture: Component['capture']): Component {
  return {
    name,
    capture,
    compare: (before, after) => ({
      status: before.digest === after.digest ? 'same' : 'changed',
      differences: [],
    }),
  }
}

test('what cannot be read throws and is recorded as failed', async () => {
  const root = folderOf({ 'model.safetensors': 'not a model', empty: '' })
  const tracker = await started(root)
  await expect(tracker.trackDataset('missing', 'd')).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_FOUND',
  })
  await expect(tracker.trackModel('model.safetensors', 'm')).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_FORMAT',
  })
  await expect(tracker.trackTokenizer('.', 't')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND' })
  await expect(tracker.trackOutput('missing', 'o')).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_FOUND',
  })
  const summary = await tracker.finishExperiment()
  expect(summary).toMatchObject({
    status: 'finished',
    datasets: { d: null },
    models: { m: null },
    outputs: { o: null },
  })
  const { record } = await readRun(tracker.runDirectory)
  expect(record.datasets['d']).toEqual({
    status: 'failed',
    reason: expect.stringMatching(/there is no such file/) as string,
    path: join(root, 'missing'),
  })
  expect(record.models['m']).toMatchObject({ status: 'failed' })
  expect(record.tokenizers['t']).toMatchObject({ status: 'failed' })
})

test('what is stated of a dataset is recorded as stated', async () => {
  const root = folderOf({ 'a.csv': 'x\n1\n' })
  const tracker = await started(root)
  const stated = { licenses: ['MIT'], preprocessing: ['sort'] }
  const report = await tracker.trackDataset('a.csv', 'd', stated)
  expect(report?.stated).toEqual(stated)
  await expect(tracker.trackDataset('a.csv', 'e', { licence: 'MIT' } as never)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
  })
  await tracker.finishExperiment()
  const { record } = await readRun(tracker.runDirectory)
  expect(record.datasets['d']).toMatchObject({ stated, table: { rows: 1 } })
})

test('a name has one content', async () => {
  const root = folderOf({ a: 'one', b: 'one', c: 'two' })
  const tracker = await started(root)
  await expect(tracker.trackDataset('missing', 'd')).rejects.toThrow(/no such file/)
  const first = await tracker.trackDataset('a', 'd')
  await tracker.trackDataset('b', 'd')
  await expect(tracker.trackDataset('c', 'd')).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    field: 'd',
    expected: String(first?.digest),
  })
  await expect(tracker.trackDataset('missing', 'd')).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_FOUND',
  })
  await tracker.trackOutput('c', 'd')
  const summary = await tracker.finishExperiment()
  expect(summary.datasets).toEqual({ d: String(first?.digest) })
})

test('of two at the same time under one name, one wins and the other is told', async () => {
  const root = folderOf({ a: safetensors({ w: floats([1]) }), b: safetensors({ w: floats([2]) }) })
  const tracker = await started(root)
  const outcomes = await Promise.allSettled([tracker.trackModel('a', 'm'), tracker.trackModel('b', 'm')])
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  await tracker.finishExperiment()
  expect((await tracker.verify()).same).toBe(true)
})

test('what is switched off is recorded as off', async () => {
  const root = folderOf({ data: 'x' })
  const run = await finished(
    root,
    { enableDatasetTracking: false, enableModelTracking: false },
    async (tracker) => {
      expect(await tracker.trackDataset('data', 'd')).toBeUndefined()
      expect(await tracker.trackModel('missing', 'm')).toBeUndefined()
      expect(await tracker.trackTokenizer('missing', 't')).toBeUndefined()
      await tracker.setSeeds(1)
    },
  )
  expect(run.record).toMatchObject({
    captures: { environment: { status: 'off' }, git: { status: 'off' }, seeds: { status: 'off' } },
    datasets: { d: { status: 'off' } },
    models: { m: { status: 'off' } },
    tokenizers: { t: { status: 'off' } },
  })
})

test('an aborted signal stops a digest, which is recorded as failed', async () => {
  const root = folderOf({ data: 'x' })
  const stop = new AbortController()
  const tracker = await started(root, {}, { signal: stop.signal })
  stop.abort(new Error('enough'))
  await expect(tracker.trackDataset('data', 'd')).rejects.toThrow('enough')
  await tracker.finishExperiment()
  expect((await readRun(tracker.runDirectory)).record.datasets['d']).toMatchObject({
    status: 'failed',
    reason: 'enough',
  })
})

test('own trackers are recorded like the built-in ones, their files as well', async () => {
  const root = folderOf()
  const found: Captured = { digest: DIGEST, value: { seen: 1 }, warnings: ['dim light'] }
  const looks = component('looks', async ({ filesDirectory }) => {
    if (filesDirectory !== undefined) writeFileSync(join(filesDirectory, 'picture'), 'pixels')
    return Promise.resolve(found)
  })
  const breaks = component('breaks', async ({ filesDirectory }) => {
    if (filesDirectory !== undefined) writeFileSync(join(filesDirectory, 'half'), 'half')
    return Promise.reject(new Error('no eyes'))
  })
  const odd = component('odd', () =>
    Promise.resolve({ digest: DIGEST, value: { f: (() => 1) as unknown as string }, warnings: [] }),
  )
  const bare = component('bare', () => Promise.resolve({ digest: DIGEST, value: {} } as unknown as Captured))
  const run = await finished(root, { trackers: [looks, breaks, odd, bare] })
  expect(run.record.captures['looks']).toEqual({ status: 'captured', ...found })
  expect(run.record.captures['breaks']).toEqual({ status: 'failed', reason: 'no eyes' })
  expect(run.record.captures['odd']).toMatchObject({ status: 'failed' })
  expect(run.record.captures['bare']).toMatchObject({
    status: 'failed',
    reason: expect.stringMatching(/array of text/) as string,
  })
  expect(run.record.warnings.some((warning) => warning === 'breaks was not captured: no eyes')).toBe(true)
  expect(run.record.files.map(({ path }) => path)).toEqual(['events.jsonl', 'looks/picture'])
  expect(existsSync(join(run.folder, 'breaks'))).toBe(false)
  expect(run.record.configuration['trackers']).toEqual(['looks', 'breaks', 'odd', 'bare'])
})

test('both algorithms, or SHA-256 alone', async () => {
  const root = folderOf({ data: 'x' })
  const both = await finished(root, { algorithm: 'both' }, (tracker) => tracker.trackDataset('data', 'd'))
  expect(both.record.datasets['d']).toMatchObject({
    digests: { blake3: expect.any(String) as string, sha256: expect.any(String) as string },
  })
  const sha256 = await finished(root, { algorithm: 'sha256' }, (tracker) => tracker.trackDataset('data', 'd'))
  expect(sha256.record.datasets['d']).toMatchObject({ digest: expect.stringMatching(/^sha256:/) as string })
})
