/**
 * A strict JSON parser.
 *
 * `JSON.parse` lets the last of two equal keys win and rounds large numbers without a word, so two different
 * files could have one digest. Here equal keys and numbers beyond a double are errors, an integer that loses
 * digits is reported, and `NaN`, `Infinity` and `-Infinity`, which Python writes, are understood.
 * Objects become Maps: `__proto__` is a legal key.
 *
 * For each kind of document one parser decides what is accepted and what it means:
 *
 * - This one for configurations and tokenizers of models, manifests and files of options ({@link parseJson}), and for
 *   records, lists of tensors and parts of a digest, which have no `NaN` ({@link parseStandardJson}). The addon has the
 *   same rules for the canonical bytes of a document (`model/document.ts`): it may only take what this parser takes, with
 *   the same bytes, and what it does not take is parsed here. A property test compares the two. The list of runs reads
 *   a record that nothing depends on with `JSON.parse`, which is faster; whatever else is done with a run parses it here.
 * - The addon alone for headers of safetensors and their `index.json`.
 * - `JSON.parse` for what belongs to another program, which reads it so or wrote it for this process: files of npm, Bun
 *   and Pipenv, answers of programs and servers, messages of the Python bridge; and for lines of the journal, each of
 *   which is written and read by this package and checked by a schema.
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
 * Parse a JSON document, in which numbers may also be `NaN`, `Infinity` and `-Infinity`.
 *
 * @param source UTF-8 bytes or text.
 * @param path The file it came from, for errors.
 * @throws ERR_LINEAPRINT_FORMAT.
 */
export function parseJson(source: Uint8Array | string, path?: string): ParsedDocument {
  return new Parser(textOf(source, path), path, WORDS).document()
}

/**
 * Parse a JSON document of RFC 8259 into arrays and objects, with `__proto__` as a member like others. An integer whose
 * digits a double does not keep is rounded.
 *
 * @param source UTF-8 bytes or text.
 * @param path The file it came from, for errors.
 * @throws ERR_LINEAPRINT_FORMAT, also for two equal keys in one object.
 */
export function parseStandardJson(source: Uint8Array | string, path?: string): unknown {
  return toObjects(new Parser(textOf(source, path), path, STANDARD_WORDS).document().value)
}

/** Make objects of the Maps of a parsed value. */
export function toObjects(value: ParsedJson): unknown {
  if (Array.isArray(value)) return value.map(toObjects)
  if (!(value instanceof Map)) return value
  const object: Record<string, unknown> = {}
  for (const [key, member] of value) {
    // An assignment to this name would set the prototype.
    if (key === '__proto__') {
      const descriptor = { value: toObjects(member), enumerable: true, writable: true, configurable: true }
      Object.defineProperty(object, key, descriptor)
    } else object[key] = toObjects(member)
  }
  return object
}

function textOf(source: Uint8Array | string, path: string | undefined): string {
  return typeof source === 'string' ? source : decode(source, path)
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
  readonly #words: Words
  readonly #lossy: string[] = []
  #at = 0

  constructor(text: string, path: string | undefined, words: Words) {
    this.#text = text
    this.#path = path
    this.#words = words
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
    for (const [word, value] of this.#words) {
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
          `the key ${JSON.stringify(key)} appears twice in one object`,
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
      throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'the number is too large for a double', {
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

type Words = readonly (readonly [string, ParsedJson])[]

const STANDARD_WORDS: Words = [
  ['true', true],
  ['false', false],
  ['null', null],
]

const WORDS: Words = [...STANDARD_WORDS, ['NaN', NaN], ['Infinity', Infinity], ['-Infinity', -Infinity]]
