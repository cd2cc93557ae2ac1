import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LineaprintError } from '../../../src/core/errors.ts'
import { RunLines } from '../../../src/server/lines.ts'
import { RunReader } from '../../../src/server/run-reader.ts'
import { readColumns } from '../../../src/store/metrics/column-reader.ts'
import { ColumnWriter, LEAST_VALUES } from '../../../src/store/metrics/column-writer.ts'
import { parseOverview, readOverview } from '../../../src/store/metrics/overview-reader.ts'
import { readMetrics } from '../../../src/store/metrics/series.ts'
import { readRun } from '../../../src/store/runs.ts'
import { storeIn } from '../../../src/store/store.ts'
import { verifyRun } from '../../../src/verify/verify.ts'
import { folderOf } from '../../support/folder.ts'
import { finished } from '../../tracking/support.ts'
import type { ReducedSeries } from '../../../src/server/lines.ts'
import type { StoredRun } from '../../../src/store/runs.ts'

const PIXELS = [1, 2, 64, 512, 1024]

const NONE: readonly [number, number] = [0, 0]

const SPECIAL = [NaN, Infinity, -Infinity, -0, 5e-324, Number.MAX_VALUE]

/** Finish a run whose series differ in what an overview must say. */
function longRun(experimentId = 'long', root = folderOf()): Promise<StoredRun> {
  return finished(root, { experimentId }, (tracker) => {
    for (let index = 0; index < 20_000; index++) {
      // The first and the last value of a picture are no numbers.
      const value = index % 977 < 3 || index > 19_997 ? NaN : Math.sin(index * index)
      tracker.logMetric('a10', value, { step: index * 3 })
      tracker.logMetric('a9', Math.cos(index), index === 7000 ? {} : { step: index })
      // It goes back again and again, and repeats steps.
      tracker.logMetric('again', SPECIAL[index % 100] ?? index / 7, { step: (index * 7919) % 9000 })
      tracker.logMetric('constant', 1, { step: 5 })
      if (index % 50 === 0) tracker.logMetric('short \u{1f600}\0', -index, { step: -index })
    }
    tracker.logMetric('single', Infinity, { step: -3 })
  })
}

/** Return the pictures as they are made of the values. */
async function slow(run: StoredRun, pixels: number): Promise<readonly ReducedSeries[]> {
  const { series } = await readMetrics([run])
  const lines = new RunLines(0)
  return series.map((each) => lines.reduce(each, series, { axis: 'step', pixels }))
}

async function fromOverview(run: StoredRun, pixels: number): Promise<readonly ReducedSeries[] | undefined> {
  const overview = await readOverview(run)
  const lines = new RunLines(0)
  if (overview !== undefined) lines.takeOverview(run.id, overview)
  return lines.fromOverviews({ axis: 'step', pixels })
}

test('a picture from the overview of a run is the one from its values', async () => {
  const run = await longRun()
  expect(run.record.files.map(({ path }) => path)).toEqual([
    'events.jsonl',
    'metrics.columns',
    'metrics.overview',
  ])
  for (const pixels of PIXELS) {
    const expected = await slow(run, pixels)
    expect(await fromOverview(run, pixels)).toEqual(expected)
    expect(expected.map(({ head }) => head.axis)).toEqual(['index', 'step', 'step', 'step', 'step', 'step'])
  }
  expect(await fromOverview(run, 2048)).toBeUndefined()
  expect(await fromOverview(run, 1000)).toBeUndefined()
  expect((await verifyRun(run)).items.find(({ name }) => name === 'metrics.overview')?.status).toBe('same')
})

test('equal values make equal bytes, in which no path and no time is', async () => {
  const bytes = (run: StoredRun): Buffer => readFileSync(join(run.folder, 'metrics.overview'))
  expect(bytes(await longRun('one')).equals(bytes(await longRun('other')))).toBe(true)
})

const step = fc.oneof(
  { weight: 8, arbitrary: fc.nat(6000) },
  { weight: 1, arbitrary: fc.double({ min: -1e9, max: 1e9, noNaN: true }) },
)
const value = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -9, max: 9, noNaN: true }) },
  { weight: 2, arbitrary: fc.integer({ min: -2, max: 2 }) },
  { weight: 1, arbitrary: fc.constantFrom(...SPECIAL) },
)

