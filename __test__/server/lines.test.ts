import { expect, test } from 'vitest'
import fc from 'fast-check'
import { RunLines, encodeLines } from '../../src/server/lines.ts'
import { reduceLine } from '../../src/server/reduce.ts'
import { SeriesLine } from '../../src/server/series-line.ts'
import type { MetricsHead } from '../../src/server/api/types.ts'
import type { LineRequest, ReducedSeries } from '../../src/server/lines.ts'
import type { Axis } from '../../src/server/series-line.ts'
import type { MetricSeries } from '../../src/store/metrics/series.ts'

function decoded(bytes: Uint8Array<ArrayBuffer>): { head: MetricsHead; columns: number[] } {
  const length = new DataView(bytes.buffer).getUint32(0, true)
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as MetricsHead
  return { head, columns: [...new Float64Array(bytes.buffer, 4 + length)] }
}

function seriesOf(steps: readonly number[], values: readonly number[], name = 'é'): MetricSeries {
  return {
    run: 'r',
    name,
    steps: Float64Array.from(steps),
    values: Float64Array.from(values),
    times: Float64Array.from(values, (_, index) => 10_000 + index * 500),
    parts: [{ run: 'r', count: values.length, replaced: 0 }],
  }
}

function lines(
  steps: number[],
  values: number[],
  axis: Axis,
  others: MetricSeries[] = [],
): ReturnType<typeof decoded> {
  const series = seriesOf(steps, values)
  const reduced = new RunLines(9000).reduce(series, [series, ...others], { axis, pixels: 100 })
  return decoded(encodeLines([reduced], ['a warning']))
}

test('steps that were logged again are in their order, and each value stays', () => {
  const { head, columns } = lines([0, 1, 2, 1, 2], [5, 4, 3, 40, 30], 'step')
  expect(columns).toEqual([0, 1, 1, 2, 2, 5, 4, 40, 3, 30])
  expect(head.warnings).toEqual(['a warning'])
  expect(head.series[0]).toMatchObject({ name: 'é', axis: 'step', count: 5, from: 0, to: 2 })
})

test('values without steps are at their numbers, and times count from the start', () => {
  const { head, columns } = lines([0, NaN, 5], [7, 8, 9], 'step')
  expect(head.series[0]?.axis).toBe('index')
  expect(columns).toEqual([0, 1, 2, 7, 8, 9])
  expect(lines([0, 1], [1, 2], 'time').columns).toEqual([1, 1.5, 1, 2])
})

test('no series is a head alone', () => {
  expect(decoded(encodeLines([], [])).head).toEqual({
    series: [],
    warnings: [],
  })
})

test('epochs are between the steps at which the metric named epoch rises', () => {
  const epochs = seriesOf([0, 5, 10, 20], [0, 0, 1, 2], 'trainer/epoch')
  const { head, columns } = lines([0, 5, 10, 15, 20, 25], [1, 1, 1, 1, 1, 1], 'epoch', [epochs])
  expect(head.series[0]?.axis).toBe('epoch')
  expect(columns.slice(0, 6)).toEqual([0, 0.5, 1, 1.5, 2, 2.5])
  const none = lines([3, 4], [1, 2], 'epoch', [seriesOf([0], [NaN], 'epoch')])
  expect([none.head.series[0]?.axis, none.columns]).toEqual(['step', [3, 4, 1, 2]])
})

const step = fc.oneof({ weight: 20, arbitrary: fc.nat(400) }, { weight: 1, arbitrary: fc.constant(NaN) })
const logged = fc.array(fc.tuple(step, fc.oneof(fc.double({ min: -9, max: 9 }), fc.constant(NaN))), {
  minLength: 1,
  maxLength: 400,
})

