/**
 * Patterns of paths in the syntax of gitignore, matched against paths that need not exist. Matching takes at most the
 * product of the lengths of pattern and path.
 */
import { matchesTokens } from './glob.ts'

/** One element of a segment: any characters, one character, one of a set, or a literal. */
type Token =
  | { readonly kind: 'any' | 'one' }
  | {
      readonly kind: 'set'
      readonly negated: boolean
      readonly ranges: readonly (readonly [string, string])[]
    }
  | { readonly kind: 'literal'; readonly character: string }

/** Matches a path below a root, with `/` between segments. */
export type PathMatcher = (path: string) => boolean

/**
 * Return a function that checks whether patterns match a path, or a folder that contains it. The last pattern that
 * matches decides, and one that begins with `!` takes back earlier ones, also below a folder that they match.
 */
export function pathMatcher(patterns: readonly string[]): PathMatcher {
  const rules = patterns.map((pattern) => {
    const isNegated = pattern.startsWith('!')
    return { isNegated, matches: matcherOf(isNegated ? pattern.slice(1) : pattern) }
  })
  return (path) => rules.findLast(({ matches }) => matches(path))?.isNegated === false
}

function matcherOf(pattern: string): PathMatcher {
  const isFolder = pattern.endsWith('/')
  const body = pattern.replace(/^\//, '').replace(/\/$/, '')
  const isAnchored = pattern.startsWith('/') || body.includes('/')
  const segments = (isAnchored ? body : `**/${body}`)
    .split('/')
    .map((segment) => (segment === '**' ? '**' : tokensOf(segment)))
  return (path) => {
    const names = path.split('/')
    // A pattern that matches a folder matches everything in it.
    const longest = isFolder ? names.length - 1 : names.length
    return matchesPrefix(segments, names, longest)
  }
}

type Segment = readonly Token[] | '**'

/** Check whether the segments match the first names of a path, at least one and at most `longest` of them. */
function matchesPrefix(segments: readonly Segment[], names: readonly string[], longest: number): boolean {
  // The numbers of names that the segments so far can have matched, in ascending order.
  let reached = new Set([0])
  for (const segment of segments) {
    if (segment === '**') {
      const [least] = reached
      reached = new Set(
        Array.from({ length: longest - (least ?? longest) + 1 }, (_, index) => (least ?? 0) + index),
      )
      continue
    }
    const next = new Set<number>()
    for (const count of reached) {
      if (count < longest && matchesName(segment, names[count] ?? '')) next.add(count + 1)
    }
    if (next.size === 0) return false
    reached = next
  }
  reached.delete(0)
  return reached.size > 0
}

function tokensOf(segment: string): Token[] {
  const characters = Array.from(segment)
  const tokens: Token[] = []
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? ''
    const end = character === '[' ? characters.indexOf(']', at + 2) : -1
    if (character === '*') tokens.push({ kind: 'any' })
    else if (character === '?') tokens.push({ kind: 'one' })
    else if (end > 0) {
      tokens.push(setOf(characters.slice(at + 1, end)))
      at = end
    } else if (character === '\\' && at + 1 < characters.length)
      tokens.push({ kind: 'literal', character: characters[++at] ?? '' })
    else tokens.push({ kind: 'literal', character })
  }
  return tokens
}

function setOf(characters: readonly string[]): Token {
  const negated = characters[0] === '!' || characters[0] === '^'
  const members = negated ? characters.slice(1) : characters
  const ranges: (readonly [string, string])[] = []
  for (let at = 0; at < members.length; at++) {
    const from = members[at] ?? ''
    const isRange = members[at + 1] === '-' && at + 2 < members.length
    ranges.push([from, isRange ? (members[at + 2] ?? '') : from])
    if (isRange) at += 2
  }
  return { kind: 'set', negated, ranges }
}

function matchesName(tokens: readonly Token[], name: string): boolean {
  return matchesTokens(tokens, name, ({ kind }) => kind === 'any', matchesCharacter)
}

function matchesCharacter(token: Token, character: string): boolean {
  if (token.kind === 'literal') return token.character === character
  if (token.kind !== 'set') return true
  return token.ranges.some(([from, to]) => from <= character && character <= to) !== token.negated
}
