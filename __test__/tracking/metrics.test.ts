/** What a program says of a run: metrics, metadata, and the names of things. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readRun } from '../../src/store/runs.ts'
import { checkSeal } from '../../src/record/seal.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { finished, started } from './support.ts'

test('NaN and the infinities', async () => {
  const run = await finished(folderOf(), {}, (tracker) => {
    for (const value of [NaN, -Infinity, 3, NaN, Infinity]) tracker.logMetric('mixed', value)
    for (const value of [NaN, NaN]) tracker.logMetric('nothing', value)
  })
  expect(run.record.metrics).toEqual({
    mixed: {
      count: 5,
      nanCount: 2,
      first: { __float__: 'NaN' },
      last: { __float__: 'Infinity' },
      min: { __float__: '-Infinity' },
      max: { __float__: 'Infinity' },
      lastStep: null,
    },
    nothing: {
      count: 2,
      nanCount: 2,
      first: { __float__: 'NaN' },
      last: { __float__: 'NaN' },
      min: null,
      max: null,
      lastStep: null,
    },
  })
  expect(readFileSync(join(run.folder, 'run.json'), 'utf8')).not.toMatch(/: NaN|: -?Infinity/)
})

test('metrics that make no sense are refused, and a group is logged whole or not at all', async () => {
  const tracker = await started(folderOf())
  const bad: [unknown, object][] = [
    ['0.5', {}],
    [1n, {}],
    [null, {}],
    [1, { step: NaN }],
    [1, { timestamp: 'no date' }],
  ]
  for (const [value, options] of bad) {
    expect(() => tracker.logMetric('m', value as number, options)).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT' }),
    )
  }
  expect(() => tracker.logMetrics({ good: 1, bad: 'x' as unknown as number })).toThrow(/"bad"/)
  expect((await tracker.finishExperiment()).metrics).toEqual({})
})

test('metadata is copied at once', async () => {
  const run = await finished(folderOf(), {}, (tracker) => {
    const values = { list: [1] }
    tracker.addMetadata(values)
    values.list.push(2)
    tracker.addMetadata(JSON.parse('{"__proto__":{"x":1}}') as Record<string, unknown>)
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    for (const bad of [cycle, { f: () => 1 }, { m: new Map() }, { s: '\udfff' }, { a: new Uint8Array(1) }]) {
      expect(() => tracker.addMetadata(bad)).toThrow(
        expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT' }),
      )
    }
  })
  expect(JSON.stringify(run.record.metadata)).toBe('{"list":[1],"__proto__":{"x":1}}')
  expect(checkSeal(run.record)).toBe('holds')
})

test('names are data', async () => {
  const root = folderOf({ data: 'x', m: safetensors({ w: floats([1]) }) })
  const names = [
    '../x',
    'a/b',
    'A/b',
    '.',
    '..',
    'constructor',
    'con',
    '\n\u001b[31m',
    'x'.repeat(1000),
    '🦊',
  ]
  const tracker = await started(root, { experimentName: '../x', saveToJson: true })
  for (const name of names) {
    await tracker.trackDataset('data', name)
    await tracker.trackModel('m', name)
    tracker.logMetric(name, 1)
  }
  for (const name of ['', '__proto__', '\ud800', 'x'.repeat(1025)]) {
    await expect(tracker.trackDataset('data', name), name).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_ARGUMENT',
    })
    expect(() => tracker.logMetric(name, 1), name).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT' }),
    )
  }
  await tracker.finishExperiment()
  const { record, folder } = await readRun(tracker.runDirectory)
  expect(Object.keys(record.datasets)).toEqual(names)
  expect(Object.keys(record.metrics)).toEqual(names)
  expect(readdirSync(join(folder, 'models')).length).toBe(names.length)
  expect(readdirSync(root).toSorted()).toEqual(['.lineaprint', 'data', 'm'])
  expect(readdirSync(join(root, '.lineaprint')).toSorted()).toEqual([
    '%2E.%2Fx_latest.json',
    '.gitignore',
    'runs',
  ])
  expect((await tracker.verify()).same).toBe(true)
})
