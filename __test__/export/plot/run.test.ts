import { expect, test } from 'vitest'
import { metricsSvg } from '../../../src/export/plot/run.ts'
import type { MetricPoint } from '../../../src/export/source.ts'

function points(length: number, value: (step: number) => number, name = 'm'): MetricPoint[] {
  return Array.from({ length }, (_, step) => ({ name, step, value: value(step), time: 0 }))
}

test('nothing logged is no plot', () => {
  expect(metricsSvg('t', [])).toBeUndefined()
})

test('a long run is drawn by its extremes, and where it is no number', () => {
  const spike = (step: number): number => (step === 77_777 ? 1000 : step === 33_333 ? NaN : step % 7)
  const svg = metricsSvg('t', points(100_000, spike)) ?? ''
  expect(svg.length).toBeLessThan(100_000)
  expect(svg).toContain('NaN at 33333')
  expect(svg).toContain('>1,000</text>')
})

test('there is an end to the panels, and names cannot become markup', () => {
  const many = Array.from({ length: 40 }, (_, index) => points(2, () => 1, `<b>${index}`)).flat()
  const svg = metricsSvg('<script>', many) ?? ''
  expect(svg.match(/<g /g)).toHaveLength(24)
  expect(svg).not.toMatch(/<script>|<b>/)
})
