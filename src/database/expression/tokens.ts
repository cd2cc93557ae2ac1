/** The words of an expression, with their positions. */
import { LineaprintError } from '../../core/errors.ts'

/** One token. Columns count characters from 1. */
export interface Token {
  readonly kind: 'word' | 'text' | 'number' | 'symbol' | 'end'
  /** The text; of a word in parts that dots separate, `parts` has each. */
  readonly text: string
  readonly parts: readonly string[]
  readonly column: number
}

/** Longer expressions are refused. */
const LENGTH_LIMIT = 10_000

const SYMBOL = /(?:<=|>=|!=|==|[=<>~(),])/y
const NUMBER = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\p{L}\p{N}_])/uy
const SPECIAL = /[+-]?(?:inf|nan)(?![\p{L}\p{N}_./:@%+-])/uy
/** A part of a word: what names of metrics and parameters commonly have. */
const PART = /[\p{L}_][\p{L}\p{N}_/:@%+-]*|\p{N}[\p{L}\p{N}_/:@%+-]*/uy

/** Return the error of an expression at a column. */
export function expressionError(
  source: string,
  column: number,
  problem: string,
  hint?: string,
): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `column ${column}: ${problem}`, {
    field: 'where',
    received: excerpt(source, column),
    ...(hint !== undefined && { hint }),
  })
}

/** Return the expression around a column, with an arrow before it. */
function excerpt(source: string, column: number): string {
  const characters = Array.from(source)
  const at = column - 1
  const before = characters.slice(Math.max(0, at - 30), at).join('')
  return `${at > 30 ? '…' : ''}${before}→${characters.slice(at, at + 30).join('')}${characters.length > at + 30 ? '…' : ''}`
}

/**
 * Split an expression.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT naming the column of what is no token.
 */
export function tokensOf(source: string): Token[] {
  if (source.length > LENGTH_LIMIT)
    throw expressionError(source.slice(0, 60), 1, `an expression has at most ${LENGTH_LIMIT} characters`)
  const tokens: Token[] = []
  let at = 0
  let [counted, characters] = [0, 0]
  /** Count on from the last token: from the start each time, a long expression would take the square of its length. */
  const columnAt = (index: number): number => {
    if (index < counted) [counted, characters] = [0, 0]
    for (const _ of source.slice(counted, index)) characters++
    counted = index
    return characters + 1
  }
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(source)?.[0]
  }
  const quoted = (): string => {
    const quote = source[at]
    let text = ''
    for (let end = at + 1; end < source.length; end++) {
      if (source[end] === '\\' && end + 1 < source.length) text += source[++end]
      else if (source[end] === quote) {
        at = end + 1
        return text
      } else text += source[end]
    }
    throw expressionError(source, columnAt(at), 'the text has no end', 'close the quotation mark')
  }
  const word = (): string[] => {
    const parts: string[] = []
    do {
      if (parts.length > 0) at++
      const start = at
      if (source[at] === '"' || source[at] === "'") parts.push(quoted())
      else {
        const part = match(PART)
        if (part === undefined)
          throw expressionError(source, columnAt(start), 'a name is expected after the dot')
        parts.push(part)
        at += part.length
      }
    } while (source[at] === '.')
    return parts
  }
  for (;;) {
    at += /^\s*/.exec(source.slice(at))?.[0].length ?? 0
    const column = columnAt(at)
    const head = source[at]
    if (head === undefined) return [...tokens, { kind: 'end', text: '', parts: [], column }]
    if (head === '"' || head === "'") {
      const text = quoted()
      tokens.push({ kind: 'text', text, parts: [], column })
      continue
    }
    const fixed = match(SYMBOL)
    const number = fixed === undefined ? (match(NUMBER) ?? match(SPECIAL)) : undefined
    const text = fixed ?? number
    if (text !== undefined) {
      tokens.push({ kind: fixed === undefined ? 'number' : 'symbol', text, parts: [], column })
      at += text.length
      continue
    }
    if (match(PART) === undefined)
      throw expressionError(
        source,
        column,
        `unexpected ${JSON.stringify(String.fromCodePoint(source.codePointAt(at) ?? 0))}`,
      )
    const parts = word()
    tokens.push({ kind: 'word', text: parts.join('.'), parts, column })
  }
}
