/** A lineage as a picture: SVG without a script, a font file or anything that is loaded. */
import { LineaprintError } from '../core/errors.ts'
import { escapeXml } from '../util/escape-xml.ts'
import { evidenceOf, linesOf } from './describe.ts'
import { checkLineage } from './graph.ts'
import type { Lineage, LineageEdge, LineageNode } from './graph.ts'

/** Most nodes of a picture: the layout takes time that grows faster than their number, and nobody reads more. */
const NODES_LIMIT = 500

const CHARACTER = 6.6
const WIDEST = 34
const LINE = 15
const PADDING = 10
const MARGIN = 20
/** Room for the title and the legend. */
const HEAD = 64

/** Fill and border of each kind of node, on a light page. */
const COLOURS = {
  run: ['#eef1f5', '#5b6672'],
  datasets: ['#e3edfb', '#1f5fbf'],
  models: ['#f3e6f7', '#862e9c'],
  tokenizers: ['#f3e6f7', '#862e9c'],
  outputs: ['#e4f3e7', '#2b8a3e'],
  untracked: ['#ffffff', '#868e96'],
} as const

type NodeColour = keyof typeof COLOURS

/** The same on a dark page. A program that knows no styles shows the light page. */
const DARK: Readonly<Record<NodeColour, readonly [fill: string, border: string]>> = {
  run: ['#242a31', '#97a2ae'],
  datasets: ['#16263f', '#74a9ff'],
  models: ['#2f1d36', '#d59bea'],
  tokenizers: ['#2f1d36', '#d59bea'],
  outputs: ['#17301d', '#6fd08c'],
  untracked: ['#14171c', '#868e96'],
}

const DASHES: Readonly<Record<LineageEdge['evidence'], string>> = {
  recorded: '',
  inferred: ' stroke-dasharray="2 4"',
  declared: ' stroke-dasharray="8 4"',
}

interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/**
 * Return a lineage as an SVG document, from left to right in the direction in which data flows. Recorded edges are solid,
 * inferred ones dotted, declared ones dashed with their step. It has colours for light and dark pages.
 *
 * @throws ERR_LINEAPRINT_RANGE for more than 500 nodes.
 */
