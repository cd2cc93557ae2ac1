/** A lineage as a flowchart of Mermaid. */
import { evidenceOf, linesOf } from './describe.ts'
import { checkLineage } from './graph.ts'
import type { Lineage, LineageEdge } from './graph.ts'

const ARROWS: Readonly<Record<LineageEdge['evidence'], string>> = {
  recorded: '-->',
  inferred: '-.->',
  declared: '==>',
}

/** Characters that could mean something to Mermaid in a quoted label. */
const MARKUP = /[^\p{L}\p{N} ._:/@+,()=…-]/gu

/**
 * Return a lineage as a flowchart of Mermaid. Recorded edges are solid, inferred ones dotted and declared ones thick; what
 * was asked for has a thick border.
 */
export function lineageToMermaid(lineage: Lineage): string {
  checkLineage(lineage)
  const { nodes, edges, start } = lineage
  const names = new Map(nodes.map(({ id }, index) => [id, `n${index}`]))
  const named = (ids: readonly string[]): string => ids.flatMap((id) => names.get(id) ?? []).join(',')
  const lines = nodes.map((node) => {
    const label = linesOf(node).map(escapeLabel).join('<br/>')
    const name = names.get(node.id) ?? ''
    return node.kind === 'run' ? `${name}(["${label}"])` : `${name}["${label}"]`
  })
  const arrows = edges.map((edge) => {
    const { from, to, evidence, check } = edge
    const words = [
      ...(evidence === 'recorded' ? [] : [evidenceOf(edge)]),
      ...(check === undefined ? [] : [check.status]),
    ]
    const label = words.length === 0 ? '' : `|"${escapeLabel(words.join(', '))}"|`
    return `${names.get(from) ?? ''} ${ARROWS[evidence]}${label} ${names.get(to) ?? ''}`
  })
  const chosen = named(start)
  const body = [
    ...lines,
    ...arrows,
    ...(chosen === '' ? [] : ['classDef start stroke-width:3px', `class ${chosen} start`]),
  ]
  return `flowchart LR\n${body.map((line) => `  ${line}\n`).join('')}`
}

/** Names come from programs, and Mermaid takes markup in labels: everything else than letters is written as a number. */
function escapeLabel(text: string): string {
  return text.toWellFormed().replace(MARKUP, (character) => `#${character.codePointAt(0) ?? 0};`)
}
