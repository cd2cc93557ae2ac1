import { expect, test } from 'vitest'
import { columnsOf, headOf, rowsOf, summaryOf } from '../../../src/export/wandb/describe.ts'
import { finished } from '../../tracking/support.ts'
import { folderOf } from '../../support/folder.ts'
import type { MetricPoint } from '../../../src/export/source.ts'

function point(name: string, value: number, step: number, time = step): MetricPoint {
  return { name, value, step, time }
}

test('rows go forward, whatever the order in which values were logged', () => {
  const points = [point('a', 1, 5), point('b', 2, 0, 9), point('a', 3, 0), point('b', 4, 5)]
  const { rows, warnings } = rowsOf(points)
  expect(rows.map(({ step, time, values }) => ({ step, time, values: Object.fromEntries(values) }))).toEqual([
    { step: 0, time: 9, values: { b: 2, a: 3 } },
    { step: 5, time: 5, values: { a: 1, b: 4 } },
  ])
  expect(warnings).toEqual([])
  expect(summaryOf(points, rows)).toEqual({ a: 3, b: 4, _step: 5 })
})

test('of several values at one step the last is kept, with a warning', () => {
  const { rows, warnings } = rowsOf([point('a', 1, 0), point('a', 2, 0), point('a', NaN, 0)])
  expect(rows[0]?.values.get('a')).toBeNaN()
  expect(warnings).toEqual([expect.stringMatching(/2 earlier values of "a"/)])
})

test('names that W&B fills itself do not replace its own', () => {
  const { rows } = rowsOf([point('_step', 7, 3, 2000), point('constructor', 1, 3, 2000)])
  expect(rows.map((row) => columnsOf(row, 500))).toEqual([
    { 'metric._step': 7, constructor: 1, _step: 3, _timestamp: 2, _runtime: 1.5 },
  ])
})

test('what W&B refuses is not said to it: long tags, odd projects, numbers that JSON lacks', async () => {
  const long = 'x'.repeat(65)
  const metadata = { lineaprint: 'mine', _wandb: 1, lr: NaN, nested: { inf: -Infinity } }
  const options = { experimentName: 'a/b#c?d%e:f', tags: ['ok', long], metadata }
  const { record } = await finished(folderOf(), options)
  const head = headOf(record, {})
  expect(head).toMatchObject({ project: 'a-b-c-d-e-f', tags: ['ok'], name: record.id, id: record.id })
  expect(head.config).toMatchObject({
    'metadata.lineaprint': 'mine',
    'metadata._wandb': 1,
    lr: 'NaN',
    nested: { inf: '-Infinity' },
    lineaprint: { run: record.id, tags: ['ok', long], seal: record.seal },
  })
  expect(headOf(record, { project: 'p', entity: 'e' })).toMatchObject({ project: 'p', entity: 'e' })
})
