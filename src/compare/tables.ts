/** The differences between a table and a recorded one. */
import { plural } from '../util/plural.ts'
import type { Difference } from '../core/component.ts'
import type { RecordedSequence, RecordedSplits, RecordedTable } from '../record/tracked.ts'

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
  const [columnsBefore, columnsAfter] = [describe(before), describe(after)]
  const rows =
    before.rows === after.rows
      ? []
      : [{ field: 'rows', before: String(before.rows), after: String(after.rows) }]
  // A renamed column is one that is gone and one that is new.
  const allNames = new Set([...columnsBefore.keys(), ...columnsAfter.keys()])
  const total = allNames.size
  const columns = [...allNames].flatMap((field): Difference[] => {
    const [columnBefore, columnAfter] = [columnsBefore.get(field), columnsAfter.get(field)]
    if (columnBefore?.text === columnAfter?.text) return []
    // A different number of rows changes the digest of every column, so only the types are compared then.
    if (before.rows !== after.rows && columnBefore !== undefined && columnBefore.type === columnAfter?.type)
      return []
    return [
      {
        field,
        ...(columnBefore && { before: columnBefore.text }),
        ...(columnAfter && { after: columnAfter.text }),
      },
    ]
  })
  const differences: Difference[] = [...rows, ...columns]
  if (differences.length === 0) return { detail: 'the order of the columns differs', differences }
  const shown = columns.slice(0, 3).map(({ field }) => field)
  const names = [...shown, ...(columns.length > 3 ? ['…'] : [])].join(', ')
  const sentences = [
    ...(before.rows === after.rows ? [] : [`it had ${plural(before.rows, 'row')} and has ${after.rows}`]),
    ...(columns.length === 0
      ? []
      : [`${columns.length} of ${plural(total, 'column')} ${total === 1 ? 'differs' : 'differ'}: ${names}`]),
  ]
  return { detail: sentences.join('; '), differences }
}

/** A sequence that is compared with a recorded one. */
interface OtherSequence {
  readonly digest: { toString(): string }
  readonly records: number
}

/** Return a clause about a sequence of records beside another. */
export function sequenceDifference(before: RecordedSequence, after: OtherSequence): string {
  if (before.digest === after.digest.toString()) return 'is the same'
  if (before.records !== after.records)
    return `differs: it had ${plural(before.records, 'record')} and has ${after.records}`
  return `differs: it has ${plural(before.records, 'record')} as before`
}

/** Splits that are compared with recorded ones. */
interface OtherSplits {
  readonly digest: { toString(): string }
  readonly list: readonly {
    readonly name: string
    readonly table?: OtherTable & { readonly digest: { toString(): string } }
    readonly sequence?: OtherSequence
  }[]
}

/** Return a sentence about the splits that differ, by name. */
export function splitsDifference(before: RecordedSplits, after: OtherSplits): string {
  if (before.digest === after.digest.toString()) return 'the splits are the same'
  const splitsAfter = new Map(after.list.map((split) => [split.name, split]))
  const names = new Set(before.list.map(({ name }) => name))
  const sentences = [
    ...before.list.flatMap((split) => {
      const other = splitsAfter.get(split.name)
      if (other === undefined) return [`split ${split.name} is gone`]
      const [digest, digestAfter] = [split, other].map(({ table, sequence }) =>
        (table ?? sequence)?.digest.toString(),
      )
      if (digest === digestAfter) return []
      // A table with its rows in any order has another kind of digest.
      if (kindOf(digest) !== kindOf(digestAfter)) return [`split ${split.name} has another kind of digest`]
      if (split.table !== undefined && other.table !== undefined)
        return [`split ${split.name}: ${tableDifference(split.table, other.table).detail}`]
      if (split.sequence === undefined || other.sequence === undefined) return []
      return [`split ${split.name} ${sequenceDifference(split.sequence, other.sequence)}`]
    }),
    ...after.list.flatMap(({ name }) => (names.has(name) ? [] : [`split ${name} is new`])),
  ]
  // Of two hash functions, the tables have none in common.
  return sentences.length === 0 ? 'the digests of the splits differ' : sentences.join('; ')
}

/** Return what stands before the hash in the written form of a digest. */
function kindOf(digest: string = ''): string {
  return digest.slice(0, digest.indexOf(':'))
}

/** Map each column to a unique name. Repeated names get a number, except the first. */
function describe({ columns }: OtherTable): Map<string, { type: string; text: string }> {
  const columnsByName = new Map<string, { type: string; text: string }>()
  for (const { name, type, digest } of columns) {
    let field = name
    for (let number = 2; columnsByName.has(field); number++) field = `${name} (${number})`
    columnsByName.set(field, { type, text: `${type} ${String(digest)}` })
  }
  return columnsByName
}
