/** One picture of a metric: a line for each run. */
import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { short, shown } from '../shared/text.ts'
import { useWidth } from '../shared/hooks.ts'
import type { Line } from '../shared/api.ts'

/** The axis of a line. */
export type Axis = Line['axis']

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
  readonly axis: Axis
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
  const [point, setPoint] = useState<Point>()
  const [theme, setTheme] = useState(0)
  const current = useRef({ lines, isLog, mark, onRange })
  current.current = { lines, isLog, mark, onRange }
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
  useEffect(() => {
    if (frame.current === null || width === 0) return undefined
    const made = new uPlot(
      optionsOf({
        width,
        isLog,
        frame: frame.current,
        now: () => current.current,
        onPoint: setPoint,
      }),
      endsOf(lines),
      frame.current,
    )
    plot.current = made
    fit(made, lines, range, isLog)
    return () => {
      plot.current = undefined
      made.destroy()
    }
  }, [isLog, theme, width === 0])
  useEffect(() => plot.current?.setSize({ width, height: HEIGHT }), [width])
  useEffect(() => {
    const { current: drawn } = plot
    if (drawn === undefined) return
    drawn.setData(endsOf(lines), false)
    fit(drawn, lines, range, isLog)
  }, [lines, range?.[0], range?.[1], mark])
  const notFinite = lines.reduce((sum, { line }) => sum + line.notFinite, 0)
  const shownAxis = lines[0]?.line.axis ?? axis
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title" title={shown(title)}>
          {shown(title, 80)}
        </span>
        <Readout lines={lines} notFinite={notFinite} />
      </figcaption>
      <div class="chart-frame" ref={frame} style={{ height: `${HEIGHT}px` }}>
        {point !== undefined && <Tip point={point} axis={shownAxis} isMany={lines.length > 1} />}
      </div>
    </figure>
  )
}

/** A point of a line, and where it is on the screen. */
interface Point {
  readonly x: number
  readonly y: number
  readonly colour: number
  readonly label: string
  readonly left: number
  readonly top: number
  readonly isRight: boolean
}

const UNITS = { step: 'step', time: 's', epoch: 'epoch', index: 'value' } as const

/** What the point under the pointer says. */
function Tip({
  point,
  axis,
  isMany,
}: {
  readonly point: Point
  readonly axis: Axis
  readonly isMany: boolean
}) {
  const { x, y, colour, label, left, top, isRight } = point
  return (
    <>
      <div class={`dot swatch-${colour % COLOURS}`} style={{ left: `${left}px`, top: `${top}px` }} />
      <div
        class={`tip-box ${isRight ? 'tip-left' : ''}`}
        style={{ left: `${left}px`, top: `${top}px` }}
        role="status"
      >
        <strong>{String(y)}</strong>
        <span class="dim">
          {' '}
          {axis === 'time' ? `${short(x)} s` : `${UNITS[axis]} ${axis === 'epoch' ? short(x) : String(x)}`}
        </span>
        {isMany && (
          <div class="tip-label">
            <span class={`swatch swatch-${colour % COLOURS}`} aria-hidden="true" />
            {shown(label, 60)}
          </div>
        )}
      </div>
    </>
  )
}

/** The last value, and what cannot be drawn. */
function Readout({ lines, notFinite }: { readonly lines: readonly ChartLine[]; readonly notFinite: number }) {
  const [only] = lines
  const last = only === undefined ? undefined : lastFinite(only.line.y)
  return (
    <span class="readout">
      {notFinite > 0 && <span class="bad">{notFinite} NaN or ∞ </span>}
      {lines.length === 1 && last !== undefined && short(last)}
    </span>
  )
}

function lastFinite(y: Float64Array): number | undefined {
  for (let at = y.length - 1; at >= 0; at--) if (Number.isFinite(y[at])) return y[at]
  return undefined
}

/** Return the data that uPlot needs for its axes: the ends. The lines are drawn from their own columns. */
function endsOf(lines: readonly ChartLine[]): uPlot.AlignedData {
  const ends = lines.flatMap(({ line: { from, to } }) => [from ?? 0, to ?? 0])
  if (ends.length === 0) return [[], []]
  const [from, to] = [least(ends), greatest(ends)]
  return [
    [from, from === to ? from + 1 : to],
    [null, null],
  ]
}

