/** Logged digests of two runs, and the step at which they part. */
import { own } from './captures.ts'
import { NO_STEPS, placeOf, stepsDetail } from './metrics.ts'
import type { DigestRecord, RunRecord } from '../record/record.ts'
import type { NotCompared, RunDifference } from './causes.ts'
import type { Merge, Parting, StepsDiff } from '../compare/metric-steps.ts'

/** One logged digest of two runs. */
export interface DigestDiff extends Pick<StepsDiff<string>, 'onlyBefore' | 'onlyAfter'> {
  readonly name: string
  /** Whether all could be compared and are equal. */
  readonly same: boolean
  /** `null` if the run logged none of that name. */
  readonly before: DigestRecord | null
  readonly after: DigestRecord | null
  /** `null` if none differs where both runs have one. */
  readonly parting: Parting<string> | null
}

/** Digests of another kind, plan or hash function are neither equal nor different. */
export function equalDigests(a: string, b: string): boolean | undefined {
  return typeOf(a) === typeOf(b) ? a === b : undefined
}

function typeOf(digest: string): string {
  return digest.slice(0, digest.lastIndexOf(':'))
}

/**
 * Compares all logged digests of two records.
 *
 * @param merges The digests of each name by their steps; absent where a journal is gone.
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

/** The digests that differ, as fields: those of the first step at which they do. */
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

/** Digests that cannot be compared are not the same, and no difference either. */
function isDifferent({ same, before, after, parting, onlyBefore, onlyAfter }: DigestDiff): boolean {
  if (same) return false
  if (!before || !after || parting !== null || onlyBefore + onlyAfter > 0) return true
  return equalDigests(before.last, after.last) === false || before.count !== after.count
}
