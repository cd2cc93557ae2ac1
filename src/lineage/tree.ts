/** A lineage as a tree of lines, for text. */
import { adjacencyOf } from './graph.ts'
import type { Lineage, LineageEdge, LineageNode } from './graph.ts'

/** One line of a tree. */
export interface TreeLine {
  readonly node: LineageNode
  /** The edge that leads to it from the line above it. */
  readonly edge: LineageEdge
  /** For it and each line above it: whether it is the last below the same line. */
  readonly branches: readonly boolean[]
  /** True if what follows was shown in an earlier line. */
  readonly isRepeated: boolean
}

/**
 * Return the tree above a node, its ancestors, or below it, its descendants. A node that is reached in several ways has a
 * line for each, and what follows it is below the first.
 *
 * @param direction `up` for what it was made from, `down` for what was made from it.
 */
export function treeLines(lineage: Lineage, start: string, direction: 'up' | 'down'): TreeLine[] {
  const { nodes, into, outOf } = adjacencyOf(lineage)
  const seen = new Set([start])
  const lines: TreeLine[] = []
  // No recursion: a chain can have thousands of runs.
  const stack: Omit<TreeLine, 'isRepeated'>[] = []
  const push = (id: string, branches: readonly boolean[]): void => {
    const edges = (direction === 'up' ? into : outOf).get(id) ?? []
    const following = shownEdges(edges, direction, into, outOf).flatMap((edge) => {
      const node = nodes.get(direction === 'up' ? edge.from : edge.to)
      return node === undefined ? [] : [{ edge, node }]
    })
    following
      .map(({ edge, node }, index) => ({
        edge,
        node,
        branches: [...branches, index === following.length - 1],
      }))
      .toReversed()
      .forEach((line) => stack.push(line))
  }
  push(start, [])
  for (let line = stack.pop(); line !== undefined; line = stack.pop()) {
    const isRepeated = seen.has(line.node.id)
    const edges = (direction === 'up' ? into : outOf).get(line.node.id) ?? []
    lines.push({ ...line, isRepeated: isRepeated && edges.length > 0 })
    if (isRepeated) continue
    seen.add(line.node.id)
    push(line.node.id, line.branches)
  }
  return lines
}

/**
 * Return the edges of a node that a tree follows, the declared ones first. A run that made something by a declared step
 * is not followed to its other inputs, nor an input to what a declared step made: those edges go through the step.
 */
function shownEdges(
  edges: readonly LineageEdge[],
  direction: 'up' | 'down',
  into: ReadonlyMap<string, readonly LineageEdge[]>,
  outOf: ReadonlyMap<string, readonly LineageEdge[]>,
): LineageEdge[] {
  const inOrder = edges.toSorted((a, b) => ORDER[a.evidence] - ORDER[b.evidence])
  const isDeclared = (id: string): boolean =>
    into.get(id)?.some(({ evidence }) => evidence === 'declared') ?? false
  if (direction === 'up') {
    const declares = inOrder.some(({ evidence }) => evidence === 'declared')
    return declares ? inOrder.filter(({ evidence }) => evidence !== 'recorded') : inOrder
  }
  const declares = inOrder.some(({ evidence }) => evidence === 'declared')
  return inOrder.filter(({ evidence, to }) => {
    if (evidence !== 'recorded') return true
    // The run of a declared step has nothing to add if all that it made is below the step.
    return !isDeclared(to) && !(declares && (outOf.get(to) ?? []).every((edge) => isDeclared(edge.to)))
  })
}

const ORDER: Readonly<Record<LineageEdge['evidence'], number>> = { declared: 0, inferred: 1, recorded: 2 }