function least(values: Iterable<number>): number {
  let found = Infinity
  for (const value of values) if (value < found) found = value
  return found
}

function greatest(values: Iterable<number>): number {
  let found = -Infinity
  for (const value of values) if (value > found) found = value
  return found
}

/** Return the first index whose position is at least a bound. */
function lowerBound(x: Float64Array, bound: number): number {
  let [low, high] = [0, x.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((x[middle] ?? 0) >= bound) high = middle
    else low = middle + 1
  }
  return low
}

/** Return the least and greatest value between two positions; a logarithmic axis has no zero and nothing below. */
function valuesBetween(
  lines: readonly ChartLine[],
  from: number,
  to: number,
  isLog: boolean,
): [number, number] {
  let [min, max] = [Infinity, -Infinity]
  for (const { line } of lines) {
    const { x, y } = line
    // A line that only passes has its ends outside.
    const end = Math.min(x.length, lowerBound(x, to) + 1)
    for (let at = Math.max(0, lowerBound(x, from) - 1); at < end; at++) {
      const value = y[at] ?? NaN
      if (!Number.isFinite(value) || (isLog && value <= 0)) continue
      if (value < min) min = value
      if (value > max) max = value
    }
  }
  if (min > max) return isLog ? [0.1, 1] : [0, 1]
  if (isLog) return min === max ? [min / 2, max * 2] : [min / 1.15, max * 1.15]
  // Leave a little room above and below; a constant line is in the middle.
  const room = (max - min) * 0.06 || Math.abs(max) * 0.1 || 1
  return [min - room, max + room]
}

/** Draw the lines. Values that are not finite are gaps. */
function drawLines(
  plot: uPlot,
  lines: readonly ChartLine[],
  isLog: boolean,
  colourOf: (index: number) => string,
): void {
  const { ctx, bbox } = plot
  const ratio = devicePixelRatio
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
  ctx.clip()
  ctx.lineWidth = 1.5 * ratio
  ctx.lineJoin = 'round'
  const { min: from = 0, max: to = 1 } = plot.scales['x'] ?? {}
  const { min: low = 0, max: high = 1 } = plot.scales['y'] ?? {}
  if (from === null || to === null || low === null || high === null) return ctx.restore()
  const xScale = bbox.width / (to - from)
  const [bottom, top] = isLog ? [Math.log10(low), Math.log10(high)] : [low, high]
  const yScale = bbox.height / (top - bottom)
  const under = bbox.top + bbox.height
  const isFew = lines.every(({ line }) => line.points < 40)
  for (const { line, colour } of lines) {
    const { x, y } = line
    ctx.strokeStyle = ctx.fillStyle = colourOf(colour % COLOURS)
    // The colours come again after eight runs.
    ctx.setLineDash(colour >= COLOURS ? [6 * ratio, 4 * ratio] : [])
    ctx.beginPath()
    let isGap = true
    const end = Math.min(x.length, lowerBound(x, to) + 1)
    const dots: [number, number][] = []
    for (let at = Math.max(0, lowerBound(x, from) - 1); at < end; at++) {
      const value = y[at] ?? NaN
      if (value - value !== 0 || (isLog && value <= 0)) {
        isGap = true
        continue
      }
      const left = bbox.left + ((x[at] ?? 0) - from) * xScale
      const height = under - ((isLog ? Math.log10(value) : value) - bottom) * yScale
      if (isGap) ctx.moveTo(left, height)
      else ctx.lineTo(left, height)
      const isAlone = isGap && !Number.isFinite(y[at + 1])
      if (isFew || isAlone) dots.push([left, height])
      isGap = false
    }
    ctx.stroke()
    for (const [left, height] of dots) {
      ctx.beginPath()
      ctx.arc(left, height, 2 * ratio, 0, 2 * Math.PI)
      ctx.fill()
    }
  }
  ctx.restore()
}

/** Pixels to both sides in which a point is looked for. */
const NEAR = 24

