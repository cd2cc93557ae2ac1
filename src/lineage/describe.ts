/** The words by which pictures of a lineage name its nodes and edges. */
import { basename } from 'node:path'
import { NOUNS } from './graph.ts'
import type { ItemNode, LineageEdge, LineageNode } from './graph.ts'

/** Digits of a digest in a picture. */
const DIGITS = 12

/** Return the noun of an item: `dataset`, or `data` if the run did not track it. */
export function nounOf({ section }: Pick<ItemNode, 'section'>): string {
  return section === null ? 'data' : NOUNS[section]
}

/** Return the kind and the first digits of a digest: `table aabbccddeeff`. */
export function shortDigest(written: string): string {
  const [, kind = '', hex = ''] = /^(?:([a-z-]+)[^:]*\.)?[a-z0-9]+:([0-9a-f]+)$/.exec(written) ?? []
  return `${kind === '' ? '' : `${kind} `}${hex.slice(0, DIGITS)}…`
}

/** Return the lines of a node in a picture: what it is, and by what it is known. */
export function linesOf(node: LineageNode): string[] {
  if (node.kind === 'run') return [`run ${node.runName ?? node.name}`, `${node.run}  ${node.status}`]
  const digest = node.digest === null ? (node.unlinked ?? 'no digest') : shortDigest(node.digest)
  return [`${nounOf(node)} ${node.name}`, digest, ...(node.path === null ? [] : [basename(node.path)])]
}

/** Return how an edge is known, in a few words. */
export function evidenceOf({ evidence, step, alternativeCount = 0 }: LineageEdge): string {
  if (evidence === 'declared') return step === undefined ? 'declared' : `declared: ${step}`
  if (evidence === 'recorded') return 'recorded'
  if (alternativeCount === 0) return 'inferred: equal digest'
  return `inferred: equal digest; ${alternativeCount} more made the same`
}
