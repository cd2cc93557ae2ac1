/** Comparison of logged digests of two runs, and the step at which they diverge. */
import { own } from './captures.ts'
import { NO_STEPS, placeOf, stepsDetail } from './metrics.ts'
import type { DigestRecord, RunRecord } from '../record/record.ts'
import type { NotCompared, RunDifference } from './causes.ts'
import type { Merge, Parting, StepsDiff } from '../compare/metric-steps.ts'

/** The comparison of one logged digest. */
export interface DigestDiff extends Pick<StepsDiff<string>, 'onlyBefore' | 'onlyAfter'> {
  readonly name: string
  /** True if all values could be compared and are equal. */
  readonly same: boolean
  /** Digests of the first run; `null` if it logged none of that name. */
  readonly before: DigestRecord | null
  readonly after: DigestRecord | null
  /** The first divergence; `null` if all digests at common steps are equal. */
  readonly parting: Parting<string> | null
}

/** Compare two digests; `undefined` if they differ in kind, sampling plan or hash function. */
export function equalDigests(a: string, b: string): boolean | undefined {
  return typeOf(a) === typeOf(b) ? a === b : undefined
}

function typeOf(digest: string): string {
  return digest.slice(0, digest.lastIndexOf(':'))
}

/**
 * Compare all logged digests of two records.
 *
 * @param merges The joined digests by name; absent if a journal is missing.
 */
export function diffDigests(
  { digests: was = {} }: RunRecord,
  { digests: is = {} }: RunRecord,
  merges: ReadonlyMap<string, Merge<string>> | undefined,
): { digests: DigestDiff[]; notCompared: NotCompared[] } {
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].toSorted()
  const notCompared: NotCompared[] = []
  const digests = names.map((name) => {
    const [before, after] = [own(was, name) ?? null, own(is, name) ?? null]
    const { parting, onlyBefore, onlyAfter, incomparable } = merges?.get(name)?.end() ?? NO_STEPS
    if (incomparable > 0) {
      const reason = `${incomparable} digests are of different kinds or hash functions`
      notCompared.push({ field: `digests.${name}`, reason })
    }
    const same =
      parting === null &&
      onlyBefore === 0 &&
      onlyAfter === 0 &&
      JSON.stringify(before) === JSON.stringify(after)
    return { name, same, before, after, parting, onlyBefore, onlyAfter }
  })
  return { digests, notCompared }
}

/** Return the differing digests as fields, with the values of the first differing step. */
export function digestFields(digests: readonly DigestDiff[]): Omit<RunDifference, 'cause'>[] {
  return digests.filter(isDifferent).map(({ name, before, after, parting, ...counts }) => {
    const [was, is] = [parting?.before ?? before?.last, parting?.after ?? after?.last]
    const place = parting && `the digests diverge at ${placeOf(parting)}`
    return {
      field: `digests.${name}`,
      ...(was !== undefined && { before: was }),
      ...(is !== undefined && { after: is }),
      ...(before && after && { detail: stepsDetail(place, counts) }),
    }
  })
}

/**
 * Check whether digests differ. Digests that cannot be compared are not the same, but no difference either.
 */
function isDifferent({ same, before, after, parting, onlyBefore, onlyAfter }: DigestDiff): boolean {
  if (same) return false
  if (!before || !after || parting !== null || onlyBefore + onlyAfter > 0) return true
  return equalDigests(before.last, after.last) === false || before.count !== after.count
}
