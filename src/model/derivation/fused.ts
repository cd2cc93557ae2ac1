/** Search for tensors whose bytes are those of several others joined along the first axis, whatever their names. */
import { COPY, sizeOf } from './attempts.ts'
import { hashForms } from './checks.ts'
import { blockOf, joined, rowsOf } from './hypotheses.ts'
import type { TensorInfo } from '../read.ts'
import type { Attempt, ExplainJob } from './attempts.ts'
import type { Form } from './checks.ts'

/** Parts of a tensor that are looked for, at most. */
const MOST_PARTS = 8

/** Numbers of rows that a part may have, at most; those that most tensors have come first. */
const MOST_LENGTHS = 8

/** Parts that are hashed in one search, at most. */
const MOST_HASHED = 4096

/** The result of a search. */
export interface FusedSearch {
  readonly matches: ReadonlyMap<string, readonly Attempt[]>
  /** False if parts were left out because there were too many. */
  readonly isComplete: boolean
}

/** The beginning of a tensor that is explained: the tensors whose bytes it has, each with those that are equal to it. */
interface Beginning {
  readonly target: TensorInfo
  readonly rows: number
  readonly parts: readonly (readonly TensorInfo[])[]
}

/**
 * Look for the parts of tensors by their digests. The rows from the first on are hashed in each length that tensors of the
 * first model have; where a digest is that of one, the search goes on behind it.
 *
 * Cost: for each part that was found, a read of at most {@link MOST_LENGTHS} ranges of the tensor.
 */
export async function searchFused(open: readonly TensorInfo[], job: ExplainJob): Promise<FusedSearch> {
  const matches = new Map<string, Attempt[]>()
  const sources = sourcesByRow(job.before.report.tensors)
  let beginnings: Beginning[] = open
    .filter(({ shape }) => (shape[0] ?? 0) > 1 && !shape.includes(0))
    .map((target) => ({ target, rows: 0, parts: [] }))
  let hashed = 0
  let isComplete = true
  for (let round = 0; round < MOST_PARTS && beginnings.length > 0; round++) {
    const wanted: { readonly from: Beginning; readonly end: number; readonly form: Form }[] = []
    for (const from of beginnings) {
      const { target, rows } = from
      const all = target.shape[0] ?? 0
      const lengths = sources.get(rowForm(target))?.lengths ?? []
      for (const length of lengths) {
        const end = rows + length
        // The last part ends with the tensor, and one that is all of it is no part.
        if (end > all || length === all) continue
        const hypothesis = rowsOf(target, rows, end)
        if (hypothesis === undefined) continue
        if (hashed >= MOST_HASHED) isComplete = false
        else {
          hashed++
          wanted.push({ from, end, form: { hypothesis, rule: 'copy', dtype: target.dtype } })
        }
      }
    }
    const files = { ...job.files, before: job.files.after }
    const forms = wanted.map(({ form }) => form)
    const digests = await hashForms(files, forms, job.algorithm, job.options)
    beginnings = wanted.flatMap(({ from, end }, index): Beginning[] => {
      const row = sources.get(rowForm(from.target))
      const equal = row?.byDigest.get(`${end - from.rows} ${digests[index] ?? ''}`)
      if (equal === undefined || matches.has(from.target.name)) return []
      const longer = { target: from.target, rows: end, parts: [...from.parts, equal] }
      if (end < (from.target.shape[0] ?? 0)) return [longer]
      matches.set(from.target.name, attemptsOf(longer))
      return []
    })
    beginnings = beginnings.filter(({ target }) => !matches.has(target.name))
  }
  return { matches, isComplete }
}

/** Tensors whose rows have one form. */
interface Row {
  /** Their numbers of rows, those of most tensors first. */
  readonly lengths: readonly number[]
  /** By their number of rows and their digest. */
  readonly byDigest: ReadonlyMap<string, readonly TensorInfo[]>
}

function rowForm({ dtype, shape }: TensorInfo): string {
  return `${dtype} ${shape.slice(1).join(',')}`
}

function sourcesByRow(tensors: readonly TensorInfo[]): ReadonlyMap<string, Row> {
  const usable = tensors.filter(({ shape }) => shape.length > 0 && !shape.includes(0))
  const rows = new Map<string, Row>()
  for (const [form, own] of Map.groupBy(usable, rowForm)) {
    const counts = Map.groupBy(own, ({ shape }) => shape[0] ?? 0)
    const lengths = [...counts].toSorted((a, b) => b[1].length - a[1].length).map(([length]) => length)
    rows.set(form, {
      lengths: lengths.slice(0, MOST_LENGTHS),
      byDigest: Map.groupBy(own, ({ shape, digest }) => `${shape[0] ?? 0} ${digest.hex}`),
    })
  }
  return rows
}

/** Return the tensors that a tensor was found to be joined from; then the same with each equal one in the place of a part. */
function attemptsOf({ target, parts }: Beginning): Attempt[] {
  const first = parts.map((equal) => nearest(equal, target.name))
  const others = parts.flatMap((equal, index) =>
    equal.filter((tensor) => tensor !== first[index]).map((tensor) => first.with(index, tensor)),
  )
  return [first, ...others.slice(0, MOST_PARTS)].flatMap((sources) => {
    const present = sources.filter((tensor) => tensor !== undefined)
    const hypothesis = joined(present, target, 0, blockOf(target.dtype))
    return hypothesis === undefined ? [] : [{ hypothesis, rule: COPY }]
  })
}

/** Return the tensor that shares the longest beginning with a name. */
function nearest(tensors: readonly TensorInfo[], name: string): TensorInfo | undefined {
  const shared = (other: string): number => {
    let end = 0
    while (end < other.length && other[end] === name[end]) end++
    return end
  }
  return tensors.toSorted((a, b) => shared(b.name) - shared(a.name) || sizeOf(a) - sizeOf(b))[0]
}