test('of any series, the picture from the overview is the one from the values', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(step, value), { minLength: 1, maxLength: 300 }),
      fc.integer({ min: 1, max: 5000 }),
      fc.constantFrom('as they come', 'ascending', 'without some'),
      async (points, count, order) => {
        const folder = folderOf()
        const writer = new ColumnWriter(folder)
        const all = Array.from({ length: count }, (_, index) => points[(index * 7) % points.length] ?? NONE)
        if (order === 'ascending') all.sort(([a], [b]) => a - b)
        const add = (name: string, number: number, at: number | undefined): void => {
          const event = { type: 'metric' as const, name, ...(at !== undefined && { step: at }) }
          const encoded = Number.isFinite(number) ? number : { __float__: nameOf(number) }
          writer.add(
            { ...event, value: encoded } as Parameters<ColumnWriter['add']>[0],
            '2026-01-01T00:00:00Z',
          )
        }
        all.forEach(([at, number], index) =>
          add('any', number, order === 'without some' && index % 9 === 8 ? undefined : at),
        )
        // So that there are enough values for an overview.
        for (let index = 0; index < 20_000; index++) add('long', index, index)
        expect(writer.finish()).toEqual([])
        const columns = await readColumns(join(folder, 'metrics.columns'), () => true)
        const series = [...columns].map(([{ name }, own]) => ({ run: 'r', name, parts: [], ...own }))
        const lines = new RunLines(0)
        lines.takeOverview('r', parseOverview(readFileSync(join(folder, 'metrics.overview')), folder))
        for (const pixels of PIXELS) {
          const request = { axis: 'step' as const, pixels }
          const slowly = series.map((each) => new RunLines(0).reduce(each, series, request))
          expect(lines.fromOverviews(request)).toEqual(slowly)
        }
      },
    ),
    { numRuns: 40 },
  )
})

function nameOf(number: number): string {
  return Number.isNaN(number) ? 'NaN' : number > 0 ? 'Infinity' : '-Infinity'
}

test('a run gets an overview only if that is much less than its values', async () => {
  const run = await finished(folderOf(), { experimentId: 'short' }, (tracker) => {
    for (let index = 0; index < 2 * LEAST_VALUES; index++) tracker.logMetric('loss', index, { step: index })
  })
  expect(run.record.files.map(({ path }) => path)).toEqual(['events.jsonl', 'metrics.columns'])
  expect(await readOverview(run)).toBeUndefined()
})

