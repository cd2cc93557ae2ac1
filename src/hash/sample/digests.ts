/** Digests of sampled data. */
import { toDigests } from '../../core/digest.ts'
import { writePlan } from '../../core/sample-plan.ts'
import type { Digests, RawDigests } from '../../core/digest.ts'
import type { NativeExtent } from '../../native/load.ts'
import type { SamplePlan, Sampled } from '../../core/sample-plan.ts'

/**
 * Return `sampled` digests with their plan, or the ordinary digests of their kind if the plan read
 * everything.
 */
export function sampleDigests(of: Sampled, plan: SamplePlan, extent: NativeExtent, raw: RawDigests): Digests {
  if (extent.sampled) return toDigests(raw, 'sampled', 0, writePlan(of, plan))
  return toDigests(raw, of === 'file' ? undefined : of)
}