export async function lineageToSvg(lineage: Lineage): Promise<string> {
  checkLineage(lineage)
  const { nodes, edges, reference, start } = lineage
  if (nodes.length > NODES_LIMIT) {
    throw new LineaprintError('ERR_LINEAPRINT_RANGE', 'the lineage is too large for a picture', {
      expected: `at most ${NODES_LIMIT} nodes`,
      received: `${nodes.length} nodes`,
      hint: 'limit it with --depth, or use the tree, JSON or Mermaid',
    })
  }
  const { boxes, paths, width, height } = await layOut(nodes, edges)
  const chosen = new Set(start)
  const title = `Lineage of ${reference}`
  const [page, total] = [Math.max(width + 2 * MARGIN, 560), height + HEAD + 2 * MARGIN]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${page}" height="${total}" viewBox="0 0 ${page} ${total}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="11" fill="#333">`,
    `<title>${escapeXml(title)}</title>`,
    `<desc>${escapeXml(`${nodes.length} nodes and ${edges.length} edges, from left to right in the direction in which data flows.`)}</desc>`,
    `<style>${darkStyle()}</style>`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0L8 4L0 8z" fill="#5b6672"/></marker></defs>',
    `<rect class="page" width="${page}" height="${total}" fill="#fff"/>`,
    `<text class="strong" x="${MARGIN}" y="28" font-size="16" font-weight="600" fill="#111">${escapeXml(cut(title, Math.floor((page - 2 * MARGIN) / 9.5)))}</text>`,
    ...legend(),
    `<g transform="translate(${MARGIN} ${HEAD + MARGIN})">`,
    ...edges.flatMap((edge, index) => drawEdge(edge, paths[index])),
    ...nodes.flatMap((node) => drawNode(node, boxes.get(node.id), chosen.has(node.id))),
    '</g>',
    '</svg>\n',
  ].join('\n')
}

interface Point {
  readonly x: number
  readonly y: number
}

interface EdgePath {
  readonly points: readonly Point[]
  /** Middle of its label. */
  readonly label: Point | undefined
}

interface Layout {
  readonly boxes: ReadonlyMap<string, Box>
  readonly paths: readonly EdgePath[]
  readonly width: number
  readonly height: number
}

async function layOut(nodes: readonly LineageNode[], edges: readonly LineageEdge[]): Promise<Layout> {
  const { Graph, layout } = await import('@dagrejs/dagre')
  const graph = new Graph({ multigraph: true })
  graph.setGraph({ rankdir: 'LR', nodesep: 22, ranksep: 56, edgesep: 12 })
  graph.setDefaultEdgeLabel(() => ({}))
  // Names of the layout are numbers: those of nodes come from programs, and could be those of every object.
  const names = new Map(nodes.map(({ id }, index) => [id, `n${index}`]))
  for (const node of nodes) graph.setNode(names.get(node.id) ?? '', { ...sizeOf(node) })
  const nameOf = (id: string): string => names.get(id) ?? ''
  edges.forEach((edge, index) => {
    const label = labelOf(edge)
    const size = label === '' ? {} : { width: label.length * CHARACTER + 8, height: LINE, labelpos: 'c' }
    graph.setEdge(nameOf(edge.from), nameOf(edge.to), size, `e${index}`)
  })
  layout(graph)
  const boxes = new Map(
    nodes.map(({ id }): [string, Box] => {
      const { x = 0, y = 0, width = 0, height = 0 } = graph.node(nameOf(id)) as Partial<Box>
      return [id, { x: x - width / 2, y: y - height / 2, width, height }]
    }),
  )
  const paths = edges.map((edge, index): EdgePath => {
    const {
      points = [],
      x,
      y,
    } = graph.edge(nameOf(edge.from), nameOf(edge.to), `e${index}`) as {
      points?: readonly Point[]
      x?: number
      y?: number
    }
    return { points, label: x === undefined || y === undefined ? undefined : { x, y } }
  })
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number }
  return { boxes, paths, width: Math.ceil(width), height: Math.ceil(height) }
}

function sizeOf(node: LineageNode): { width: number; height: number } {
  const lines = linesOf(node).map((line) => cut(line, WIDEST))
  return {
    width: Math.max(...lines.map((line) => line.length)) * CHARACTER + 2 * PADDING,
    height: lines.length * LINE + 2 * PADDING - 4,
  }
}

function colourOf(node: LineageNode): NodeColour {
  if (node.kind === 'run') return 'run'
  return node.section ?? 'untracked'
}

function drawNode(node: LineageNode, box: Box | undefined, isStart: boolean): string[] {
  if (box === undefined) return []
  const colour = colourOf(node)
  const [fill, border] = COLOURS[colour]
  const radius = node.kind === 'run' ? Math.min(16, box.height / 2) : 4
  const lines = linesOf(node)
  const tip = node.kind === 'run' ? [node.run] : [node.path, node.digest]
  return [
    `<g>${titleOf(tip.some(Boolean) ? tip : lines.slice(0, 1))}`,
    `<rect class="n-${colour}" x="${round(box.x)}" y="${round(box.y)}" width="${round(box.width)}" height="${round(box.height)}" rx="${round(radius)}" fill="${fill}" stroke="${border}" stroke-width="${isStart ? 2.6 : 1.2}"/>`,
    ...lines.map((line, index) => {
      const style = index === 0 ? 'class="strong" font-weight="600" fill="#111"' : 'class="muted" fill="#555"'
      const y = box.y + PADDING + 9 + index * LINE
      return `<text x="${round(box.x + PADDING)}" y="${round(y)}" ${style}>${escapeXml(cut(line, WIDEST))}</text>`
    }),
    '</g>',
  ]
}

/** Return what shows under the pointer. Lines are escaped before they are joined: the end of a line is a control character. */
function titleOf(lines: readonly (string | null | undefined)[]): string {
  return `<title>${lines.flatMap((line) => (line ? [escapeXml(line)] : [])).join('\n')}</title>`
}

/** Return the text on an edge: what was declared, and the result of a check. */
function labelOf(edge: LineageEdge): string {
  const words = edge.evidence === 'declared' && edge.step !== undefined ? [edge.step] : []
  if (edge.evidence === 'inferred') words.push(...evidenceOf(edge).split('; ').slice(1))
  if (edge.check !== undefined) words.push(edge.check.status)
  return cut(words.join(', '), WIDEST)
}

function drawEdge(edge: LineageEdge, path: EdgePath | undefined): string[] {
  const [first, ...rest] = path?.points ?? []
  if (first === undefined) return []
  const d = `M${at(first)}${curve([first, ...rest])}`
  const isBad = edge.check?.status === 'changed' || edge.check?.status === 'missing'
  const style = isBad ? 'class="bad" stroke="#c92a2a"' : 'class="edge" stroke="#5b6672"'
  const label = labelOf(edge)
  const { label: middle } = path ?? {}
  return [
    `<path d="${d}" fill="none" ${style} stroke-width="1.4"${DASHES[edge.evidence]} marker-end="url(#tip)">${titleOf([evidenceOf(edge), edge.check?.detail])}</path>`,
    ...(label === '' || middle === undefined
      ? []
      : [
          `<text class="halo" x="${round(middle.x)}" y="${round(middle.y + 4)}" text-anchor="middle" stroke="#fff" stroke-width="4" paint-order="stroke" fill="#333">${escapeXml(label)}</text>`,
        ]),
  ]
}

/** Return a smooth line through the middles between points, so that corners are round. */
function curve([, ...points]: readonly Point[]): string {
  const last = points.at(-1)
  if (last === undefined) return ''
  const middles = points.slice(0, -1).map((point, index) => {
    const next = points[index + 1] ?? point
    const end = index === points.length - 2 ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 }
    return `Q${at(point)} ${at(end)}`
  })
  return middles.length === 0 ? `L${at(last)}` : middles.join('')
}

function legend(): string[] {
  let x = MARGIN
  return (['recorded', 'inferred', 'declared'] as const).flatMap((evidence) => {
    const words = LEGEND[evidence]
    const left = x
    x += 40 + words.length * CHARACTER + 24
    return [
      `<path class="edge" d="M${left} 48h30" stroke="#5b6672" stroke-width="1.4"${DASHES[evidence]} marker-end="url(#tip)"/>`,
      `<text class="muted" x="${left + 38}" y="52" fill="#555">${words}</text>`,
    ]
  })
}

const LEGEND: Readonly<Record<LineageEdge['evidence'], string>> = {
  recorded: 'recorded by the run',
  inferred: 'inferred: equal digests',
  declared: 'declared step',
}

function darkStyle(): string {
  const kinds = Object.entries(DARK).map(
    ([kind, [fill, border]]) => `.n-${kind}{fill:${fill};stroke:${border}}`,
  )
  return `@media (prefers-color-scheme:dark){text{fill:#c9ced6}.page{fill:#14171c}.strong{fill:#f1f3f5}.muted{fill:#aab2bc}.edge{stroke:#97a2ae}.tip{fill:#97a2ae}.bad{stroke:#ff8787}.halo{stroke:#14171c}${kinds.join('')}}`
}

const SEGMENTS = new Intl.Segmenter('en')

function cut(text: string, most: number): string {
  if (text.length <= most) return text
  const characters = Array.from(SEGMENTS.segment(text), ({ segment }) => segment)
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`
}

function at({ x, y }: Point): string {
  return `${round(x)} ${round(y)}`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
