/** Patterns of ignored fields. */
import { LineaprintError } from '../core/errors.ts'

/**
 * Check whether a pattern matches a field. `*` stands for any characters, including dots, `?` for one; a
 * pattern that matches a field also matches everything nested under it.
 */
export function isIgnored(field: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => matches(pattern, field) || matches(`${pattern}.*`, field))
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

/**
 * Match a pattern. A regular expression with many stars could take exponential time; this takes at most the
 * product of both lengths.
 */
function matches(pattern: string, text: string): boolean {
  let at = 0
  let star = -1
  let resume = 0
  let position = 0
  while (position < text.length) {
    if (pattern[at] === '*') {
      star = at++
      resume = position
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[position])) {
      at++
      position++
    } else if (star >= 0) {
      at = star + 1
      position = ++resume
    } else return false
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}
