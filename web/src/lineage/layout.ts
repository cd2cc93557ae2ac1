/** Places of the nodes and edges of a lineage, from left to right in the direction in which data flows. */
import type { LineageBody } from '../shared/api.ts'

/** A node of a picture: its size, then its place. */
export interface Box {
  readonly x: number
  readonly y: number
}

/** A picture without its words. */
export interface Layout {
  /** Top left corners by the ids of nodes. */
  readonly boxes: ReadonlyMap<string, Box>
  /** Points of each edge, in the order of the edges. */
  readonly paths: readonly (readonly Box[])[]
  readonly width: number
  readonly height: number
}

/** Size of every node. */
export const NODE = { width: 172, height: 46 } as const

const MARGIN = 16

/** Lay a lineage out. The part of the page that does it is loaded when it is needed. */
export async function layOut({ nodes, edges }: LineageBody): Promise<Layout> {
  const { Graph, layout } = await import('@dagrejs/dagre')
  const graph = new Graph({ multigraph: true })
  graph.setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 28, edgesep: 8, marginx: MARGIN, marginy: MARGIN })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const { id } of nodes) graph.setNode(id, { ...NODE })
  edges.forEach(({ from, to }, index) => graph.setEdge(from, to, {}, `e${index}`))
  layout(graph)
  const boxes = new Map(
    nodes.map(({ id }): [string, Box] => {
      const { x = 0, y = 0 } = graph.node(id) as Partial<Box>
      return [id, { x: x - NODE.width / 2, y: y - NODE.height / 2 }]
    }),
  )
  const paths = edges.map(({ from, to }, index) => {
    const { points = [] } = graph.edge(from, to, `e${index}`) as { points?: readonly Box[] }
    return points
  })
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number }
  return { boxes, paths, width: Math.ceil(width), height: Math.ceil(height) }
}

/** Return the points of an edge as a smooth path. */
export function pathOf(points: readonly Box[]): string {
  const [first, ...rest] = points
  if (first === undefined) return ''
  const at = ({ x, y }: Box): string => `${Math.round(x)} ${Math.round(y)}`
  const parts = rest.map((point, index) => {
    const next = rest[index + 1]
    // Between two points the line passes through their middle.
    return next === undefined
      ? `L${at(point)}`
      : `Q${at(point)} ${at({ x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 })}`
  })
  return `M${at(first)}${parts.join('')}`
}
