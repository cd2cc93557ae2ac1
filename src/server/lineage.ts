/** The part of a lineage that a picture can hold: the nodes next to what was asked for. */
import { readLineageIn } from '../lineage/read.ts'
import type { ReferenceKind } from '../lineage/start.ts'
import type { Lineage, LineageNode } from '../lineage/graph.ts'
import type { LineageBody } from './api/contents.ts'
import type { Contents } from './contents.ts'

/** Characters of a name or step. */
const TEXT = 200

/** Notes that are sent. */
const NOTES = 50

/** Read the lineage of something: the nearest nodes, up to a limit. */
export async function lineagePart(
  contents: Contents,
  reference: string,
  options: {
    readonly as?: ReferenceKind | undefined
    readonly depth: number
    readonly nodes: number
    readonly signal: AbortSignal
  },
): Promise<LineageBody> {
  const lineage = await readLineageIn(contents.store, await contents.linked(), reference, options)
  return lineageBody(lineage, options.nodes)
}

/** Return a lineage in the form of an answer: ids are short, since names of any length are in those of the library. */
export function lineageBody({ reference, start, nodes, edges, notes }: Lineage, limit: number): LineageBody {
  const ids = new Map(nodes.map(({ id }, index) => [id, `n${index}`]))
  const idOf = (id: string): string => ids.get(id) ?? ''
  return {
    reference: cut(reference),
    start: start.map(idOf),
    nodes: nodes.map((node) => short(node, idOf(node.id))),
    edges: edges.map(({ from, to, evidence, step, digest, alternativeCount }) => ({
      from: idOf(from),
      to: idOf(to),
      evidence,
      ...(step !== undefined && { step: cut(step) }),
      ...(digest !== undefined && { digest: cut(digest) }),
      ...(alternativeCount !== undefined && { alternativeCount }),
    })),
    notes: notes.slice(0, NOTES).map(cut),
    isCut: nodes.length >= limit,
  }
}

function short(node: LineageNode, id: string): LineageBody['nodes'][number] {
  if (node.kind === 'run') {
    const { kind, run, name, runName, status, startedAt } = node
    return {
      kind,
      id,
      run,
      name: cut(name),
      runName: runName === null ? null : cut(runName),
      status,
      startedAt,
    }
  }
  const { kind, run, section, name, role, digest, bytes, unlinked } = node
  return {
    kind,
    id,
    run,
    section,
    name: cut(name),
    role,
    digest: digest === null ? null : cut(digest),
    bytes,
    unlinked: unlinked === undefined ? null : cut(unlinked),
  }
}

function cut(text: string): string {
  return text.length > TEXT ? `${text.slice(0, TEXT)}…` : text
}
