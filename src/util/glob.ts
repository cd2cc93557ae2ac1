/** Patterns with `*` for any characters and `?` for one. */

/**
 * Match a pattern. A regular expression with many stars could take exponential time; this takes at most the
 * product of both lengths.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const [wanted, given] = [Array.from(pattern), Array.from(text)]
  let at = 0
  let star = -1
  let resume = 0
  let position = 0
  while (position < given.length) {
    if (wanted[at] === '*') {
      star = at++
      resume = position
    } else if (at < wanted.length && (wanted[at] === '?' || wanted[at] === given[position])) {
      at++
      position++
    } else if (star >= 0) {
      at = star + 1
      position = ++resume
    } else return false
  }
  while (wanted[at] === '*') at++
  return at === wanted.length
}
