/**
 * A slow JSON reader that keeps information lost by `JSON.parse`: duplicate members, the digits of numbers,
 * and lone surrogates. Follows RFC 8259.
 */

/** A value as written. */
export type Json =
  | { readonly kind: 'object'; readonly members: readonly (readonly [Text, Json])[] }
  | { readonly kind: 'array'; readonly items: readonly Json[] }
  | Text
  | { readonly kind: 'number'; readonly digits: string }
  | { readonly kind: 'word' }

/** A string. A lone surrogate is not a character, so no Unicode text contains one. */
export interface Text {
  readonly kind: 'string'
  readonly value: string
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/** Parse one value and nothing after it. Throws a SyntaxError. */
export function readJson(text: string): Json {
  let at = 0
  const result = value()
  space()
  if (at < text.length) throw broken()
  return result

  function value(): Json {
    space()
    const next = text[at]
    if (next === '{') return object()
    if (next === '[') return array()
    if (next === '"') return string()
    const word = match(/true|false|null/y)
    if (word !== undefined) return { kind: 'word' }
    const digits = match(/-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y)
    if (digits !== undefined) return { kind: 'number', digits }
    throw broken()
  }

  function object(): Json {
    const members: (readonly [Text, Json])[] = []
    list('}', () => {
      space()
      const name = string()
      space()
      expect(':')
      members.push([name, value()])
    })
    return { kind: 'object', members }
  }

  function array(): Json {
    const items: Json[] = []
    list(']', () => items.push(value()))
    return { kind: 'array', items }
  }

  function list(end: string, item: () => void): void {
    at++
    space()
    if (text[at] === end) {
      at++
      return
    }
    for (;;) {
      item()
      space()
      if (text[at] !== ',') break
      at++
    }
    expect(end)
  }

  function string(): Text {
    expect('"')
    let made = ''
    for (;;) {
      const unescaped = match(/[^"\\\0-\x1f]+/y)
      if (unescaped !== undefined) made += unescaped
      if (text[at] === '"') {
        at++
        return { kind: 'string', value: made }
      }
      expect('\\')
      const letter = text[at] ?? ''
      at++
      if (letter === 'u') {
        const digits = match(/[0-9a-fA-F]{4}/y)
        if (digits === undefined) throw broken()
        made += String.fromCharCode(Number.parseInt(digits, 16))
      } else {
        const meant = ESCAPES[letter]
        if (meant === undefined) throw broken()
        made += meant
      }
    }
  }

  function space(): void {
    match(/[ \t\n\r]+/y)
  }

  function expect(character: string): void {
    if (text[at] !== character) throw broken()
    at++
  }

  function match(pattern: RegExp): string | undefined {
    pattern.lastIndex = at
    const matched = pattern.exec(text)?.[0]
    at += matched?.length ?? 0
    return matched
  }

  function broken(): SyntaxError {
    return new SyntaxError(`no JSON at character ${at}`)
  }
}

/**
 * Return the members of an object with distinct names of Unicode text. Throws a SyntaxError for anything
 * else.
 */
export function membersOf(json: Json | undefined): Map<string, Json> {
  if (json?.kind !== 'object') throw new SyntaxError('not an object')
  const members = new Map<string, Json>()
  for (const [name, value] of json.members) {
    const key = textOf(name)
    if (members.has(key)) throw new SyntaxError('a name comes twice')
    members.set(key, value)
  }
  return members
}

/** Return a string of Unicode text. Throws a SyntaxError for anything else. */
export function textOf(json: Json | undefined): string {
  if (json?.kind !== 'string' || !json.value.isWellFormed()) throw new SyntaxError('not a text')
  return json.value
}

/** Return an unsigned 64-bit integer. Throws a SyntaxError for anything else. */
export function integerOf(json: Json | undefined): bigint {
  if (json?.kind !== 'number' || !/^[0-9]+$/.test(json.digits)) throw new SyntaxError('not a whole number')
  const number = BigInt(json.digits)
  if (number >= 1n << 64n) throw new SyntaxError('beyond 64 bits')
  return number
}

/** Return the items of an array. Throws a SyntaxError for anything else. */
export function itemsOf(json: Json | undefined): readonly Json[] {
  if (json?.kind !== 'array') throw new SyntaxError('not an array')
  return json.items
}
