import fc from 'fast-check'
import { expect, test } from 'vitest'
import { batchesOf, metricItem } from '../../../src/export/mlflow/batches.ts'
import { datasetsOf, parametersOf, tagsOf } from '../../../src/export/mlflow/content.ts'
import { NameMaker } from '../../../src/export/mlflow/names.ts'
import { headOf } from '../../../src/export/wandb/describe.ts'
import { finished } from '../../tracking/support.ts'
import { folderOf } from '../../support/folder.ts'
import { ANY_TEXT_UNIT } from '../../support/random.ts'

/** What MLflow's own check of a name demands. */
function isTaken(name: string): boolean {
  const segments = name.split('/')
  return (
    /^[\p{L}\p{N}_\-./ :]+$/u.test(name) &&
    Array.from(name).length <= 250 &&
    segments.every((segment) => !['', '.', '..'].includes(segment))
  )
}

test('names are such that MLflow takes them, and stay apart', () => {
  const names = fc.uniqueArray(
    fc.oneof(
      fc.string({ unit: ANY_TEXT_UNIT }),
      fc.constantFrom('', '/', '..', 'a//b', 'a/./b', 'a=b', 'a_b', 'x'.repeat(300)),
    ),
    { minLength: 1 },
  )
  fc.assert(
    fc.property(names, (originals) => {
      const maker = new NameMaker()
      const made = originals.map((original) => maker.name(original))
      expect(made.filter((name) => !isTaken(name))).toEqual([])
      expect(new Set(made).size).toBe(originals.length)
      expect(originals.map((original) => maker.name(original))).toEqual(made)
    }),
  )
  expect(new NameMaker().name('train/loss: ä 1.0')).toBe('train/loss: ä 1.0')
})

test('batches keep the limits, the order, and everything', () => {
  const pair = fc.record({ key: fc.string({ maxLength: 20 }), value: fc.string({ maxLength: 3000 }) })
  const sizes = fc.tuple(fc.nat(2500), fc.array(pair, { maxLength: 250 }), fc.array(pair, { maxLength: 250 }))
  fc.assert(
    fc.property(sizes, ([count, params, tags]) => {
      const metrics = Array.from({ length: count }, (_, step) => ({
        key: 'm',
        value: step,
        timestamp: 0,
        step,
      }))
      const batches = [...batchesOf({ metrics, params, tags })]
      for (const batch of batches) {
        const lengths = [batch.metrics.length, batch.params.length, batch.tags.length]
        expect(Math.min(...lengths)).toBeGreaterThanOrEqual(0)
        expect(batch.params.length <= 100 && batch.tags.length <= 100).toBe(true)
        expect(lengths.reduce((a, b) => a + b)).toBeLessThanOrEqual(1000)
        expect(Buffer.byteLength(JSON.stringify({ run_id: 'r'.repeat(32), ...batch }))).toBeLessThan(
          1_000_000,
        )
      }
      expect(batches.flatMap((batch) => batch.metrics)).toEqual(metrics)
      expect(batches.flatMap((batch) => batch.params)).toEqual(params)
      expect(batches.flatMap((batch) => batch.tags)).toEqual(tags)
    }),
    { numRuns: 20 },
  )
})

test('a value that JSON lacks is a text, and no time is before 1970', () => {
  const names = new NameMaker()
  const items = [NaN, Infinity, -Infinity, 0.1].map((value) =>
    metricItem({ name: 'a', value, step: 0, time: -5 }, names),
  )
  expect(items.map((item) => (item as { value: unknown }).value)).toEqual([
    'NaN',
    'Infinity',
    '-Infinity',
    0.1,
  ])
  expect(items[0]).toEqual({ key: 'a', value: 'NaN', timestamp: 0, step: 0 })
})

test('metadata becomes one parameter per value', async () => {
  const metadata = { lr: 0.1, a: { b: { c: [1, { d: NaN }] }, e: null }, 'a.e': 'apart', text: '', yes: true }
  const { record } = await finished(folderOf(), { metadata })
  const { parameters, warnings } = parametersOf(record)
  expect(warnings).toEqual([])
  const pairs = Object.fromEntries(parameters.map(({ key, value }) => [key, value]))
  const apart = parameters.find(({ value }) => value === 'apart')?.key ?? ''
  expect(apart).toMatch(/^a\.e.*_[0-9a-f]{8}$/)
  expect(pairs).toEqual({
    lr: '0.1',
    'a.b.c': '[1,{"d":"NaN"}]',
    'a.e': 'null',
    [apart]: 'apart',
    text: '',
    yes: 'true',
  })
})

test('reported parameters are parameters as well; metadata of the same name comes first', async () => {
  const { record } = await finished(folderOf(), { metadata: { lr: 1, model: { width: 2 } } })
  const parameters = {
    lr: { value: 3, sources: ['argparse'] },
    'model.width': { value: 4, sources: ['hydra'] },
    'model.depth': { value: 5, sources: ['hydra'] },
    'lr (wandb)': { value: { __float__: 'NaN' }, sources: ['wandb'] },
  }
  const pairs = parametersOf({ ...record, parameters }).parameters.map(({ key, value }) => [key, value])
  expect(pairs.slice(0, 3)).toEqual([
    ['lr', '1'],
    ['model.width', '2'],
    ['model.depth', '5'],
  ])
  expect(pairs.slice(3)).toEqual([[expect.stringMatching(/^lr/), 'NaN']])
  // The other export has the names as they are.
  const { config } = headOf({ ...record, parameters }, {})
  expect(config).toMatchObject({ lr: 1, 'model.width': 4, 'model.depth': 5, 'lr (wandb)': 'NaN' })
})

test('a dataset that failed is not one that went in', async () => {
  const run = await finished(folderOf({ d: 'x' }), { enableDatasetTracking: true }, async (tracker) => {
    await tracker.trackDataset('d', 'there')
    await expect(tracker.trackDataset('absent', 'absent')).rejects.toThrow(/absent/)
  })
  expect(datasetsOf(run.record).datasets.map(({ dataset }) => dataset.name)).toEqual(['there'])
  const tags = tagsOf(run.record).map(({ key }) => key)
  expect(tags.filter((key) => key.startsWith('lineaprint.datasets'))).toEqual(['lineaprint.datasets.there'])
})
