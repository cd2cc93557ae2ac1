/** Compares two looks at a repository. */
import { Digest } from '../../core/digest.ts'
import { compareFields } from '../fields.ts'
import { gitFieldMap, gitDigestFields } from './digest-fields.ts'
import type { JsonObject } from '../../core/json-value.ts'
import type { Captured, Comparison } from '../../core/component.ts'

/** Compares the stable fields. Captures with different hash functions are compared as far as that is possible. */
export function compareGit(before: Captured, after: Captured): Comparison {
  const [was, is] = [before.value['available'] === true, after.value['available'] === true]
  if (!was && !is) return { status: 'same', differences: [] }
  if (!is) return { status: 'missing', reason: reason(after.value), differences: [] }
  if (!was) {
    const difference = { field: 'available', before: reason(before.value), after: 'a repository' }
    return { status: 'changed', reason: 'there was nothing to compare with', differences: [difference] }
  }
  const algorithm = Digest.parse(before.digest).algorithm
  if (algorithm !== Digest.parse(after.digest).algorithm && usesDigests(before.value, after.value)) {
    return {
      status: 'not-checked',
      reason: 'the contents were hashed with different hash functions',
      differences: [],
    }
  }
  return compareFields(
    before,
    after,
    gitFieldMap(gitDigestFields(before.value, algorithm)),
    gitFieldMap(gitDigestFields(after.value, algorithm)),
  )
}

/** Whether any plain digest is among the fields; without one the hash function does not matter. */
function usesDigests(...values: readonly JsonObject[]): boolean {
  return values.some(({ changed, untracked }) =>
    [changed, untracked].some((list) => Array.isArray(list) && list.length > 0),
  )
}

function reason(value: JsonObject): string {
  const given = value['reason']
  return typeof given === 'string' ? given : 'no reason is recorded'
}