test('an overview that cannot be written is a warning, and the columns are there', async () => {
  const run = await finished(folderOf(), { experimentId: 'taken' }, (tracker) => {
    writeFileSync(join(tracker.runDirectory, 'metrics.overview'), 'of the program')
    for (let index = 0; index < 20_000; index++) tracker.logMetric('loss', index, { step: index })
  })
  expect(run.record.warnings).toEqual([
    expect.stringContaining('the overview of the metrics could not be written'),
  ])
  expect(readFileSync(join(run.folder, 'metrics.overview'), 'utf8')).toBe('of the program')
  const { series, warnings } = await readMetrics([run])
  expect([series[0]?.values.length, warnings]).toEqual([20_000, []])
  await expect(readOverview(run)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT' })
})

test('an overview that is not as the seal says is not used, and verify finds it', async () => {
  const root = folderOf()
  const run = await longRun('long', root)
  const path = join(run.folder, 'metrics.overview')
  const right = await slow(run, 512)
  const whole = readFileSync(path)
  const request = { axis: 'step' as const, pixels: 512 }
  const changes: (() => void)[] = [
    () => writeFileSync(path, Buffer.from(whole).fill(7, 100, 101)),
    () => truncateSync(path, whole.length - 1),
    () => truncateSync(path, 2 ** 40),
    () => rmSync(path),
  ]
  const asked = async (): ReturnType<RunReader['lines']> => {
    const reader = new RunReader(storeIn(root))
    return reader.lines(run.id, request, () => true, new AbortController().signal)
  }
  expect(await asked()).toEqual({ series: right, warnings: [] })
  for (const change of changes) {
    change()
    const { series, warnings } = await asked()
    expect(series).toEqual(right)
    expect(warnings).toEqual([expect.stringContaining('metrics.overview is not used')])
    const { items } = await verifyRun(run)
    expect(items.find(({ name }) => name === 'metrics.overview')?.status).toMatch(/^(?:changed|missing)$/)
  }
})

test('the page takes a picture from the overview, and a zoom from the values', async () => {
  const root = folderOf()
  const run = await longRun('long', root)
  const right = await slow(run, 512)
  rmSync(join(run.folder, 'events.jsonl'))
  rmSync(join(run.folder, 'metrics.columns'))
  const reader = new RunReader(storeIn(root))
  const { signal } = new AbortController()
  const ask = async (more: object): ReturnType<RunReader['lines']> =>
    reader.lines(run.id, { axis: 'step', pixels: 512, ...more }, (name) => name === 'again', signal)
  const wanted = right.filter(({ head }) => head.name === 'again')
  expect(await ask({})).toEqual({ series: wanted, warnings: [] })
  const zoomed = await ask({ from: 10, to: 20 })
  expect(zoomed.series).toEqual([])
  expect(zoomed.warnings).toEqual([
    expect.stringContaining('metrics.columns is not used'),
    expect.stringContaining('events.jsonl is missing'),
  ])
})

test('a run that continues another has its pictures from the values of both', async () => {
  const run = await longRun()
  const later = { ...run, record: { ...run.record, continues: 'other' } }
  expect(await readOverview(later)).toBeUndefined()
  expect(await readOverview({ ...run, record: { ...run.record, seal: null } })).toBeUndefined()
  expect(await readOverview(await readRun(run.folder))).toBeDefined()
})

test('damaged overviews are an error, and no number in them is believed', async () => {
  const run = await longRun()
  const path = join(run.folder, 'metrics.overview')
  const whole = readFileSync(path)
  const list = whole.length - 16 - Number(whole.readBigUInt64LE(whole.length - 16))
  const text = whole.subarray(list, whole.length - 16).toString()
  const withList = (changed: unknown): Buffer => {
    const bytes = Buffer.from(typeof changed === 'string' ? changed : JSON.stringify(changed))
    const tail = Buffer.from(whole.subarray(whole.length - 16))
    tail.writeBigUInt64LE(BigInt(bytes.length), 0)
    return Buffer.concat([whole.subarray(0, list), bytes, tail])
  }
  const { series } = JSON.parse(text) as { series: Record<string, unknown>[] }
  const withFirst = (more: object): Buffer =>
    withList({ series: [{ ...series[0], ...more }, ...series.slice(1)] })
  const withNumber = (write: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(whole)
    write(bytes)
    return bytes
  }
  const forged = [
    Buffer.alloc(0),
    whole.subarray(0, 31),
    whole.subarray(8),
    Buffer.concat([Buffer.alloc(8), whole.subarray(8)]),
    Buffer.concat([whole, Buffer.alloc(8)]),
    withList('{'),
    withList('null'),
    withList([]),
    withList({ series: [1] }),
    withList({ series: series.slice(1) }),
    withList({ series: [...series, series[0]] }),
    withFirst({ count: 1e300 }),
    withFirst({ count: 0 }),
    withFirst({ count: 5 }),
    withFirst({ points: 2 ** 50 }),
    withFirst({ points: -1 }),
    withFirst({ points: 1.5 }),
    withFirst({ notFinite: 20_001 }),
    withFirst({ axis: 'time' }),
    withFirst({ from: null }),
    withFirst({ from: 1e9 }),
    withFirst({ to: 5 }),
    withFirst({ name: 7 }),
    withFirst({ process: -1 }),
    withNumber((bytes) => bytes.writeUInt32LE(2, 8)),
    withNumber((bytes) => bytes.writeUInt32LE(0, 12)),
    withNumber((bytes) => bytes.writeUInt32LE(1023, 12)),
    withNumber((bytes) => bytes.writeUInt32LE(2 ** 31, 12)),
    withNumber((bytes) => bytes.writeUInt32LE(64, 12)),
    withNumber((bytes) => bytes.writeDoubleLE(NaN, 16)),
    withNumber((bytes) => bytes.writeDoubleLE(1e6, 24)),
    withNumber((bytes) => bytes.writeBigUInt64LE(2n ** 63n, bytes.length - 16)),
  ]
  for (const [index, bytes] of forged.entries()) {
    let outcome: unknown
    try {
      outcome = parseOverview(bytes, path)
    } catch (error) {
      outcome = error
    }
    expect([index, LineaprintError.is(outcome) && outcome.code]).toEqual([index, 'ERR_LINEAPRINT_FORMAT'])
  }
  expect(parseOverview(withList(text), path).series).toHaveLength(6)
  // Nothing depends on where the bytes lie in memory.
  const moved = Buffer.concat([Buffer.alloc(3), whole]).subarray(3)
  expect(parseOverview(moved, path)).toEqual(parseOverview(whole, path))
  expect(statSync(path).size).toBe(whole.length)
})
