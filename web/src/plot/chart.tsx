/** One picture of a metric: a line for each run. */
import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { short, shown } from '../shared/text.ts'
import { useWidth } from '../shared/hooks.ts'
import type { Line } from '../shared/api.ts'

/** A range of the axis; null for all of it. */
export type Range = readonly [from: number, to: number] | null

/** A line, its colour and the run that it is of. */
export interface ChartLine {
  readonly line: Line
  /** Number of the colour. */
  readonly colour: number
  readonly label: string
}

interface ChartProps {
  readonly title: string
  readonly lines: readonly ChartLine[]
  readonly axis: 'step' | 'time'
  readonly isLog: boolean
  readonly range: Range
  /** A step that is marked. */
  readonly mark?: number | undefined
  readonly onRange: (range: Range) => void
}

const HEIGHT = 200

/** Colours of lines that the style sheet has. */
const COLOURS = 8

const sync = uPlot.sync('charts')

/** The picture. A drag zooms, a double click shows all. */
export function Chart({ title, lines, axis, isLog, range, mark, onRange }: ChartProps) {
  const [frame, width] = useWidth<HTMLDivElement>()
  const plot = useRef<uPlot>(undefined)
  const [at, setAt] = useState<number | null>(null)
  const [theme, setTheme] = useState(0)
  const joined = useRef<Joined>({ data: [[]], x: [] })
  const change = useRef(onRange)
  change.current = onRange
  useEffect(() => {
    const listener = (): void => setTheme((before) => before + 1)
    const query = matchMedia('(prefers-color-scheme: dark)')
    query.addEventListener('change', listener)
    window.addEventListener('lineaprint-theme', listener)
    return () => {
      query.removeEventListener('change', listener)
      window.removeEventListener('lineaprint-theme', listener)
    }
  }, [])
  const shape = JSON.stringify([lines.map(({ colour, label }) => [colour, label]), isLog, axis, mark, theme])
  useEffect(() => {
    if (frame.current === null || width === 0) return undefined
    joined.current = join(lines, isLog)
    const made = new uPlot(
      optionsOf({
        width,
        lines,
        isLog,
        axis,
        mark,
        frame: frame.current,
        onCursor: setAt,
        onSelect: (chosen) => change.current(chosen),
      }),
      joined.current.data,
      frame.current,
    )
    plot.current = made
    fit(made, lines, range)
    return () => {
      plot.current = undefined
      made.destroy()
    }
  }, [shape, width === 0])
  useEffect(() => plot.current?.setSize({ width, height: HEIGHT }), [width])
  useEffect(() => {
    const { current } = plot
    if (current === undefined) return
    joined.current = join(lines, isLog)
    current.setData(joined.current.data, false)
    fit(current, lines, range)
  }, [lines, range?.[0], range?.[1]])
  const notFinite = lines.reduce((sum, { line }) => sum + line.notFinite, 0)
  const unit = lines[0]?.line.axis === 'index' ? 'value' : axis === 'time' ? 's' : 'step'
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title" title={shown(title)}>
          {shown(title, 80)}
        </span>
        <Readout at={at} joined={joined.current} lines={lines} unit={unit} notFinite={notFinite} />
      </figcaption>
      <div class="chart-frame" ref={frame} style={{ height: `${HEIGHT}px` }} />
    </figure>
  )
}

interface ReadoutProps {
  readonly at: number | null
  readonly joined: Joined
  readonly lines: readonly ChartLine[]
  readonly unit: string
  readonly notFinite: number
}

/** Values at the cursor, or the last ones. */
function Readout({ at, joined, lines, unit, notFinite }: ReadoutProps) {
  if (at === null) {
    const [only] = lines
    const last = only === undefined ? undefined : lastFinite(only.line.y)
    return (
      <span class="readout">
        {notFinite > 0 && <span class="bad">{notFinite} NaN or ∞ </span>}
        {lines.length === 1 && last !== undefined && short(last)}
      </span>
    )
  }
  const x = joined.x[at]
  return (
    <span class="readout">
      <span class="dim">{unit === 's' ? `${short(x ?? NaN)} s` : `${unit} ${short(x ?? NaN)}`}</span>
      {lines.map(({ colour, label }, index) => {
        const value = joined.data[index + 1]?.[at]
        return value === null || value === undefined ? null : (
          <span key={label} class={`line-${colour % 8}`}>
            {' '}
            {short(value)}
          </span>
        )
      })}
    </span>
  )
}

function lastFinite(y: Float64Array): number | undefined {
  for (let at = y.length - 1; at >= 0; at--) if (Number.isFinite(y[at])) return y[at]
  return undefined
}

interface Joined {
  readonly data: uPlot.AlignedData
  /** Positions as the runs have them. */
  readonly x: readonly number[]
}

