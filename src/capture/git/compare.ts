/** Comparison of two captures of a repository. */
import { Digest } from '../../core/digest.ts'
import { compareFields } from '../compare-fields.ts'
import { gitDigestFields, gitFieldMap } from './digest-fields.ts'
import { parseGitCapture } from './parse.ts'
import type { Captured, Comparison } from '../../core/component.ts'
import type { RepositoryCapture } from './types.ts'

/** Compare the digest fields. Captures with different hash functions are compared as far as that is possible. */
export function compareGit(before: Captured, after: Captured): Comparison {
  const [was, is] = [parseGitCapture(before.value), parseGitCapture(after.value)]
  if (!was.available) {
    if (!is.available) return { status: 'same', differences: [] }
    const difference = { field: 'available', before: was.reason, after: 'a repository' }
    return { status: 'changed', reason: 'one side has no repository', differences: [difference] }
  }
  if (!is.available) return { status: 'missing', reason: is.reason, differences: [] }
  const algorithm = Digest.parse(before.digest).algorithm
  if (algorithm !== Digest.parse(after.digest).algorithm && usesDigests(was, is)) {
    return {
      status: 'not-checked',
      reason: 'the digests use different hash functions',
      differences: [],
    }
  }
  return compareFields(
    before,
    after,
    gitFieldMap(gitDigestFields(was, algorithm)),
    gitFieldMap(gitDigestFields(is, algorithm)),
  )
}

/** Tell whether any plain digest is among the fields; without one the hash function does not matter. */
function usesDigests(...values: readonly RepositoryCapture[]): boolean {
  return values.some(({ changed, untracked }) => changed.length > 0 || untracked.length > 0)
}
