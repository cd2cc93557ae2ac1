/** Patterns with `*` for any characters and `?` for one. */

/**
 * Match a text with the tokens of a pattern. A regular expression with many stars could take exponential time; this takes
 * at most the product of both lengths.
 *
 * @param isAny Returns whether a token stands for any characters, or none.
 * @param matches Returns whether another token stands for a character.
 */
export function matchesTokens<T>(
  tokens: readonly T[],
  text: string,
  isAny: (token: T) => boolean,
  matches: (token: T, character: string) => boolean,
): boolean {
  const characters = Array.from(text)
  let [at, position, star, resume] = [0, 0, -1, 0]
  while (position < characters.length) {
    const token = tokens[at]
    if (token !== undefined && isAny(token)) {
      star = at++
      resume = position
    } else if (token !== undefined && matches(token, characters[position] ?? '')) {
      at++
      position++
    } else if (star >= 0) {
      at = star + 1
      position = ++resume
    } else return false
  }
  return tokens.slice(at).every(isAny)
}

/** Match a pattern. */
export function matchesGlob(pattern: string, text: string): boolean {
  return matchesTokens(
    Array.from(pattern),
    text,
    (token) => token === '*',
    (token, character) => token === '?' || token === character,
  )
}