/**
 * Return lines over one axis. Positions that a line has twice get neighbours that no screen can tell apart: otherwise the
 * second value would take the place of the first, and a spike would be lost. A logarithmic axis has no zero and nothing below.
 */
function join(lines: readonly ChartLine[], isLog: boolean): Joined {
  const all = lines.map(({ line }) => line)
  const span = Math.max(...all.map(({ from, to }) => (to ?? 0) - (from ?? 0)), 1e-9)
  const tables = all.map(({ x, y }): uPlot.AlignedData => {
    const positions = Array.from(x)
    for (let at = 1; at < positions.length; at++) {
      const before = positions[at - 1] ?? 0
      if ((positions[at] ?? 0) <= before) positions[at] = before + span * 1e-9
    }
    return [
      positions,
      Array.from(y, (value) => (Number.isFinite(value) && (!isLog || value > 0) ? value : null)),
    ]
  })
  if (tables.length === 0) return { data: [[]], x: [] }
  const data = uPlot.join(
    tables,
    tables.map(() => [1, 1]),
  )
  const isWhole = all.every((line) => line.axis !== 'time')
  return { data, x: Array.from(data[0], (position) => (isWhole ? Math.round(position) : position)) }
}

function fit(plot: uPlot, lines: readonly ChartLine[], range: Range): void {
  const ends = lines.flatMap(({ line: { from, to } }) =>
    from === null || to === null ? [] : [[from, to] as const],
  )
  const [from, to] = range ?? [
    Math.min(...ends.map(([start]) => start)),
    Math.max(...ends.map(([, end]) => end)),
  ]
  if (!Number.isFinite(from) || !Number.isFinite(to)) return
  plot.setScale('x', from === to ? { min: from - 0.5, max: to + 0.5 } : { min: from, max: to })
}

interface PlotSettings {
  readonly width: number
  readonly lines: readonly ChartLine[]
  readonly isLog: boolean
  readonly axis: 'step' | 'time'
  readonly mark: number | undefined
  readonly frame: HTMLElement
  readonly onCursor: (at: number | null) => void
  readonly onSelect: (range: Range) => void
}

function optionsOf({ width, lines, isLog, mark, frame, onCursor, onSelect }: PlotSettings): uPlot.Options {
  const style = getComputedStyle(frame)
  const colour = (name: string): string => resolved(frame, style.getPropertyValue(name))
  const axis: uPlot.Axis = {
    stroke: colour('--dim'),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1, size: 4 },
    gap: 4,
  }
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: {
      sync: { key: sync.key, setSeries: false },
      points: { size: 6 },
      drag: { x: true, y: false, setScale: false },
      bind: {
        dblclick: () => () => {
          onSelect(null)
          return null
        },
      },
    },
    scales: {
      x: { time: false },
      // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the enumeration exists in types only
      y: isLog ? { distr: 3 } : { range: padded },
    },
    axes: [
      { ...axis, size: 26, values: numberTexts },
      { ...axis, size: 62, values: numberTexts },
    ],
    series: [
      {},
      ...lines.map(({ colour: index, label }) => ({
        label,
        stroke: colour(`--line-${index % COLOURS}`),
        width: 1.5,
        // The colours come again after eight runs.
        ...(index >= COLOURS && { dash: [6, 4] }),
        points: { show: lines.every(({ line }) => line.points < 40), size: 4 },
      })),
    ],
    hooks: {
      setCursor: [(self) => onCursor(self.cursor.idx ?? null)],
      setSelect: [
        (self) => {
          const { left, width: chosen } = self.select
          if (chosen < 4) return
          onSelect([self.posToVal(left, 'x'), self.posToVal(left + chosen, 'x')])
          self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
        },
      ],
      drawAxes: [
        (self) => {
          if (mark === undefined) return
          const x = Math.round(self.valToPos(mark, 'x', true))
          const { ctx, bbox } = self
          if (x < bbox.left || x > bbox.left + bbox.width) return
          ctx.save()
          ctx.strokeStyle = colour('--warn')
          ctx.lineWidth = devicePixelRatio
          ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio])
          ctx.beginPath()
          ctx.moveTo(x, bbox.top)
          ctx.lineTo(x, bbox.top + bbox.height)
          ctx.stroke()
          ctx.restore()
        },
      ],
    },
  }
}

function numberTexts(_: uPlot, values: (number | null)[]): string[] {
  return values.map((value) => (value === null ? '' : short(value)))
}

/** Leave a little room above and below; a constant line is in the middle. */
function padded(_: uPlot, min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1]
  const room = (max - min) * 0.06 || Math.abs(max) * 0.1 || 1
  return [min - room, max + room]
}

/** Return a colour as a canvas takes it: the one of the two themes that holds. */
function resolved(frame: HTMLElement, value: string): string {
  frame.style.color = value
  const { color } = getComputedStyle(frame)
  frame.style.color = ''
  return color
}
