/** Metrics as line plots in SVG: text without a library, a font file or a script. */
import { escapeXml } from '../../util/escape-xml.ts'

/** One point; a `y` that is NaN or infinite breaks the line. */
export interface PlotPoint {
  readonly x: number
  readonly y: number
}

/** One line of a plot. */
export interface PlotSeries {
  readonly points: readonly PlotPoint[]
  /** The values before smoothing, drawn faintly behind the line. */
  readonly raw?: readonly PlotPoint[]
}

/** One plot of several. Its series are in the order of the legend; one without points has no line. */
export interface PlotPanel {
  readonly title: string
  readonly series: readonly PlotSeries[]
}

/** The content of a plot. */
export interface Plot {
  readonly title: string
  /** Label of the horizontal axes. */
  readonly xLabel: string
  /** Names of the series, the same in every panel; colours and dashes differ for forty. */
  readonly legend: readonly string[]
  readonly panels: readonly PlotPanel[]
  /** The scale of the vertical axes; a logarithmic one leaves out what is not above zero. @default linear */
  readonly scale?: 'linear' | 'log' | undefined
  /** Rows of text under the panels, the first of them titles. */
  readonly rows?: readonly (readonly string[])[] | undefined
  /** Text in place of panels and rows, if there are none. */
  readonly nothing?: string | undefined
}

const COLOURS = [
  '#1f5fbf',
  '#d9580d',
  '#2b8a3e',
  '#862e9c',
  '#c2255c',
  '#0b7285',
  '#846358',
  '#e67700',
  '#495057',
  '#5c940d',
]

/** The same on a dark page. A program that knows no styles shows the light page. */
const DARK = [
  '#74a9ff',
  '#ff9d5c',
  '#6fd08c',
  '#d59bea',
  '#ff8fb1',
  '#5fd3e6',
  '#cbb0a4',
  '#ffd24d',
  '#ced4da',
  '#b6e05a',
]
/** Later lines are dashed, so that two identical lines can both be seen. */
const DASHES = ['', '5 3', '2 2', '7 2 2 2']
const PAGE = 880
const GAP = 24
const MARGIN = { top: 30, right: 12, bottom: 36 }
const CHARACTER = 6.4

/**
 * Draw panels as small multiples, two per row; a single one fills the page.
 *
 * @returns An SVG document.
 */
