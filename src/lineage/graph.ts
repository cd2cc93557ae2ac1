/** The parts of a lineage: runs, what they read and made, and how one led to the other. */
import { LineaprintError } from '../core/errors.ts'
import { checkObject } from '../core/options.ts'
import type { RunId } from '../core/run-id.ts'
import type { JsonObject } from '../core/json-value.ts'
import type { RunStatus, StepCode, TrackedSection } from '../record/record.ts'

/**
 * Evidence of an edge. `recorded`: a run digested the content as its input or output. `inferred`: an output of an earlier
 * run has the digest of an input. `declared`: somebody said it, with `derive` or `--from`.
 */
export type Evidence = 'recorded' | 'inferred' | 'declared'

/** A run of a lineage. */
export interface RunNode {
  readonly kind: 'run'
  /** Name of the node in this lineage. */
  readonly id: string
  readonly run: RunId
  /** Name of the experiment. */
  readonly name: string
  readonly runName: string | null
  readonly status: RunStatus
  /** ISO 8601 in UTC. */
  readonly startedAt: string
}

/** Something that a run read or made. */
export interface ItemNode {
  readonly kind: 'item'
  /** Name of the node in this lineage. */
  readonly id: string
  readonly run: RunId
  /** The section of the record; null for a name that the run did not track. */
  readonly section: TrackedSection | null
  readonly name: string
  readonly role: 'input' | 'output'
  /** Its digest in written form: of a model that of its weights. Null where none is recorded. */
  readonly digest: string | null
  /** Absolute; null for what was in memory, and where no path is recorded. */
  readonly path: string | null
  /** Bytes; null where that is not recorded. */
  readonly bytes: number | null
  /** Why it is linked to no other run, in one sentence. Absent if it can be. */
  readonly unlinked?: string
}

/** A run, or something that a run read or made. */
export type LineageNode = RunNode | ItemNode

/** The result of comparing an edge with the files of today. */
export interface EdgeCheck {
  readonly status: 'same' | 'changed' | 'missing' | 'not-checked'
  /** Why, in one sentence; empty for `same`. */
  readonly detail: string
}

/** One step of a lineage, in the direction in which data flows. */
export interface LineageEdge {
  /** Id of the node that comes first. */
  readonly from: string
  /** Id of the node that comes from it. */
  readonly to: string
  readonly evidence: Evidence
  /** Words for what was done; of a declared edge only. */
  readonly step?: string
  readonly params?: JsonObject
  readonly code?: readonly StepCode[]
  /** The run that declared it; of a declared edge only. */
  readonly run?: RunId
  /** The digest that both have; of an inferred edge only. */
  readonly digest?: string
  /** Other runs that made the same content before, the newest first, up to a limit; of an inferred edge only. */
  readonly alternatives?: readonly RunId[]
  /** Number of all such runs. */
  readonly alternativeCount?: number
  /** Only after `verifyLineage`. */
  readonly check?: EdgeCheck
}

/** Everything that led to something, and that came of it. */
export interface Lineage {
  /** The reference as it was given. */
  readonly reference: string
  /** Ids of the nodes that it names. */
  readonly start: readonly string[]
  readonly nodes: readonly LineageNode[]
  readonly edges: readonly LineageEdge[]
  /** Facts that a reader should know: one sentence each. */
  readonly notes: readonly string[]
}

/** Nodes and edges by their ends. */
export interface Adjacency {
  readonly nodes: ReadonlyMap<string, LineageNode>
  readonly into: ReadonlyMap<string, readonly LineageEdge[]>
  readonly outOf: ReadonlyMap<string, readonly LineageEdge[]>
}

/** Throw if an argument of a public function is not a lineage. */
export function checkLineage(lineage: unknown): void {
  checkObject(lineage, 'lineage')
  const { nodes, edges, start } = lineage as Partial<Lineage>
  if (Array.isArray(nodes) && Array.isArray(edges) && Array.isArray(start)) return
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'lineage is not a lineage', {
    field: 'lineage',
    expected: 'what readLineage returned',
  })
}

/** Return the nodes of a lineage by their ids, and its edges by their ends. */
export function adjacencyOf({ nodes, edges }: Pick<Lineage, 'nodes' | 'edges'>): Adjacency {
  return {
    nodes: new Map(nodes.map((node) => [node.id, node])),
    into: Map.groupBy(edges, ({ to }) => to),
    outOf: Map.groupBy(edges, ({ from }) => from),
  }
}

/** Singular nouns of the sections. */
export const NOUNS: Readonly<Record<TrackedSection, string>> = {
  datasets: 'dataset',
  models: 'model',
  tokenizers: 'tokenizer',
  outputs: 'output',
}
