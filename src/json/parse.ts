/**
 * A strict JSON parser for files that enter a digest.
 *
 * `JSON.parse` lets the last of two equal keys win and rounds large numbers without a word, so two different
 * files could have one digest. Here equal keys and numbers beyond a double are errors, an integer that loses
 * digits is reported, and `NaN`, `Infinity` and `-Infinity`, which Python writes, are understood.
 * Objects become Maps: `__proto__` is a legal key.
 */
import { LineaprintError } from '../core/errors.ts'

/** A parsed value. */
export type ParsedJson = null | boolean | number | string | ParsedJson[] | Map<string, ParsedJson>

/** A parsed document. */
export interface ParsedDocument {
  readonly value: ParsedJson
  /** Integers as written whose digits a double does not keep. */
  readonly lossyIntegers: readonly string[]
}

/** Nesting deeper than this is refused: no configuration is, and a stack has an end. */
const DEPTH_LIMIT = 512

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y
const PLAIN = /[^"\\\u0000-\u001f]*/y

/**
 * Parses a JSON document.
 *
 * @param source UTF-8 bytes or text.
 * @param path The file it came from, for errors.
 */
export function parseJson(source: Uint8Array | string, path?: string): ParsedDocument {
  const parser = new Parser(typeof source === 'string' ? source : decode(source, path), path)
  return parser.document()
}

function decode(bytes: Uint8Array, path: string | undefined): string {
  try {
    // A byte order mark is not JSON; Python refuses it as well.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'it is not UTF-8', { path, cause })
  }
}

class Parser {
  readonly #text: string
  readonly #path: string | undefined
  readonly #lossy: string[] = []
  #at = 0

  constructor(text: string, path: string | undefined) {
    this.#text = text
    this.#path = path
  }

  document(): ParsedDocument {
    const value = this.#value(0)
    this.#space()
    if (this.#at < this.#text.length) this.#fail('the end')
    return { value, lossyIntegers: this.#lossy }
  }

  #value(depth: number): ParsedJson {
    if (depth > DEPTH_LIMIT) this.#fail(`at most ${DEPTH_LIMIT} levels`)
    this.#space()
    const character = this.#text[this.#at]
    if (character === '{') return this.#object(depth)
    if (character === '[') return this.#array(depth)
    if (character === '"') return this.#string()
    // Numbers are many and words are few; `-Infinity` is the one word that starts like a number.
    if (character !== undefined && '-0123456789'.includes(character) && this.#text[this.#at + 1] !== 'I') {
      return this.#number()
    }
    for (const [word, value] of WORDS) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length
        return value
      }
    }
    return this.#fail('a value')
  }

  #object(depth: number): Map<string, ParsedJson> {
    const members = new Map<string, ParsedJson>()
    this.#at++
    this.#space()
    if (this.#take('}')) return members
    for (;;) {
      this.#space()
      if (this.#text[this.#at] !== '"') this.#fail('a key in quotes')
      const key = this.#string()
      if (members.has(key)) {
        throw new LineaprintError(
          'ERR_LINEAPRINT_FORMAT',
          `the key ${JSON.stringify(key)} stands twice in one object`,
          {
            path: this.#path,
            field: key,
          },
        )
      }
      this.#space()
      if (!this.#take(':')) this.#fail("':'")
      members.set(key, this.#value(depth + 1))
      this.#space()
      if (this.#take('}')) return members
      if (!this.#take(',')) this.#fail("',' or '}'")
    }
  }

  #array(depth: number): ParsedJson[] {
    const items: ParsedJson[] = []
    this.#at++
    this.#space()
    if (this.#take(']')) return items
    for (;;) {
      items.push(this.#value(depth + 1))
      this.#space()
      if (this.#take(']')) return items
      if (!this.#take(',')) this.#fail("',' or ']'")
    }
  }

  #string(): string {
    const start = this.#at++
    for (let first = true; ; first = false) {
      PLAIN.lastIndex = this.#at
      PLAIN.test(this.#text)
      this.#at = PLAIN.lastIndex
      const character = this.#text[this.#at]
      // Most strings have no escape and are what stands between the quotes.
      if (character === '"' && first) return this.#text.slice(start + 1, this.#at++)
      if (character === '"') break
      if (character !== '\\') this.#fail('the end of a string')
      this.#at += 2
    }
    this.#at++
    const raw = this.#text.slice(start, this.#at)
    try {
      // The extent is known; the escapes are the platform's business.
      return JSON.parse(raw) as string
    } catch {
      this.#at = start
      return this.#fail('a valid string')
    }
  }

  #number(): number {
    NUMBER.lastIndex = this.#at
    const match = NUMBER.exec(this.#text)
    if (!match) return this.#fail('a value')
    const [written, fraction, exponent] = match
    const value = Number(written)
    if (!Number.isFinite(value)) {
      throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'a number is beyond a double', {
        path: this.#path,
        expected: 'at most 1.8e308',
        received: written.slice(0, 40),
      })
    }
    this.#at += written.length
    const integer = fraction === undefined && exponent === undefined
    if (integer && !Number.isSafeInteger(value) && BigInt(written) !== BigInt(value))
      this.#lossy.push(written)
    return value
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at++
    }
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #fail(expected: string): never {
    const line = this.#text.slice(0, this.#at).split('\n')
    const received = this.#text[this.#at]
    throw new LineaprintError(
      'ERR_LINEAPRINT_FORMAT',
      `it is not JSON at line ${line.length}, column ${(line.at(-1)?.length ?? 0) + 1}`,
      {
        path: this.#path,
        expected,
        received: received === undefined ? 'the end' : JSON.stringify(received),
      },
    )
  }
}

const WORDS: readonly (readonly [string, ParsedJson])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]
