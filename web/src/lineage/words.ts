/** The words by which a lineage is shown. */
import { contentAddress, runAddress } from '../shared/router.ts'
import { shown } from '../shared/text.ts'
import type { LineageEdgeBody, LineageItemBody, LineageRunBody } from '../shared/api.ts'

const NOUNS = { datasets: 'dataset', models: 'model', tokenizers: 'tokenizer', outputs: 'output' } as const

/** Return the noun of a node. */
export function nounOf(node: LineageRunBody | LineageItemBody): string {
  if (node.kind === 'run') return 'run'
  return node.section === null ? 'data' : NOUNS[node.section]
}

/** Return the name of a node, with at most so many characters. */
export function titleOf(node: LineageRunBody | LineageItemBody, limit: number): string {
  const name = shown(node.kind === 'run' ? (node.runName ?? node.name) : node.name, 200)
  return name.length > limit ? `${name.slice(0, limit - 1)}…` : name
}

/** Return the second line of a node. */
export function detailOf(node: LineageRunBody | LineageItemBody): string {
  if (node.kind === 'run') return `${node.status} · ${node.run.slice(-8)}`
  if (node.digest === null) return 'no digest'
  const [, kind, hex = ''] = /^(?:([a-z-]+)[^:]*\.)?[a-z0-9]+:([0-9a-f]+)/.exec(node.digest) ?? []
  return `${kind === undefined ? '' : `${kind} `}${hex.slice(0, 8)}`
}

/** Return the address that a node leads to; `undefined` if there is nothing to open. */
export function addressOf(node: LineageRunBody | LineageItemBody): string | undefined {
  if (node.kind === 'run') return runAddress(node.run)
  return node.digest === null ? undefined : contentAddress(node.digest)
}

/** Return how an edge is known. */
export function evidenceOf({ evidence, step, alternativeCount = 0 }: LineageEdgeBody): string {
  if (evidence === 'recorded') return 'recorded by the run'
  if (evidence === 'declared') return step === undefined ? 'declared' : `declared: ${shown(step, 80)}`
  return alternativeCount === 0
    ? 'inferred from equal digests'
    : `inferred from equal digests; ${alternativeCount} more made the same`
}
