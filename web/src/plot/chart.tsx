/** One picture of a metric: a line for each run. */
import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { count, duration, short, shown } from '../shared/text.ts'
import { useWidth } from '../shared/hooks.ts'
import { COLOURS, Swatch, patternOf } from './swatch.tsx'
import { STEPS, TIME_STEPS, powersBetween, tickText, timeText } from './ticks.ts'
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
  /** The run whose lines stand out. */
  readonly pointed?: string | undefined
  readonly onRange: (range: Range) => void
}

const HEIGHT = 200

/** Ticks of an axis, at most. */
const TICKS = 60

const sync = uPlot.sync('charts')

/** The picture. A drag zooms, a double click shows all. */
export function Chart({ title, lines, axis, isLog, range, mark, pointed, onRange }: ChartProps) {
  const [frame, width] = useWidth<HTMLDivElement>()
  const plot = useRef<uPlot>(undefined)
  const [point, setPoint] = useState<Point>()
  const [theme, setTheme] = useState(0)
  const shownAxis = lines[0]?.line.axis ?? axis
  const strong = lines.length < 2 ? undefined : (pointed ?? point?.run)
  const current = useRef<Drawn>(undefined)
  const bounds = useRef<Bounds>({ low: 0, high: 1 })
  current.current = { lines, isLog, axis: shownAxis, mark, strong, onRange }
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
        bounds: bounds.current,
        frame: frame.current,
        now: () => current.current ?? { lines: [], isLog, axis, mark, strong: undefined, onRange },
        onPoint: setPoint,
      }),
      endsOf(lines),
      frame.current,
    )
    plot.current = made
    fit(made, bounds.current, lines, range, isLog)
    return () => {
      plot.current = undefined
      made.destroy()
    }
  }, [isLog, theme, shownAxis, width === 0])
  useEffect(() => plot.current?.setSize({ width, height: HEIGHT }), [width])
  useEffect(() => {
    const { current: drawn } = plot
    if (drawn === undefined) return
    drawn.setData(endsOf(lines), false)
    fit(drawn, bounds.current, lines, range, isLog)
  }, [lines, range?.[0], range?.[1], mark])
  useEffect(() => plot.current?.redraw(false), [strong])
  const isEmpty = lines.length > 0 && !lines.some(({ line }) => line.y.some((value) => isDrawn(value, isLog)))
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title" title={shown(title)}>
          {shown(title, 300)}
        </span>
        <Readout lines={lines} isLog={isLog} />
      </figcaption>
      <div class="chart-frame" ref={frame} style={{ height: `${HEIGHT}px` }}>
        {isEmpty && (
          <p class="chart-note">
            {isLog && lines.some(({ line }) => line.y.some((value) => value <= 0))
              ? 'No value above 0: a log scale has no place for it'
              : 'No finite value'}
          </p>
        )}
        {point !== undefined && <Tip point={point} axis={shownAxis} isMany={lines.length > 1} />}
      </div>
    </figure>
  )
}

/** A point of a line, and where it is on the screen. */
interface Point {
  readonly run: string
  readonly x: number
  readonly y: number
  readonly colour: number
  readonly label: string
  readonly left: number
  readonly top: number
  readonly isRight: boolean
}

const UNITS = { step: 'step', epoch: 'epoch', index: 'value' } as const

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
          {axis === 'time'
            ? `after ${duration(x * 1000)}`
            : `${UNITS[axis]} ${axis === 'epoch' ? short(x) : String(x)}`}
        </span>
        {isMany && (
          <div class="tip-label">
            <Swatch index={colour} /> {shown(label, 60)}
          </div>
        )}
      </div>
    </>
  )
}

/** The last value, and what cannot be drawn. */
function Readout({ lines, isLog }: { readonly lines: readonly ChartLine[]; readonly isLog: boolean }) {
  const [only] = lines
  const last = only === undefined ? undefined : lastFinite(only.line.y)
  const notFinite = lines.reduce((sum, { line }) => sum + line.notFinite, 0)
  return (
    <span class="readout">
      {notFinite > 0 && <span class="bad">{count(notFinite)} NaN or ∞ </span>}
      {isLog && <span class="warn">{leftOutOf(lines)} </span>}
      {lines.length === 1 && last !== undefined && <span title={`last value: ${last}`}>{short(last)}</span>}
    </span>
  )
}

function isDrawn(value: number, isLog: boolean): boolean {
  return Number.isFinite(value) && !(isLog && value <= 0)
}

