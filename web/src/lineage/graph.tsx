/** A lineage as a graph: each node is a link, and each line shows how it is known. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { NODE, pathOf } from './layout.ts'
import { addressOf, detailOf, evidenceOf, nounOf, titleOf } from './words.ts'
import type { LineageBody } from '../shared/api.ts'
import type { Layout } from './layout.ts'

interface GraphProps {
  readonly lineage: LineageBody
  readonly layout: Layout
}

/** Sizes of the picture. */
const [SMALLEST, READABLE, LARGEST] = [0.3, 0.72, 2] as const

/** Characters of a line of a node. */
const LETTERS = 22

/** The graph. Arrow keys go along its lines, Enter opens what has the focus. */
export function LineageGraph({ lineage, layout }: GraphProps) {
  const { nodes, edges, start } = lineage
  const [scale, setScale] = useState(1)
  const frame = useRef<HTMLDivElement>(null)
  const chosen = new Set(start)
  // Before the picture is painted, so that it does not change its size.
  useLayoutEffect(() => {
    const { current } = frame
    const box = layout.boxes.get(start[0] ?? '')
    if (current === null || box === undefined) return
    // A picture that is far too wide is readable around its start rather than whole.
    const own = Math.max(READABLE, Math.min(1, (current.clientWidth - 2) / layout.width))
    setScale(own)
    requestAnimationFrame(() => {
      current.scrollLeft = (box.x + NODE.width / 2) * own - current.clientWidth / 2
      current.scrollTop = (box.y + NODE.height / 2) * own - current.clientHeight / 2
    })
  }, [layout])
  const zoom = (by: number): void => setScale(Math.max(SMALLEST, Math.min(LARGEST, scale * by)))
  const press = (event: KeyboardEvent): void => {
    const id = (event.target as Element).closest('[data-node]')?.getAttribute('data-node')
    if (id === null || id === undefined) return
    const next = neighbour(lineage, layout, id, event.key)
    if (next === undefined) return
    event.preventDefault()
    frame.current?.querySelector<SVGElement>(`[data-node="${CSS.escape(next)}"]`)?.focus()
  }
  return (
    <>
      <div class="chart-tools">
        <div class="choice" role="group" aria-label="Size">
          <button type="button" onClick={() => zoom(0.8)} aria-label="Smaller">
            −
          </button>
          <button type="button" onClick={() => zoom(1.25)} aria-label="Larger">
            +
          </button>
        </div>
        <Legend />
      </div>
      <div class="graph-frame" ref={frame} tabIndex={0} role="region" aria-label="Graph">
        <svg
          class="graph"
          width={layout.width * scale}
          height={layout.height * scale}
          viewBox={`0 0 ${layout.width} ${layout.height}`}
          onKeyDown={press}
        >
          <title>{`${nodes.length} nodes and ${edges.length} steps, from left to right as data flows`}</title>
          <defs>
            {/* Wide letters end before the edge of the node. */}
            <clipPath id="inside">
              <rect width={NODE.width - 8} height={NODE.height} />
            </clipPath>
            <marker
              id="tip"
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="7"
              markerHeight="7"
              orient="auto"
            >
              <path d="M0 0L8 4L0 8z" class="tip" />
            </marker>
          </defs>
          {edges.map((edge, index) => (
            <path
              key={index}
              class={`edge edge-${edge.evidence}`}
              d={pathOf(layout.paths[index] ?? [])}
              marker-end="url(#tip)"
            >
              <title>{evidenceOf(edge)}</title>
            </path>
          ))}
          {nodes.map((node) => {
            const { x, y } = layout.boxes.get(node.id) ?? { x: 0, y: 0 }
            const noun = nounOf(node)
            const address = addressOf(node)
            const kind = node.kind === 'run' ? 'run' : (node.section ?? 'untracked')
            const title = titleOf(node, LETTERS)
            const detail = `${noun} · ${detailOf(node)}`.slice(0, LETTERS + 6)
            const left = node.kind === 'run' ? 18 : 10
            const inside = (
              <>
                <rect width={NODE.width} height={NODE.height} rx={node.kind === 'run' ? 23 : 6} />
                <text x={left} y={19} class="node-title" clip-path="url(#inside)">
                  {title}
                </text>
                <text x={left} y={36} class="node-detail" clip-path="url(#inside)">
                  {detail}
                </text>
              </>
            )
            const own = {
              class: `node node-${kind} ${chosen.has(node.id) ? 'node-start' : ''}`,
              transform: `translate(${x} ${y})`,
              'data-node': node.id,
              'data-arrival': node.id === start[0] ? true : undefined,
            }
            return address === undefined ? (
              <g key={node.id} {...own} role="group" tabIndex={0}>
                {inside}
              </g>
            ) : (
              <a key={node.id} {...own} href={address} tabIndex={0}>
                {inside}
              </a>
            )
          })}
        </svg>
      </div>
    </>
  )
}

function Legend() {
  return (
    <ul class="legend" aria-label="How steps are known">
      {(['recorded', 'inferred', 'declared'] as const).map((evidence) => (
        <li key={evidence}>
          <svg width="34" height="8" aria-hidden="true">
            <path class={`edge edge-${evidence}`} d="M0 4L34 4" />
          </svg>{' '}
          {evidence === 'inferred' ? 'inferred from equal digests' : evidence}
        </li>
      ))}
    </ul>
  )
}

/** Return the node that an arrow key leads to: along a line, or the next one above or below. */
function neighbour(
  { nodes, edges }: LineageBody,
  { boxes }: Layout,
  id: string,
  key: string,
): string | undefined {
  const own = boxes.get(id)
  if (own === undefined) return undefined
  const heightOf = (other: string): number => Math.abs((boxes.get(other)?.y ?? 0) - own.y)
  const nearest = (ids: readonly string[]): string | undefined =>
    ids.toSorted((a, b) => heightOf(a) - heightOf(b))[0]
  if (key === 'ArrowLeft') return nearest(edges.flatMap(({ from, to }) => (to === id ? [from] : [])))
  if (key === 'ArrowRight') return nearest(edges.flatMap(({ from, to }) => (from === id ? [to] : [])))
  if (key !== 'ArrowUp' && key !== 'ArrowDown') return undefined
  const beside = nodes.flatMap((node) => {
    const box = boxes.get(node.id)
    const isBeside = box !== undefined && Math.abs(box.x - own.x) < NODE.width && box.y !== own.y
    return isBeside && (key === 'ArrowUp') === box.y < own.y ? [node.id] : []
  })
  return nearest(beside)
}