/** Return the point that is nearest to the pointer; `undefined` if none is near. */
function pointAt(plot: uPlot, lines: readonly ChartLine[], isLog: boolean): Point | undefined {
  const { left = -1, top = -1 } = plot.cursor
  if (left < 0 || top < 0) return undefined
  const [from, to] = [plot.posToVal(left - NEAR, 'x'), plot.posToVal(left + NEAR, 'x')]
  let nearest: Point | undefined
  let best = Infinity
  for (const { line, colour, label } of lines) {
    const { x, y } = line
    for (let at = lowerBound(x, from); at < x.length && (x[at] ?? Infinity) <= to; at++) {
      const [position, value] = [x[at] ?? NaN, y[at] ?? NaN]
      if (!Number.isFinite(value) || (isLog && value <= 0)) continue
      const [across, down] = [plot.valToPos(position, 'x'), plot.valToPos(value, 'y')]
      // What is beside the pointer is meant rather than what is far above it.
      const distance = ((across - left) * 2) ** 2 + (down - top) ** 2
      if (distance >= best) continue
      best = distance
      nearest = {
        x: position,
        y: value,
        colour,
        label,
        left: across,
        top: down,
        isRight: across > plot.over.clientWidth / 2,
      }
    }
  }
  if (nearest === undefined) return undefined
  const [beside, above] = [plot.over.offsetLeft, plot.over.offsetTop]
  return { ...nearest, left: nearest.left + beside, top: nearest.top + above }
}

function fit(plot: uPlot, lines: readonly ChartLine[], range: Range, isLog: boolean): void {
  const ends = lines.flatMap(({ line: { from, to } }) =>
    from === null || to === null ? [] : [[from, to] as const],
  )
  const [from, to] = range ?? [least(ends.map(([start]) => start)), greatest(ends.map(([, end]) => end))]
  if (!Number.isFinite(from) || !Number.isFinite(to)) return
  const [min, max] = valuesBetween(lines, from, to, isLog)
  plot.batch(() => {
    plot.setScale('x', from === to ? { min: from - 0.5, max: to + 0.5 } : { min: from, max: to })
    plot.setScale('y', { min, max })
  })
}

interface PlotSettings {
  readonly width: number
  readonly isLog: boolean
  readonly frame: HTMLElement
  /** Returns what is drawn now. */
  readonly now: () => {
    readonly lines: readonly ChartLine[]
    readonly isLog: boolean
    readonly mark: number | undefined
    readonly onRange: (range: Range) => void
  }
  readonly onPoint: (point: Point | undefined) => void
}

function optionsOf({ width, isLog, frame, now, onPoint }: PlotSettings): uPlot.Options {
  const style = getComputedStyle(frame)
  const colour = (name: string): string => resolved(frame, style.getPropertyValue(name))
  const colours = Array.from({ length: COLOURS }, (_, index) => colour(`--line-${index}`))
  const warn = colour('--warn')
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
      points: { show: false },
      drag: { x: true, y: false, setScale: false },
      bind: {
        dblclick: () => () => {
          now().onRange(null)
          return null
        },
      },
    },
    scales: {
      x: { time: false, auto: false },
      // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the enumeration exists in types only
      y: isLog ? { auto: false, distr: 3 } : { auto: false },
    },
    axes: [
      { ...axis, size: 26, values: numberTexts },
      { ...axis, size: 62, values: numberTexts },
    ],
    series: [{}, { show: true }],
    hooks: {
      setCursor: [
        (self) => {
          // The pictures move their lines together; only the one under the pointer says what is there.
          const isOwn = self.cursor.event !== null && self.over.matches(':hover')
          onPoint(isOwn ? pointAt(self, now().lines, now().isLog) : undefined)
        },
      ],
      setSelect: [
        (self) => {
          const { left, width: chosen } = self.select
          if (chosen < 4) return
          now().onRange([self.posToVal(left, 'x'), self.posToVal(left + chosen, 'x')])
          self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
        },
      ],
      draw: [(self) => drawLines(self, now().lines, now().isLog, (index) => colours[index] ?? '')],
      drawAxes: [
        (self) => {
          const { mark } = now()
          if (mark === undefined) return
          const x = Math.round(self.valToPos(mark, 'x', true))
          const { ctx, bbox } = self
          if (x < bbox.left || x > bbox.left + bbox.width) return
          ctx.save()
          ctx.strokeStyle = warn
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

/** Return a colour as a canvas takes it: the one of the two themes that holds. */
function resolved(frame: HTMLElement, value: string): string {
  frame.style.color = value
  const { color } = getComputedStyle(frame)
  frame.style.color = ''
  return color
}
