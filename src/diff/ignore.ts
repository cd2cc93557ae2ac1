/** Patterns of ignored fields. */
import { LineaprintError } from '../core/errors.ts'
import { matchesGlob } from '../util/glob.ts'

/**
 * Check whether a pattern matches a field. `*` stands for any characters, including dots, `?` for one; a
 * pattern that matches a field also matches everything nested under it.
 */
export function isIgnored(field: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => matchesGlob(pattern, field) || matchesGlob(`${pattern}.*`, field))
}

/** Reject patterns that must be a mistake. */
export function checkPatterns(patterns: readonly string[]): readonly string[] {
  for (const pattern of patterns) {
    if (typeof pattern === 'string' && pattern !== '') continue
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'invalid field pattern', {
      field: 'ignore',
      expected: 'for example environment.npm.packages.*',
      received: JSON.stringify(pattern),
    })
  }
  return patterns
}
