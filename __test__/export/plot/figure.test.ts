import { expect, test } from 'vitest'
import { figureOf } from '../../../src/export/plot/figure.ts'
import type { MetricSeries } from '../../../src/store/metrics/series.ts'

function seriesOf(
  run: string,
  name: string,
  values: readonly number[],
  steps?: readonly number[],
): MetricSeries {
  return {
    run,
    name,
    values: Float64Array.from(values),
    steps: Float64Array.from(values, (_, index) => steps?.[index] ?? NaN),
    times: Float64Array.from(values, () => 0),
    parts: [{ run, count: values.length, replaced: 0 }],
  }
}

test('metrics are in natural order, and those with one value are a table', () => {
  const figure = figureOf(
    ['a', 'b'],
    [
      seriesOf('a', 'layer10', [1, 2]),
      seriesOf('a', 'layer9', [1, 2]),
      seriesOf('b', 'layer9', [3]),
      seriesOf('a', 'test10', [7]),
      seriesOf('b', 'test9', [8]),
    ],
    0,
  )
  expect(figure.panels.map(({ title }) => title)).toEqual(['layer9', 'layer10'])
  expect(figure.panels[1]?.series.map(({ points }) => points.length)).toEqual([2, 0])
  expect(figure.single).toEqual([
    ['test9', null, 8],
    ['test10', 7, null],
  ])
})

test('a long line keeps its spikes and gaps, and has few points', () => {
  const values = Array.from({ length: 100_000 }, (_, index) => Math.sin(index / 1000))
  values[77_777] = 99
  values[33_333] = -99
  values[55_555] = NaN
  const points = figureOf(['a'], [seriesOf('a', 'm', values)], 0).panels[0]?.series[0]?.points ?? []
  expect(points.length).toBeLessThan(4000)
  for (const [x, y] of [
    [77_777, 99],
    [33_333, -99],
    [55_555, NaN],
  ])
    expect(points).toContainEqual({ x, y })
  expect(points.every(({ x }, index) => index === 0 || x > (points[index - 1]?.x ?? x))).toBe(true)
})

test('steps that go back are put in order', () => {
  const [line] = figureOf(['a'], [seriesOf('a', 'm', [1, 2, 3], [5, 1, 3])], 0).panels[0]?.series ?? []
  expect(line?.points).toEqual([
    { x: 1, y: 2 },
    { x: 3, y: 3 },
    { x: 5, y: 1 },
  ])
})

test('smoothing is a moving average that is right from the start, and passes over what is no number', () => {
  const values = [4, NaN, 8, 2]
  const [line] = figureOf(['a'], [seriesOf('a', 'm', values)], 0.5).panels[0]?.series ?? []
  // By hand: each earlier value counts half as much.
  const expected = [4, NaN, (4 * 0.5 + 8) / 1.5, (4 * 0.25 + 8 * 0.5 + 2) / 1.75]
  const rounded = (numbers: readonly number[]): number[] =>
    numbers.map((value) => Number(value.toPrecision(12)))
  expect(rounded(line?.points.map(({ y }) => y) ?? [])).toEqual(rounded(expected))
  expect(line?.raw?.map(({ y }) => y)).toEqual(values)
})
