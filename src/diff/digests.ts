/** Comparison of logged digests of two runs, and the step at which they diverge. */
import { ownProperty } from './captures.ts'
import { orderDetail } from './sample-order.ts'
import { withoutOrigin } from '../record/series-keys.ts'
import { plural } from '../util/plural.ts'
import { NO_STEPS, positionOf, stepsDetail } from './metrics.ts'
import type { DigestRecord, RunRecord } from '../record/record.ts'
import type { NotCompared, RunDifference } from './causes.ts'
import type { Divergence, Merge, StepsDiff } from '../compare/metric-steps.ts'

/** The comparison of one logged digest. */
export interface DigestDiff extends Pick<StepsDiff<string>, 'onlyBefore' | 'onlyAfter'> {
  readonly name: string
  /** True if all values could be compared and are equal. */
  readonly same: boolean
  /** Digests of the first run; `null` if it logged none of that name. */
  readonly before: DigestRecord | null
  readonly after: DigestRecord | null
  /** The first divergence; `null` if all digests at common steps are equal. */
  readonly divergence: Divergence<string> | null
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
  { digests: digestsBefore = {} }: RunRecord,
  { digests: digestsAfter = {} }: RunRecord,
  merges: ReadonlyMap<string, Merge<string>> | undefined,
): { digests: DigestDiff[]; notCompared: NotCompared[] } {
  const names = [...new Set([...Object.keys(digestsBefore), ...Object.keys(digestsAfter)])].toSorted()
  const notCompared: NotCompared[] = []
  const digests = names.map((name) => {
    const [before, after] = [
      ownProperty(digestsBefore, name) ?? null,
      ownProperty(digestsAfter, name) ?? null,
    ]
    const { divergence, onlyBefore, onlyAfter, incomparable } = merges?.get(name)?.end() ?? NO_STEPS
    if (incomparable > 0) {
      const reason = `${plural(incomparable, 'digest is', 'digests are')} of different kinds or hash functions`
      notCompared.push({ field: `digests.${name}`, reason })
    }
    const same =
      divergence === null &&
      onlyBefore === 0 &&
      onlyAfter === 0 &&
      JSON.stringify(withoutOrigin(before ?? undefined)) === JSON.stringify(withoutOrigin(after ?? undefined))
    return { name, same, before, after, divergence, onlyBefore, onlyAfter }
  })
  return { digests, notCompared }
}

/** Return the differing digests as fields, with the values of the first differing step. */
export function digestFields(digests: readonly DigestDiff[]): Omit<RunDifference, 'cause'>[] {
  return digests.filter(isDifferent).map(({ name, before, after, divergence, ...counts }) => {
    const [valueBefore, valueAfter] = [divergence?.before ?? before?.last, divergence?.after ?? after?.last]
    const order = divergence && orderDetail(name, divergence.step, digests)
    const position = order ?? (divergence && `the digests diverge at ${positionOf(divergence)}`)
    return {
      field: `digests.${name}`,
      ...(valueBefore !== undefined && { before: valueBefore }),
      ...(valueAfter !== undefined && { after: valueAfter }),
      ...(before && after && { detail: stepsDetail(position, counts) }),
    }
  })
}

/**
 * Check whether digests differ. Digests that cannot be compared are not the same, but no difference either.
 */
function isDifferent({ same, before, after, divergence, onlyBefore, onlyAfter }: DigestDiff): boolean {
  if (same) return false
  if (!before || !after || divergence !== null || onlyBefore + onlyAfter > 0) return true
  return equalDigests(before.last, after.last) === false || before.count !== after.count
}
