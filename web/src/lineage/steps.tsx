/** The same lineage as a table: for those who read rather than look, and to search in. */
import { addressOf, evidenceOf, nounOf, titleOf } from './words.ts'
import type { LineageBody } from '../shared/api.ts'

/** The steps. */
export function LineageSteps({ lineage: { nodes, edges } }: { readonly lineage: LineageBody }) {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  if (edges.length === 0) return <p class="dim">Nothing led to it that is known, and nothing came of it.</p>
  return (
    <details class="source">
      <summary>
        <span class="source-name">As a table</span> <span class="dim">{edges.length} steps</span>
      </summary>
      <div class="scroll-x" tabIndex={0} role="region" aria-label="Steps">
        <table class="plain-table">
          <thead>
            <tr>
              <th scope="col">from</th>
              <th scope="col">to</th>
              <th scope="col">known by</th>
            </tr>
          </thead>
          <tbody>
            {edges.map((edge, index) => (
              <tr key={index}>
                <td>
                  <NodeLink node={byId.get(edge.from)} />
                </td>
                <td>
                  <NodeLink node={byId.get(edge.to)} />
                </td>
                <td>{evidenceOf(edge)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  )
}

function NodeLink({ node }: { readonly node: LineageBody['nodes'][number] | undefined }) {
  if (node === undefined) return null
  const address = addressOf(node)
  return (
    <>
      <span class="dim">{nounOf(node)}</span>{' '}
      {address === undefined ? titleOf(node, 80) : <a href={address}>{titleOf(node, 80)}</a>}
    </>
  )
}
