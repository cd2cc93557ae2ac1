/** The differences between a table and a recorded one. */
import type { Difference } from '../core/component.ts'
import type { RecordedTable } from '../record/tracked.ts'

/** A table that is compared with a recorded one. */
interface OtherTable {
  readonly rows: number
  readonly columns: readonly {
    readonly name: string
    readonly type: string
    readonly digest?: { toString(): string }
  }[]
}

/** Return the differing columns by name, with a sentence about them. */
export function tableDifference(
  before: RecordedTable,
  after: OtherTable,
): { readonly detail: string; readonly differences: readonly Difference[] } {
  const [was, is] = [describe(before), describe(after)]
  const differences: Difference[] = []
  if (before.rows !== after.rows)
    differences.push({ field: 'rows', before: String(before.rows), after: String(after.rows) })
  const columns = [...new Set([...was.keys(), ...is.keys()])].flatMap((field): Difference[] => {
    const [old, now] = [was.get(field), is.get(field)]
    if (old?.text === now?.text) return []
    // A different number of rows changes the digest of every column, so column digests tell nothing then.
    if (before.rows !== after.rows && old !== undefined && old.type === now?.type) return []
    return [{ field, ...(old && { before: old.text }), ...(now && { after: now.text }) }]
  })
  differences.push(...columns)
  if (differences.length === 0) return { detail: 'the order of the columns differs', differences }
  const shown = columns.slice(0, 3).map(({ field }) => field)
  const names = [...shown, ...(columns.length > 3 ? ['…'] : [])].join(', ')
  const sentences = [
    ...(before.rows === after.rows ? [] : [`it had ${before.rows} rows and has ${after.rows}`]),
    ...(columns.length === 0
      ? []
      : [`${columns.length} of ${before.columns.length} columns differ: ${names}`]),
  ]
  return { detail: sentences.join('; '), differences }
}

/** Map each column to a unique name. Repeated names get a number, except the first. */
function describe({ columns }: OtherTable): Map<string, { type: string; text: string }> {
  const found = new Map<string, { type: string; text: string }>()
  for (const { name, type, digest } of columns) {
    let field = name
    for (let number = 2; found.has(field); number++) field = `${name} (${number})`
    found.set(field, { type, text: `${type} ${String(digest)}` })
  }
  return found
}
