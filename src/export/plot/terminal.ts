/** Panels as text: lines of braille characters, each of two by four dots. */
import type { PlotPanel, PlotPoint } from './svg.ts'

/** A panel as lines of cells, with the series that was drawn last in each cell. */
export interface TextPanel {
  /** Labels of the vertical axis, one for each line; empty between them. */
  readonly labels: readonly string[]
  readonly lines: readonly (readonly TextCell[])[]
  readonly from: string
  readonly to: string
}

/** One character, and the series whose colour it has; `undefined` for an empty one. */
export interface TextCell {
  readonly character: string
  readonly series: number | undefined
}

/** Dots of a braille character by column and row. */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const

/**
 * Draw a panel.
 *
 * @param columns Characters across.
 * @param rows Characters down.
 */
export function textPanel(
  { series }: PlotPanel,
  { columns, rows, scale }: { columns: number; rows: number; scale: 'linear' | 'log' },
): TextPanel {
  const y = (point: PlotPoint): number => (scale === 'log' ? Math.log10(point.y) : point.y)
  const drawn = series.map(({ points }) => points.filter((point) => Number.isFinite(y(point))))
  const all = drawn.flat()
  const [left, right] = rangeOf(all.map((point) => point.x))
  const [low, high] = rangeOf(all.map(y))
  const [width, height] = [columns * 2, rows * 4]
  const bits = new Uint8Array(columns * rows)
  const owners = new Int32Array(columns * rows).fill(-1)
  const dot = (column: number, row: number, owner: number): void => {
    const cell = Math.floor(row / 4) * columns + Math.floor(column / 2)
    bits[cell] = (bits[cell] ?? 0) | DOTS[column % 2 === 0 ? 0 : 1][(row % 4) as 0 | 1 | 2 | 3]
    owners[cell] = owner
  }
  series.forEach(({ points }, owner) => {
    let before: readonly [number, number] | undefined
    for (const point of points) {
      if (!Number.isFinite(y(point))) {
        before = undefined
        continue
      }
      const column = clamp(position(point.x, left, right, width), width)
      const row = clamp(height - 1 - position(y(point), low, high, height), height)
      drawSegment(before ?? [column, row], [column, row], (a, b) => dot(a, b, owner))
      before = [column, row]
    }
  })
  const lines = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (__, column): TextCell => {
      const cell = row * columns + column
      const owner = owners[cell] ?? -1
      const character = owner < 0 ? ' ' : String.fromCodePoint(0x2800 + (bits[cell] ?? 0))
      return { character, series: owner < 0 ? undefined : owner }
    }),
  )
  const real = (value: number): string => label(scale === 'log' ? 10 ** value : value)
  const labels = lines.map((_, row) => {
    if (all.length === 0) return ''
    if (row === 0) return real(high)
    return row === rows - 1 ? real(low) : ''
  })
  return {
    labels,
    lines,
    from: all.length === 0 ? '' : label(left),
    to: all.length === 0 ? '' : label(right),
  }
}

/** Return the dot of a value between two others; the halves keep the difference of huge values finite. */
function position(value: number, from: number, to: number, size: number): number {
  if (to === from) return Math.round(0.5 * (size - 1))
  return Math.round(((value / 2 - from / 2) / (to / 2 - from / 2)) * (size - 1))
}

function rangeOf(values: readonly number[]): readonly [number, number] {
  let [low, high] = [Infinity, -Infinity]
  for (const value of values) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  return low > high ? [0, 1] : [low, high]
}

function clamp(value: number, size: number): number {
  return Math.max(0, Math.min(size - 1, value))
}

/** Draw a straight line, dot by dot. */
function drawSegment(
  [fromColumn, fromRow]: readonly [number, number],
  [toColumn, toRow]: readonly [number, number],
  dot: (column: number, row: number) => void,
): void {
  const steps = Math.max(Math.abs(toColumn - fromColumn), Math.abs(toRow - fromRow), 1)
  for (let step = 0; step <= steps; step++)
    dot(
      Math.round(fromColumn + ((toColumn - fromColumn) * step) / steps),
      Math.round(fromRow + ((toRow - fromRow) * step) / steps),
    )
}

function label(value: number): string {
  return String(Number(value.toPrecision(4)))
}