export function plotSvg(plot: Plot): string {
  const { title, xLabel, legend, panels, rows: cells = [], scale = 'linear' } = plot
  const columns = panels.length === 1 ? 1 : 2
  const width = (PAGE - GAP * (columns + 1)) / columns
  const height = columns === 1 ? 380 : 240
  const [legendLines, legendHeight] = drawLegend(
    [...legend, ...(hasGaps(panels) ? [GAPS] : [])],
    legend.length,
  )
  const top = 44 + legendHeight
  const nothing = panels.length === 0 && cells.length === 0
  const rows = nothing ? 1 : Math.ceil(panels.length / columns)
  const bottom = top + rows * (height + GAP)
  const total = bottom + (cells.length === 0 ? 0 : cells.length * ROW + GAP)
  const body = panels.map((panel, index) => {
    const x = GAP + (index % columns) * (width + GAP)
    const y = top + Math.floor(index / columns) * (height + GAP)
    return `<g transform="translate(${round(x)} ${round(y)})">\n${drawPanel(panel, { xLabel, width, height, scale })}\n</g>`
  })
  const empty = text(GAP, top + 20, plot.nothing ?? 'The two runs have no metric in common.', '')
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${PAGE}" height="${total}" viewBox="0 0 ${PAGE} ${total}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="11" fill="#333">`,
    `<title>${escapeXml(title)}</title>`,
    `<style>${darkStyle()}</style>`,
    `<rect class="page" width="${PAGE}" height="${total}" fill="#fff"/>`,
    text(
      GAP,
      28,
      cut(title, PAGE - 2 * GAP, 9.5),
      'class="strong" font-size="16" font-weight="600" fill="#111"',
    ),
    ...legendLines,
    ...(nothing ? [empty] : body),
    ...drawRows(cells, bottom),
    '</svg>\n',
  ].join('\n')
}

/** Height of a row of text. */
const ROW = 17

/** Draw rows of text in columns as wide as their texts. */
function drawRows(rows: readonly (readonly string[])[], top: number): string[] {
  const widths = (rows[0] ?? []).map(
    (_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)) * CHARACTER + GAP,
  )
  return rows.flatMap((row, index) => {
    let x = GAP
    return row.map((cell, column) => {
      const at = x
      x += widths[column] ?? 0
      const attributes = index === 0 ? 'class="muted" fill="#666"' : ''
      return at > PAGE ? '' : text(at, top + (index + 1) * ROW, cut(cell, PAGE - at, CHARACTER), attributes)
    })
  })
}

/** Return the style of a dark page. */
function darkStyle(): string {
  const lines = DARK.map((colour, index) => `.c${index}{stroke:${colour}}.d${index}{fill:${colour}}`)
  return `@media (prefers-color-scheme:dark){text{fill:#c9ced6}.page{fill:#14171c}.strong{fill:#f1f3f5}.muted{fill:#9aa3ad}.grid{stroke:#2c3138}.edge{stroke:#868e96}${lines.join('')}}`
}

/** Entry of the legend if needed. */
const GAPS = '\u00d7 NaN or infinite from here'

function hasGaps(panels: readonly PlotPanel[]): boolean {
  return panels.some(({ series }) => series.some(({ points }) => !points.every((point) => isDrawn(point))))
}

/** Draw names in one row if they fit, else below each other. */
function drawLegend(legend: readonly string[], lineCount: number): [lines: string[], height: number] {
  let [x, y] = [GAP, 50]
  const lines = legend.map((name, index) => {
    const shown = cut(name, PAGE - 2 * GAP - 36, CHARACTER)
    const width = 36 + shown.length * CHARACTER + 20
    if (x > GAP && x + width > PAGE) [x, y] = [GAP, y + 16]
    const sample = index >= lineCount ? '' : `<path d="M${round(x)} ${y - 4}h28" ${stroke(index)}/>`
    const line = sample + text(index >= lineCount ? x : x + 34, y, shown, '')
    x += width
    return line
  })
  return [lines, legend.length === 0 ? 0 : y - 32]
}

interface PanelForm {
  readonly xLabel: string
  readonly width: number
  readonly height: number
  readonly scale: 'linear' | 'log'
}

function drawPanel({ title, series }: PlotPanel, { xLabel, width, height, scale }: PanelForm): string {
  const points = series.flatMap((item) => [...item.points, ...(item.raw ?? [])])
  const isLog = scale === 'log'
  const xAxis = axis(
    points.map(({ x }) => x),
    Math.max(2, Math.floor(width / 60)),
    { tight: true },
  )
  const yAxis = (isLog ? logAxis : axis)(
    points.map(({ y }) => y),
    Math.max(2, Math.floor(height / 45)),
    { tight: false },
  )
  const left = 10 + Math.max(...yAxis.ticks.map(({ label }) => label.length)) * CHARACTER
  const area = { left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom }
  const px = (x: number): number => area.left + xAxis.share(x) * (area.right - area.left)
  const py = (y: number): number => area.bottom - yAxis.share(y) * (area.bottom - area.top)
  const grid = yAxis.ticks.map(
    ({ at, label }) =>
      `<path d="M${round(area.left)} ${round(py(at))}H${round(area.right)}" class="grid" stroke="#e4e4e4"/>` +
      text(area.left - 6, py(at) + 4, label, 'text-anchor="end"'),
  )
  const steps = xAxis.ticks.map(
    ({ at, label }) =>
      `<path d="M${round(px(at))} ${area.bottom}v4" class="edge" stroke="#777"/>` +
      text(px(at), area.bottom + 16, label, 'text-anchor="middle"'),
  )
  const middle = (area.left + area.right) / 2
  return [
    text(
      area.left,
      16,
      cut(title, width - left, 8),
      'class="strong" font-size="13" font-weight="600" fill="#111"',
    ),
    ...grid,
    `<path d="M${round(area.left)} ${area.top}V${area.bottom}H${round(area.right)}" class="edge" fill="none" stroke="#777"/>`,
    ...steps,
    text(middle, height - 4, xLabel, 'class="muted" text-anchor="middle" fill="#666"'),
    ...series.flatMap(({ points: line, raw = [] }, index) => {
      const shown = isLog ? aboveZero(line) : line
      const behind = raw.length === 0 ? '' : drawRaw(isLog ? aboveZero(raw) : raw, index, px, py)
      return [behind, drawLine(shown, index, px, py, area.bottom)].filter(Boolean)
    }),
  ].join('\n')
}

type Scale = (value: number) => number

/** Leave out what a logarithmic axis has no position for; what is no number breaks the line as ever. */
function aboveZero(points: readonly PlotPoint[]): readonly PlotPoint[] {
  return points.filter(({ y }) => !(y <= 0))
}

/** Draw values behind their smoothed line. */
function drawRaw(points: readonly PlotPoint[], index: number, px: Scale, py: Scale): string {
  let path = ''
  points.forEach(({ x, y }, at) => {
    if (Number.isFinite(y)) path += `${isDrawn(points[at - 1]) ? 'L' : 'M'}${round(px(x))} ${round(py(y))}`
  })
  return path === '' ? '' : `<path d="${path}" ${stroke(index)} opacity="0.25"/>`
}

/** Draw the line, a dot for a point without neighbours, and a cross on the axis at the end of the numbers. */
function drawLine(points: readonly PlotPoint[], index: number, px: Scale, py: Scale, bottom: number): string {
  const colour = COLOURS[index % COLOURS.length] ?? ''
  let path = ''
  const marks: string[] = []
  points.forEach(({ x, y }, at) => {
    const [before, next] = [points[at - 1], points[at + 1]]
    const joined = isDrawn(before)
    if (!Number.isFinite(y)) {
      if (at > 0 && !joined) return
      const [cx, cy] = [round(px(x)), round(bottom)]
      marks.push(
        `<path class="c${index % COLOURS.length}" d="M${cx} ${cy}m-3.5 -3.5l7 7m0 -7l-7 7" stroke="${colour}" stroke-width="1.6"><title>${escapeXml(`${y} at ${x}`)}</title></path>`,
      )
      return
    }
    path += `${joined ? 'L' : 'M'}${round(px(x))} ${round(py(y))}`
    if (!joined && !isDrawn(next))
      marks.push(
        `<circle class="d${index % COLOURS.length}" cx="${round(px(x))}" cy="${round(py(y))}" r="2.5" fill="${colour}"/>`,
      )
  })
  return [path === '' ? '' : `<path d="${path}" ${stroke(index)}/>`, ...marks].filter(Boolean).join('\n')
}

function isDrawn(point: PlotPoint | undefined): boolean {
  return point !== undefined && Number.isFinite(point.y)
}

function stroke(index: number): string {
  // Each colour comes with each dash before a pair comes again.
  const dash = DASHES[(index + Math.floor(index / 20)) % DASHES.length]
  const dashes = dash ? ` stroke-dasharray="${dash}"` : ''
  return `class="c${index % COLOURS.length}" fill="none" stroke="${COLOURS[index % COLOURS.length]}" stroke-width="1.6" stroke-linejoin="round"${dashes}`
}

interface Axis {
  readonly ticks: readonly { readonly at: number; readonly label: string }[]
  /** Return the position of a value, from 0 to 1. */
  share(value: number): number
}

/** Larger values could make a difference of two overflow. */
const LARGEST = 1e300
/** Smaller ones could make a quotient overflow. */
const SMALLEST = 1e-290

/**
 * Return an axis over values, with ticks at 1, 2 or 5 times a power of ten. With `tight`, it ends at the last
 * value.
 */
function axis(values: readonly number[], wanted: number, { tight }: { readonly tight: boolean }): Axis {
  let [low, high] = [Infinity, -Infinity]
  for (const value of values) {
    if (!Number.isFinite(value)) continue
    low = Math.min(low, Math.max(-LARGEST, value))
    high = Math.max(high, Math.min(LARGEST, value))
  }
  if (low > high) [low, high] = [0, 1]
  // A single value, or values too close for distinct ticks.
  if (high - low <= Math.max(SMALLEST, Math.abs(low) * 1e-12, Math.abs(high) * 1e-12)) {
    const room = Math.abs(low) <= SMALLEST ? 1 : Math.abs(low) * 0.1
    ;[low, high] = [low - room, high + room]
  }
  const whole = tight && values.every((value) => Number.isInteger(value))
  const step = Math.max(whole ? 1 : 0, niceStep((high - low) / wanted))
  const first = tight ? Math.ceil(low / step) : Math.floor(low / step)
  const last = tight ? Math.floor(high / step) : Math.ceil(high / step)
  if (!tight) [low, high] = [first * step, last * step]
  const ticks = Array.from({ length: Math.max(1, last - first + 1) }, (_, index) => {
    const at = (first + index) * step
    return { at, label: tickText(at, step) }
  })
  const inside = ticks.filter(({ at }) => at >= low - step * 1e-9 && at <= high + step * 1e-9)
  const clamp = (value: number): number => Math.max(low, Math.min(high, value))
  return { ticks: inside, share: (value) => (clamp(value) - low) / (high - low) }
}

/** Return a logarithmic axis over the values above zero, with ticks at powers of ten, or at 1, 2 and 5 times those. */
function logAxis(values: readonly number[], wanted: number): Axis {
  let [low, high] = [Infinity, -Infinity]
  for (const value of values) {
    if (!(value > 0) || !Number.isFinite(value)) continue
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  if (low > high) [low, high] = [1, 10]
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))]
  const every = Math.max(1, Math.ceil((last - first) / wanted))
  const factors = last - first <= 2 ? [1, 2, 5] : [1]
  const ticks: { at: number; label: string }[] = []
  for (let power = first; power <= last; power += every)
    for (const factor of factors) {
      const at = factor * 10 ** power
      if (Number.isFinite(at) && at > 0) ticks.push({ at, label: String(Number(at.toPrecision(3))) })
    }
  const inside = ticks.filter(({ at }) => at >= low * (1 - 1e-9) && at <= high * (1 + 1e-9))
  // Ends at ticks, so that a line is never without a number.
  const below = ticks.findLast(({ at }) => at < low * (1 - 1e-9))
  const above = ticks.find(({ at }) => at > high * (1 + 1e-9))
  const shown = inside.length >= 2 ? inside : [below, ...inside, above].filter((tick) => tick !== undefined)
  const [from, to] = [
    Math.log10(Math.min(low, shown[0]?.at ?? low)),
    Math.log10(Math.max(high, shown.at(-1)?.at ?? high)),
  ]
  const range = to - from || 1
  return { ticks: shown, share: (value) => Math.max(0, Math.min(1, (Math.log10(value) - from) / range)) }
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 5].find((candidate) => candidate * power >= rough) ?? 10
  return factor * power
}

function tickText(value: number, step: number): string {
  // A rounding error of a sum that should be 0.
  if (Math.abs(value) < step * 1e-6) return '0'
  const size = Math.abs(value)
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  if (size < 1e6 && decimals <= 5)
    return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
  const digits = Math.max(0, Math.min(15, Math.ceil(Math.log10(size / step) - 1e-9)))
  return value
    .toExponential(digits)
    .replace(/\.?0*e/, 'e')
    .replace('e+', 'e')
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${round(x)}" y="${round(y)}"${attributes === '' ? '' : ` ${attributes}`}>${escapeXml(content)}</text>`
}

/** Truncate a text to the available width. */
function cut(content: string, room: number, character: number): string {
  const most = Math.max(1, Math.floor(room / character))
  const characters = Array.from(content)
  return characters.length <= most ? content : `${characters.slice(0, most - 1).join('')}…`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
