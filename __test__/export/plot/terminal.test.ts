import { expect, test } from 'vitest'
import { textPanel } from '../../../src/export/plot/terminal.ts'
import type { PlotPoint } from '../../../src/export/plot/svg.ts'

function drawn(lines: readonly (readonly PlotPoint[])[], scale: 'linear' | 'log' = 'linear'): string[] {
  const panel = { title: 'm', series: lines.map((points) => ({ points })) }
  const { lines: rows } = textPanel(panel, { columns: 8, rows: 2, scale })
  return rows.map((cells) => cells.map(({ character }) => character).join(''))
}

test('a line goes from corner to corner, and a logarithm makes a straight one of powers', () => {
  const straight = [0, 1, 2].map((x) => ({ x, y: x }))
  expect(drawn([straight])).toEqual(['    ⣀⠤⠒⠉', '⣀⠤⠒⠉    '])
  const powers = [0, 1, 2].map((x) => ({ x, y: 10 ** x }))
  expect(drawn([powers], 'log')).toEqual(drawn([straight]))
})

test('nothing, one point, huge and missing values are drawn without an error', () => {
  expect(drawn([[]]).join('').trim()).toBe('')
  expect(
    drawn([[{ x: 0, y: 5 }]])
      .join('')
      .trim(),
  ).toHaveLength(1)
  const hard = [-1e308, 1e308, NaN, Infinity, 0, 5e-324].map((y, x) => ({ x, y }))
  expect(drawn([hard])).toHaveLength(2)
  expect(drawn([hard], 'log')).toHaveLength(2)
})

test('a cell has the series that was drawn last', () => {
  const line = [0, 1].map((x) => ({ x, y: 0 }))
  const { lines, labels } = textPanel(
    { title: 'm', series: [{ points: line }, { points: line }] },
    { columns: 4, rows: 3, scale: 'linear' },
  )
  expect(new Set(lines.flat().map(({ series }) => series))).toEqual(new Set([undefined, 1]))
  expect(labels).toEqual(['0', '', '0'])
})
