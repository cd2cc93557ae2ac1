/** Comparison of two captures of a repository. */
import { parseRecordedDigest } from '../../record/recorded-digest.ts'
import { compareFields } from '../compare-fields.ts'
import { gitDigestFields, gitFieldMap } from './digest-fields.ts'
import { parseGitCapture } from './parse.ts'
import type { Captured, Comparison } from '../../core/component.ts'
import type { RepositoryCapture } from './types.ts'

/** Compare the digest fields. Captures with different hash functions are compared as far as possible. */
export function compareGit(before: Captured, after: Captured): Comparison {
  const [recorded, current] = [parseGitCapture(before.value), parseGitCapture(after.value)]
  if (!recorded.available) {
    if (!current.available) return { status: 'same', differences: [] }
    const difference = { field: 'available', before: recorded.reason, after: 'a repository' }
    return { status: 'changed', reason: 'one side has no repository', differences: [difference] }
  }
  if (!current.available) return { status: 'missing', reason: current.reason, differences: [] }
  const algorithm = parseRecordedDigest(before.digest, 'captures.git.digest').algorithm
  if (
    algorithm !== parseRecordedDigest(after.digest, 'captures.git.digest').algorithm &&
    usesDigests(recorded, current)
  ) {
    return {
      status: 'not-checked',
      reason: 'the digests use different hash functions',
      differences: [],
    }
  }
  return compareFields(
    before,
    after,
    gitFieldMap(gitDigestFields(recorded, algorithm)),
    gitFieldMap(gitDigestFields(current, algorithm)),
  )
}

/** Return whether the fields include any plain digest; otherwise the hash function does not matter. */
function usesDigests(...values: readonly RepositoryCapture[]): boolean {
  return values.some(({ changed, untracked }) => changed.length > 0 || untracked.length > 0)
}