/** Return what a logarithmic axis leaves out. Of a line that stands for more values, the number is not known. */
function leftOutOf(lines: readonly ChartLine[]): string {
  let [leftOut, isReduced] = [0, false]
  for (const { line } of lines) {
    for (const value of line.y) if (value <= 0 && Number.isFinite(value)) leftOut++
    isReduced ||= line.isReduced
  }
  if (leftOut === 0) return ''
  return `${isReduced ? 'some' : count(leftOut)} ≤ 0 left out`
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

/** Return the places of the edges for the values between two positions; a logarithmic axis has no zero and nothing below. */
function placesBetween(
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
      if (!isDrawn(value, isLog)) continue
      if (value < min) min = value
      if (value > max) max = value
    }
  }
  if (min > max) return [0, 1]
  const [low, high] = [placeOf(min, isLog), placeOf(max, isLog)]
  // Leave a little room above and below; a constant line is in the middle. Halves: the whole may be no double.
  const room = (high / 2 - low / 2) * 0.12 || (isLog ? 0.3 : Math.abs(max) * 0.1) || 1
  return [Math.max(low - room, -Number.MAX_VALUE), Math.min(high + room, Number.MAX_VALUE)]
}

/** Places of the lower and the upper edge. */
interface Bounds {
  low: number
  high: number
}

/** Return how high a value is, from 0 at the lower edge to 1: uPlot takes no range as small or as large as doubles are. */
function shareOf(value: number, isLog: boolean, { low, high }: Bounds): number {
  return (placeOf(value, isLog) / 2 - low / 2) / (high / 2 - low / 2)
}

/** Return where a value is on its axis: a logarithmic one has the powers of ten. */
function placeOf(value: number, isLog: boolean): number {
  return isLog ? Math.log10(value) : value
}

