/** Comparison of two captures of a repository. */
import { parseRecordedDigest } from '../../record/recorded-digest.ts'
import { compareFields } from '../compare-fields.ts'
import { gitDigestFields, gitFieldMap } from './digest-fields.ts'
import { isKnownAbsence } from './absence.ts'
import { nestedFields } from './nested-fields.ts'
import { parseGitCapture } from './parse.ts'
import { workTreeFields } from './work-tree-fields.ts'
import type { Captured, Comparison } from '../../core/component.ts'
import type { RepositoryCapture } from './types.ts'

/**
 * Compare the digest fields, and the files inside submodules and nested repositories. Captures with different hash
 * functions are compared as far as possible. Two captures without a repository saw no code, so they are not equal.
 */
export function compareGit(before: Captured, after: Captured): Comparison {
  const [recorded, current] = [parseGitCapture(before.value), parseGitCapture(after.value)]
  if (!recorded.available) {
    if (!current.available) {
      const reasons = new Set([recorded.reason, current.reason])
      return {
        status: 'not-checked',
        reason: `no code was captured: ${[...reasons].join('; ')}`,
        differences: [],
      }
    }
    if (!isKnownAbsence(recorded))
      return { status: 'not-checked', reason: `no code was captured: ${recorded.reason}`, differences: [] }
    const difference = { field: 'available', before: recorded.reason, after: 'a repository' }
    return {
      status: 'changed',
      reason: `one side saw no code: ${recorded.reason}`,
      differences: [difference],
    }
  }
  if (!current.available) {
    const status = isKnownAbsence(current) ? 'missing' : 'not-checked'
    return { status, reason: current.reason, differences: [] }
  }
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
  const nested = nestedFields(recorded, current, algorithm)
  const files = workTreeFields(recorded, current)
  const [fieldsBefore, fieldsAfter] = ([recorded, current] as const).map((value, index) => {
    const own = [...gitFieldMap(gitDigestFields(value, algorithm))]
    return new Map([
      ...own.filter(([field]) => !files.unchanged.has(field)),
      ...(nested.fields[index] ?? []),
      ...(files.fields[index] ?? []),
    ])
  })
  // The digest of the capture covers a change that is none.
  const present = files.unchanged.size === 0 ? after : { ...after, digest: before.digest }
  return compareFields(before, present, fieldsBefore ?? new Map(), fieldsAfter ?? new Map(), [
    ...nested.notChecked,
    ...files.notChecked,
  ])
}

/** Return whether the fields include any plain digest; otherwise the hash function does not matter. */
function usesDigests(...values: readonly RepositoryCapture[]): boolean {
  return values.some(
    ({ changed, untracked, submodules }) =>
      changed.length > 0 || untracked.length > 0 || submodules.some(({ content }) => content !== undefined),
  )
}
