/** The change of a model per layer, as an SVG of bars: text without a library, a font file or a script. */
import { escapeXml } from '../../util/escape-xml.ts'
import type { LayerChange } from './layers.ts'

const WIDTH = 920
const ROW = 20
const TOP = 64
const LEFT = 230
const BARS = 300
/** Positions of the numbers of tensors and of what was lost: behind the value of the longest bar. */
const TENSORS = 600
const LOST = 716
/** Layers that are drawn; more are counted. */
const MOST = 500

const STYLE = `
  .page { fill: #fff } text { fill: #1b1f24 } .faint { fill: #57606a } .bar { fill: #1f5fbf }
  .lost { fill: #b3261e } .axis { stroke: #8c959f }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #e6edf3 } .faint { fill: #9da7b3 } .bar { fill: #6cb6ff }
    .lost { fill: #ff8f85 } .axis { stroke: #6e7681 }
  }
`

/**
 * Draw one bar for each layer: the norm of the difference of its changed tensors, divided by their norm before.
 *
 * @param title Written above the bars.
 * @returns An SVG document, readable on a light and on a dark page.
 */
export function layersSvg(title: string, layers: readonly LayerChange[]): string {
  const shown = layers.slice(0, MOST)
  const rest = layers.length - shown.length
  const largest = Math.max(0, ...shown.map(({ relative }) => relative ?? 0))
  const height = TOP + (shown.length + (rest > 0 ? 1 : 0)) * ROW + 24
  const rows = shown.map((layer, index) => drawLayer(layer, TOP + index * ROW, largest))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="12">`,
    `<title>${escapeXml(title)}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${WIDTH}" height="${height}"/>`,
    `<text x="16" y="28" font-size="15" font-weight="600">${escapeXml(cut(title, 88))}</text>`,
    `<text class="faint" x="16" y="48">relative change of each layer: norm of the difference / norm before, of its changed tensors</text>`,
    `<line class="axis" x1="${LEFT}" y1="${TOP - 4}" x2="${LEFT}" y2="${TOP + shown.length * ROW}"/>`,
    ...rows,
    ...(rest > 0
      ? [`<text class="faint" x="16" y="${TOP + shown.length * ROW + 14}">and ${rest} more</text>`]
      : []),
    '</svg>\n',
  ].join('\n')
}

function drawLayer(
  { name, tensors, changed, relative, lost }: LayerChange,
  y: number,
  largest: number,
): string {
  const width = relative === null || largest === 0 ? 0 : (relative / largest) * BARS
  const value = changed === 0 ? 'unchanged' : relative === null ? 'not compared' : relative.toPrecision(3)
  const written = (x: number, words: string, style = 'class="faint"'): string =>
    `<text ${style} x="${x}" y="${y + 13}">${words}</text>`
  const count = changed === 0 ? '' : written(TENSORS, `${changed} of ${Math.max(changed, tensors)} tensors`)
  const warning =
    lost > 0 ? written(LOST, `${lost} more NaN or infinite`, 'class="lost" font-weight="600"') : ''
  const label = `<text x="${LEFT - 8}" y="${y + 13}" text-anchor="end">${escapeXml(cut(name, 29))}</text>`
  const bar =
    width > 0
      ? `<rect class="${lost > 0 ? 'lost' : 'bar'}" x="${LEFT}" y="${y + 3}" width="${round(width)}" height="${ROW - 7}"/>`
      : ''
  return `<g><title>${escapeXml(name)}</title>${label}${bar}${written(LEFT + round(width) + 8, value)}${count}${warning}</g>`
}

function cut(text: string, room: number): string {
  const characters = Array.from(text)
  return characters.length <= room ? text : `…${characters.slice(1 - room).join('')}`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
