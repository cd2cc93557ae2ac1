import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readMetrics } from '../../../src/store/metrics/series.ts'
import { readColumns } from '../../../src/store/metrics/column-reader.ts'
import { LEAST_VALUES } from '../../../src/store/metrics/column-writer.ts'
import { readRun } from '../../../src/store/runs.ts'
import { verifyRun } from '../../../src/verify/verify.ts'
import { LineaprintError } from '../../../src/core/errors.ts'
import { folderOf } from '../../support/folder.ts'
import { finished, started } from '../../tracking/support.ts'
import type { MetricsOfRuns } from '../../../src/store/metrics/series.ts'
import type { StoredRun } from '../../../src/store/runs.ts'

const SPECIAL = [NaN, Infinity, -Infinity, -0, 5e-324, Number.MAX_VALUE]

/** Finish a run with many values of series whose names are hard. */
function longRun(values: number = 3 * LEAST_VALUES, experimentId = 'long'): Promise<StoredRun> {
  return finished(folderOf(), { experimentId }, (tracker) => {
    for (let index = 0; index < values; index++) {
      const value = SPECIAL[index % 50] ?? index / 7
      const name = index % 97 === 0 ? 'rare \u{1f600}\0' : `loss${(index % 3) * 5}`
      tracker.logMetric(name, value, { ...(index % 4 > 0 && { step: index / 2 }), timestamp: index * 1000 })
    }
  })
}

/** Read the values from the journal alone. */
async function fromJournal(run: StoredRun): Promise<MetricsOfRuns> {
  return readMetrics([{ ...run, record: { ...run.record, seal: null } }])
}

test('columns have what the journal has, bit for bit', async () => {
  const run = await longRun()
  expect(run.record.files.map(({ path }) => path)).toContain('metrics.columns')
  const { series, warnings } = await readMetrics([run])
  expect(warnings).toEqual([])
  expect(series.map(({ name }) => name)).toEqual(['loss0', 'loss5', 'loss10', 'rare \u{1f600}\0'])
  // Equal journals make equal columns: the same values read without the columns.
  expect((await fromJournal(run)).series).toEqual(series)
  expect(series.reduce((sum, { values }) => sum + values.length, 0)).toBe(3 * LEAST_VALUES)
  expect(series.some(({ steps }) => steps.some(Number.isNaN))).toBe(true)
})

test('patterns choose names, and several runs stand in their order', async () => {
  const [a, b] = [await longRun(10, 'a'), await longRun(LEAST_VALUES + 1, 'b')]
  const { series } = await readMetrics([b, a], { metric: ['loss?', 'none*'] })
  expect(series.map(({ run, name }) => `${run} ${name}`)).toEqual([
    'b loss0',
    'b loss5',
    'a loss0',
    'a loss5',
  ])
  await expect(readMetrics([a], { metric: 'loss' as unknown as string[] })).rejects.toThrow('metric')
})

test('a run with few values has no columns, and one that goes on is read from its journal', async () => {
  const run = await longRun(LEAST_VALUES)
  expect(run.record.files.map(({ path }) => path)).not.toContain('metrics.columns')
  const tracker = await started(folderOf())
  for (let step = 0; step < 2 * LEAST_VALUES; step++) tracker.logMetric('loss', step, { step })
  await tracker.flush()
  const { series, warnings } = await readMetrics([await readRun(tracker.runDirectory)])
  expect(warnings).toEqual([])
  expect(series[0]?.values.length).toBe(2 * LEAST_VALUES)
  await tracker.finishExperiment()
})

test('columns that are not as the seal says are not used, and verify finds them', async () => {
  const run = await longRun()
  const path = join(run.folder, 'metrics.columns')
  const right = await readMetrics([run])
  const whole = readFileSync(path)
  const changes: (() => void)[] = [
    () => writeFileSync(path, Buffer.from(whole).fill(7, 100, 101)),
    () => truncateSync(path, whole.length - 1),
    () => rmSync(path),
  ]
  for (const change of changes) {
    change()
    const { series, warnings } = await readMetrics([run])
    expect(series).toEqual(right.series)
    expect(warnings).toHaveLength(1)
    const { items } = await verifyRun(run)
    expect(items.find(({ name }) => name === 'metrics.columns')?.status).toMatch(/^(?:changed|missing)$/)
  }
})

test('damaged columns are an error, and no number in them is believed', async () => {
  const run = await longRun()
  const path = join(run.folder, 'metrics.columns')
  const whole = readFileSync(path)
  const list = whole.length - 16 - Number(whole.readBigUInt64LE(whole.length - 16))
  const text = whole.subarray(list, whole.length - 16).toString()
  const withList = (changed: string): Buffer => {
    const tail = Buffer.from(whole.subarray(whole.length - 16))
    tail.writeBigUInt64LE(BigInt(Buffer.byteLength(changed)), 0)
    return Buffer.concat([whole.subarray(0, list), Buffer.from(changed), tail])
  }
  const { series, blocks } = JSON.parse(text) as { series: object[]; blocks: [number, number][] }
  const forged = [
    Buffer.alloc(0),
    whole.subarray(0, 31),
    Buffer.concat([Buffer.alloc(8), whole.subarray(8)]),
    Buffer.concat([whole, Buffer.alloc(8)]),
    whole.subarray(8),
    withList('{'),
    withList('[]'),
    withList(JSON.stringify({ series, blocks: blocks.slice(1) })),
    withList(JSON.stringify({ series, blocks: [...blocks, [0, 1e15]] })),
    withList(JSON.stringify({ series, blocks: [[0, -1], ...blocks] })),
    withList(JSON.stringify({ series, blocks: blocks.map(([, rows]) => [99, rows]) })),
    withList(JSON.stringify({ series: [1], blocks })),
  ]
  const huge = Buffer.from(whole)
  huge.writeBigUInt64LE(2n ** 63n, whole.length - 16)
  for (const bytes of [...forged, huge]) {
    writeFileSync(path, bytes)
    const outcome = await readColumns(path, () => true).catch((error: unknown) => error)
    expect(LineaprintError.is(outcome) && outcome.code).toBe('ERR_LINEAPRINT_FORMAT')
  }
  writeFileSync(path, whole)
  expect((await readColumns(path, () => true)).size).toBe(4)
  expect(statSync(path).size).toBe(whole.length)
})