test('a line that grows is the one that is built at once', () => {
  fc.assert(
    fc.property(
      logged,
      fc.array(fc.nat(400), { maxLength: 5 }),
      fc.constantFrom<Axis>('step', 'time', 'index', 'epoch'),
      fc.boolean(),
      (list, cuts, axis, isOrdered) => {
        const all = isOrdered ? list.toSorted(([a], [b]) => a - b) : list
        const part = (length: number): MetricSeries =>
          seriesOf(
            all.slice(0, length).map(([at]) => at),
            all.slice(0, length).map(([, value]) => value),
          )
        const grown = new SeriesLine(axis, 9000)
        for (const cut of [...cuts.map((at) => Math.min(at, all.length)), all.length].toSorted(
          (a, b) => a - b,
        ))
          grown.update(part(cut), undefined)
        const whole = part(all.length)
        const isIndexed = axis === 'index' || (axis !== 'time' && whole.steps.some((at) => Number.isNaN(at)))
        const positions = [...whole.steps].map((at, index) =>
          isIndexed ? index : axis === 'time' ? ((whole.times[index] ?? 0) - 9000) / 1000 : at,
        )
        const order = [...positions.keys()].toSorted(
          (a, b) => (positions[a] ?? 0) - (positions[b] ?? 0) || a - b,
        )
        expect([...grown.x]).toEqual(order.map((index) => positions[index]))
        expect([...grown.y]).toEqual(order.map((index) => whole.values[index]))
      },
    ),
  )
})

test('a picture from an overview is the one from the values', () => {
  const values = Array.from({ length: 40_000 }, (_, index) =>
    // Also the first and the last ones are no numbers.
    index % 977 < 3 || index > 39_996 ? NaN : Math.sin(index * index),
  )
  const long = seriesOf(
    values.map((_, index) => index * 2),
    values,
    'long',
  )
  const short = seriesOf([1, 2, 3], [4, 5, 6], 'short')
  const all = [long, short]
  for (const pixels of [64, 512, 2048]) {
    const own = new RunLines(0)
    const fresh = all.map((series) => own.reduce(series, all, { axis: 'step', pixels }))
    expect(own.fromOverviews({ axis: 'step', pixels })).toBeUndefined()
    own.forget(all)
    expect(own.fromOverviews({ axis: 'step', pixels })).toEqual(fresh)
    expect(own.fromOverviews({ axis: 'time', pixels })).toBeUndefined()
    expect(own.fromOverviews({ axis: 'step', from: 3, pixels })).toBeUndefined()
    expect(own.fromOverviews({ axis: 'step', pixels: pixels + 1 })).toBeUndefined()
    const slow = reduceLine({ x: long.steps, y: long.values }, -Infinity, Infinity, pixels)
    expect(fresh[0]?.y).toEqual(slow.y)
  }
})

test('a picture of a run that ended is made once for each width, and its bytes are counted', () => {
  const values = Array.from({ length: 20_000 }, (_, index) => Math.sin(index * index))
  const series = seriesOf([...values.keys()], values)
  const own = new RunLines(0)
  let made = 0
  const ask = (request: LineRequest): ReducedSeries =>
    own.picture(series.name, request, () => {
      made++
      return own.reduce(series, [series], request)
    })
  const slow = (request: LineRequest): ReducedSeries =>
    new RunLines(0).reduce(series, [series], { ...request })
  const asked: (readonly [LineRequest, number])[] = [
    [{ axis: 'step', pixels: 64 }, 1],
    [{ axis: 'step', pixels: 64 }, 1],
    [{ axis: 'step', from: 10, pixels: 64 }, 2],
    [{ axis: 'step', pixels: 64 }, 2],
    [{ axis: 'time', pixels: 64 }, 3],
    [{ axis: 'step', pixels: 128 }, 4],
    [{ axis: 'step', pixels: 64 }, 5],
  ]
  for (const [request, count] of asked) {
    expect(ask(request)).toEqual(slow(request))
    expect(made).toBe(count)
  }
  const { x, y } = slow({ axis: 'step', pixels: 64 })
  expect(own.overviewBytes).toBe(x.byteLength + y.byteLength)
  own.forget([series])
  const overviews = ['step', 'time'].map((axis) => slow({ axis: axis as Axis, pixels: 2048 }))
  const bytes = overviews.reduce((sum, overview) => sum + overview.x.byteLength * 2, 0)
  expect(own.overviewBytes).toBe(x.byteLength + y.byteLength + bytes)
  own.forgetOverviews()
  expect([own.overviewBytes, own.fromOverviews({ axis: 'step', pixels: 64 })]).toEqual([0, undefined])
})
