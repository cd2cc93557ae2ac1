import { expect, test } from 'vitest'
import { plotSvg } from '../../../src/export/plot/svg.ts'
import type { PlotPoint } from '../../../src/export/plot/svg.ts'

const line = (...values: number[]): { points: PlotPoint[] } => ({ points: values.map((y, x) => ({ x, y })) })
const plot = (...series: { points: PlotPoint[] }[]): string =>
  plotSvg({ title: 'title', xLabel: 'step', legend: ['one', 'two'], panels: [{ title: 'loss', series }] })

test('axes, legend, title and one line per series', () => {
  const svg = plot(line(0, 1, 2), line(2, 1, 0))
  for (const part of ['>title<', '>one<', '>two<', '>loss<', '>step<', '>2.0<', '>0.5<'])
    expect(svg).toContain(part)
  expect(svg.match(/d="M[^"]*L[^"]*L[^"]*"/g)).toHaveLength(2)
  expect(svg).not.toContain('NaN')
})

test('a NaN breaks the line and is marked once; a lonely value is a dot', () => {
  const svg = plot(line(1, 2, NaN, Infinity, 3, 4, NaN, 5))
  expect(svg.match(/d="M[\d. ]+L[\d. ]+M[\d. ]+L[\d. ]+M[\d. ]+"/g)).toHaveLength(1)
  expect(svg.match(/<title>NaN at \d<\/title>/g)).toEqual([
    '<title>NaN at 2</title>',
    '<title>NaN at 6</title>',
  ])
  expect(svg.match(/<circle/g)).toHaveLength(1)
  expect(svg).toContain('NaN or infinite from here')
})

test('names become no markup', () => {
  const svg = plotSvg({
    title: '</title><script>alert(1)</script>',
    xLabel: '"&',
    legend: ['<b>', 'a\u0000\u001b[31m'],
    panels: [{ title: '<svg onload="x">', series: [line(1)] }],
  })
  expect(svg).not.toMatch(/<script|<b>|onload="|[\u0000-\u0009\u000b-\u001f]/)
  expect(svg).toContain('&lt;/title&gt;&lt;script&gt;')
})

test.each([
  [[0.00001, 0.00002]],
  [[1e308, -1e308]],
  [[5e-324, 0]],
  [[NaN, NaN]],
  [[7]],
  [[1e15, 1e15 + 1]],
  [[]],
])('coordinates and labels stay numbers for %j', (values) => {
  const svg = plot(line(...values), line())
  expect(svg.replaceAll(/<title>.*?<\/title>|>× NaN.*?</g, '')).not.toMatch(/NaN|Infinity|undefined/)
  const labels = [...svg.matchAll(/text-anchor="end">([^<]*)</g)].map(([, label]) => label)
  expect(new Set(labels).size).toBe(labels.length)
  expect(labels.length).toBeGreaterThan(0)
})

test('no panel at all', () => {
  expect(plotSvg({ title: 't', xLabel: 'x', legend: ['a'], panels: [] })).toContain('no metric in common')
})
