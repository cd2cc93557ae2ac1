/** The tool that follows a lineage. */
import { z } from 'zod/mini'
import { evidenceOf, nounOf } from '../../lineage/describe.ts'
import { readLineage } from '../../lineage/read.ts'
import { REFERENCE_KINDS } from '../../lineage/start.ts'
import { treeLines } from '../../lineage/tree.ts'
import { BYTES, CURSOR, positionOf, textArgument } from '../arguments.ts'
import { listFrom, tool } from '../tool.ts'
import type { LineageNode } from '../../lineage/graph.ts'
import type { Tool } from '../tool.ts'

/** Most runs in either direction. */
const DEPTH = 1000

/** Follow a lineage. */
export const LINEAGE: Tool = tool({
  name: 'lineage',
  title: 'Follow a lineage',
  description:
    'Say what a dataset, model, output or run was made from, or what was made from it, across runs: they are linked by equal digests. Each line has its depth in the tree and how its link is known: recorded, inferred from equal digests, or declared.',
  schema: z.strictObject({
    reference: textArgument('A dataset, model or output by its name or digest, or a run'),
    as: z.optional(z.enum(REFERENCE_KINDS).check(z.describe('What the reference is, if several fit'))),
    direction: z.prefault(
      z.enum(['up', 'down']).check(z.describe('up: what it was made from; down: what was made from it')),
      'up',
    ),
    depth: z.prefault(
      z.int().check(z.minimum(0), z.maximum(DEPTH), z.describe('Most runs between the start and a line')),
      DEPTH,
    ),
    ...CURSOR,
    ...BYTES,
  }),
  answer: async ({ reference, as, direction, depth, cursor }, { store }, signal) => {
    const lineage = await readLineage(store, reference, { as, depth, signal })
    const starts = lineage.nodes.filter(({ id }) => lineage.start.includes(id))
    const lines = starts.flatMap((start) => [
      ...(starts.length > 1 ? [{ depth: 0, ...describe(start) }] : []),
      ...treeLines(lineage, start.id, direction).map(({ node, edge, branches, isRepeated }) => ({
        depth: branches.length,
        ...describe(node),
        known: evidenceOf(edge),
        ...(isRepeated && { isShownAbove: true }),
      })),
    ])
    return {
      head: {
        ...(starts.length === 1 && { start: describe(starts[0]) }),
        direction,
        ...(lineage.notes.length > 0 && { notes: [...lineage.notes] }),
      },
      list: listFrom('lines', lines, positionOf(cursor)),
    }
  },
})

function describe(node: LineageNode | undefined): { readonly [key: string]: string | null } {
  if (node === undefined) return {}
  if (node.kind === 'run')
    return { kind: 'run', run: node.run, name: node.runName ?? node.name, status: node.status }
  return { kind: nounOf(node), name: node.name, run: node.run, digest: node.digest ?? node.unlinked ?? null }
}