/** Draw the lines. Values that are not finite are gaps. */
function drawLines(
  plot: uPlot,
  bounds: Bounds,
  { lines, isLog, strong }: Drawn,
  colourOf: (index: number) => string,
): void {
  const { ctx, bbox } = plot
  const ratio = devicePixelRatio
  ctx.save()
  ctx.beginPath()
  // The points at the ends are whole.
  const edge = 3 * ratio
  ctx.rect(bbox.left - edge, bbox.top - edge, bbox.width + 2 * edge, bbox.height + 2 * edge)
  ctx.clip()
  ctx.lineJoin = 'round'
  const { min: from = 0, max: to = 1 } = plot.scales['x'] ?? {}
  if (from === null || to === null) return ctx.restore()
  const xScale = bbox.width / (to - from)
  const under = bbox.top + bbox.height
  const isFew = lines.every(({ line }) => line.points < 40)
  // What stands out is above the others.
  for (const { line, colour } of lines.toSorted(
    (a, b) => Number(a.line.run === strong) - Number(b.line.run === strong),
  )) {
    const { x, y } = line
    const isStrong = line.run === strong
    ctx.lineWidth = (isStrong ? 2.5 : 1.5) * ratio
    ctx.globalAlpha = strong === undefined || isStrong ? 1 : 0.25
    ctx.strokeStyle = ctx.fillStyle = colourOf(colour % COLOURS)
    ctx.setLineDash(patternOf(colour).map((length) => length * ratio))
    ctx.beginPath()
    let isGap = true
    const end = Math.min(x.length, lowerBound(x, to) + 1)
    const dots: [number, number][] = []
    for (let at = Math.max(0, lowerBound(x, from) - 1); at < end; at++) {
      const value = y[at] ?? NaN
      if (!isDrawn(value, isLog)) {
        isGap = true
        continue
      }
      const left = bbox.left + ((x[at] ?? 0) - from) * xScale
      const height = under - shareOf(value, isLog, bounds) * bbox.height
      if (isGap) ctx.moveTo(left, height)
      else ctx.lineTo(left, height)
      const isAlone = isGap && !isDrawn(y[at + 1] ?? NaN, isLog)
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
function pointAt(plot: uPlot, bounds: Bounds, { lines, isLog }: Drawn): Point | undefined {
  const { left = -1, top = -1 } = plot.cursor
  if (left < 0 || top < 0) return undefined
  const [from, to] = [plot.posToVal(left - NEAR, 'x'), plot.posToVal(left + NEAR, 'x')]
  let nearest: Point | undefined
  let best = Infinity
  for (const { line, colour, label } of lines) {
    const { x, y } = line
    for (let at = lowerBound(x, from); at < x.length && (x[at] ?? Infinity) <= to; at++) {
      const [position, value] = [x[at] ?? NaN, y[at] ?? NaN]
      if (!isDrawn(value, isLog)) continue
      const [across, down] = [plot.valToPos(position, 'x'), plot.valToPos(shareOf(value, isLog, bounds), 'y')]
      // What is beside the pointer is meant rather than what is far above it.
      const distance = ((across - left) * 2) ** 2 + (down - top) ** 2
      if (!(distance < best)) continue
      best = distance
      nearest = {
        run: line.run,
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

function fit(plot: uPlot, bounds: Bounds, lines: readonly ChartLine[], range: Range, isLog: boolean): void {
  const ends = lines.flatMap(({ line: { from, to } }) =>
    from === null || to === null ? [] : [[from, to] as const],
  )
  const [from, to] = range ?? [least(ends.map(([start]) => start)), greatest(ends.map(([, end]) => end))]
  if (!Number.isFinite(from) || !Number.isFinite(to)) return
  const [low, high] = placesBetween(lines, from, to, isLog)
  Object.assign(bounds, { low, high })
  plot.setScale('x', from === to ? { min: from - 0.5, max: to + 0.5 } : { min: from, max: to })
  // The ticks of the values are others, though its scale is the same.
  plot.redraw(false, true)
}

/** What a picture draws. */
interface Drawn {
  readonly lines: readonly ChartLine[]
  readonly isLog: boolean
  readonly axis: Axis
  readonly mark: number | undefined
  readonly strong: string | undefined
  readonly onRange: (range: Range) => void
}

interface PlotSettings {
  readonly width: number
  readonly isLog: boolean
  /** What the axis of values shows now. */
  readonly bounds: Bounds
  readonly frame: HTMLElement
  /** Returns what is drawn now. */
  readonly now: () => Drawn
  readonly onPoint: (point: Point | undefined) => void
}

function optionsOf({ width, isLog, bounds, frame, now, onPoint }: PlotSettings): uPlot.Options {
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
      y: { auto: false, min: 0, max: 1 },
    },
    axes: [
      now().axis === 'time'
        ? {
            ...axis,
            size: 26,
            space: 64,
            incrs: [...TIME_STEPS],
            splits: splitsBy,
            values: textsBy(timeText),
          }
        : {
            ...axis,
            size: 26,
            space: 64,
            incrs: stepsOf(now()),
            splits: splitsBy,
            values: textsBy(tickText),
          },
      {
        ...axis,
        size: widthOf,
        splits: (_plot, _axis, _min, _max, share) => ticksOf(bounds, isLog, share).map(({ at }) => at),
        values: (_plot, _places, _axis, _space, share) =>
          ticksOf(bounds, isLog, share).map(({ text }) => text),
      },
    ],
    series: [{}, { show: true }],
    hooks: {
      setCursor: [
        (self) => {
          // The pictures move their lines together; only the one under the pointer says what is there.
          const isOwn = self.cursor.event !== null && self.over.matches(':hover')
          onPoint(isOwn ? pointAt(self, bounds, now()) : undefined)
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
      draw: [(self) => drawLines(self, bounds, now(), (index) => colours[index] ?? '')],
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

/** Return the steps between the ticks of an axis of positions: whole ones where all positions are. */
function stepsOf({ lines, axis }: Drawn): number[] {
  const isWhole =
    axis !== 'epoch' &&
    lines.every(({ line }) => Number.isInteger(line.from ?? 0) && Number.isInteger(line.to ?? 0))
  return isWhole ? STEPS.filter((step) => step >= 1) : [...STEPS]
}

type Texts = (plot: uPlot, values: (number | null)[], axis: number, space: number, step: number) => string[]

function textsBy(text: (value: number, step: number) => string): Texts {
  return (_plot, values, _axis, _space, step) =>
    values.map((value) => (value === null ? '' : text(value, step)))
}

/** A tick of the axis of values. */
interface Tick {
  /** From 0 at the lower edge to 1. */
  readonly at: number
  readonly text: string
}

/** Return the ticks of the axis of values. @param share Least distance of two, as a part of the height. */
function ticksOf({ low, high }: Bounds, isLog: boolean, share: number): Tick[] {
  const shareAt = (place: number): number => (place / 2 - low / 2) / (high / 2 - low / 2)
  if (isLog)
    return powersBetween(low, high).map((place, index, all) => {
      const value = Number((10 ** place).toPrecision(12))
      // With as many digits as tell it from its neighbours.
      const gaps = [all[index - 1], all[index + 1]].map((other) => Math.abs(value - 10 ** (other ?? NaN)))
      const gap = Math.min(value, ...gaps.filter((one) => one > 0))
      return { at: shareAt(place), text: tickText(value, gap) }
    })
  const half = (high / 2 - low / 2) * share
  const step = STEPS.find((one) => one / 2 >= half * (1 - 1e-9))
  if (step === undefined) return []
  return splitsOf(low, high, step).map((value) => ({ at: shareAt(value), text: tickText(value, step) }))
}

/** Return the places of ticks: those of uPlot end at sixteen digits. */
function splitsBy(_plot: uPlot, _axis: number, min: number, max: number, step: number): number[] {
  return splitsOf(min, max, step)
}

function splitsOf(min: number, max: number, step: number): number[] {
  const first = Math.ceil(min / step - 1e-9)
  const last = Math.min(first + TICKS, Math.floor(max / step + 1e-9))
  if (!(last >= first)) return []
  return Array.from({ length: last - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(15)),
  )
}

/** Return the width of the axis of values: that of most numbers, and more for long ones. */
function widthOf(_: uPlot, texts: string[] | null): number {
  return Math.max(56, greatest((texts ?? []).map((text) => text.length)) * 6.6 + 14)
}

/** Return a colour as a canvas takes it: the one of the two themes that holds. */
function resolved(frame: HTMLElement, value: string): string {
  frame.style.color = value
  const { color } = getComputedStyle(frame)
  frame.style.color = ''
  return color
}
