/**
 * A strict JSON parser.
 *
 * `JSON.parse` silently keeps the last of two equal keys and rounds large numbers, so two different files
 * could have the same digest. Here, equal keys and numbers beyond a double are errors, an integer that loses
 * digits is reported, and `NaN`, `Infinity` and `-Infinity`, which Python writes, are accepted. Objects
 * become Maps, because `__proto__` is a valid key.
 *
 * For each kind of document exactly one parser decides what is accepted and what it means:
 *
 * - This parser, for configurations and tokenizers of models, manifests and option files ({@link parseJson}),
 *   and for records, tensor lists and parts of a digest, which have no `NaN` ({@link parseStandardJson}). The
 *   addon implements the same rules for the canonical bytes of a document (`model/document.ts`): it may
 *   accept only documents that this parser accepts, and must return the same bytes. Documents that it does
 *   not accept are parsed here. A property test compares the two. The list of runs reads records with
 *   `JSON.parse`, which is faster, because nothing depends on that result; every other operation on a run
 *   parses its record here.
 * - The addon alone, for headers of safetensors and their `index.json`.
 * - `JSON.parse`, for data of another program, which reads it in the same way or wrote it for this process:
 *   files of npm, Bun and Pipenv, responses of programs and servers, messages of the Python bridge; and for
 *   lines of the journal, each of which is written and read by this package and checked by a schema.
 */
import { LineaprintError } from '../core/errors.ts'
import { decodeText, withoutByteOrderMark } from '../util/text-encoding.ts'

/** A parsed value. */
export type ParsedJson = null | boolean | number | string | ParsedJson[] | Map<string, ParsedJson>

/** A parsed document. */
export interface ParsedDocument {
  readonly value: ParsedJson
  /** Integers, as written, that a double cannot represent exactly. */
  readonly lossyIntegers: readonly string[]
  /** The keys of objects whose numbers are beyond a double, with `beyondDouble: 'keep'`; the values are as written. */
  readonly beyondDouble: ReadonlyMap<ParsedJson, readonly string[]>
}

/** Options of {@link parseJson}. */
export interface ParseOptions {
  /** `keep`: a number that is beyond a double becomes the text as which it is written. @default 'refuse' */
  readonly beyondDouble?: 'refuse' | 'keep'
}

/**
 * Limit of the nesting depth. No real configuration is deeper, and the parser is recursive, so that the stack
 * limits it.
 */
const DEPTH_LIMIT = 512

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y
const UNESCAPED = /[^"\\\u0000-\u001f]*/y

/**
 * Parse a JSON document, in which numbers may also be `NaN`, `Infinity` and `-Infinity`.
 *
 * @param source UTF-8 bytes or text.
 * @param path The file it came from, for errors.
 * @throws ERR_LINEAPRINT_FORMAT.
 */
export function parseJson(
  source: Uint8Array | string,
  path?: string,
  options: ParseOptions = {},
): ParsedDocument {
  return new Parser(textOf(source, path), path, WORDS, options).document()
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

/** Convert the Maps of a parsed value into objects. */
export function toObjects(value: ParsedJson): unknown {
  if (Array.isArray(value)) return value.map(toObjects)
  if (!(value instanceof Map)) return value
  const object: Record<string, unknown> = {}
  for (const [key, member] of value) {
    // An assignment to this key would set the prototype.
    if (key === '__proto__') {
      const descriptor = { value: toObjects(member), enumerable: true, writable: true, configurable: true }
      Object.defineProperty(object, key, descriptor)
    } else object[key] = toObjects(member)
  }
  return object
}

function textOf(source: Uint8Array | string, path: string | undefined): string {
  if (typeof source === 'string') return source
  // A byte order mark is not JSON; Python refuses it as well.
  if (withoutByteOrderMark(source, path) === source) return decodeText(source, path)
  throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'it begins with a byte order mark', {
    path,
    expected: 'JSON in UTF-8',
    received: 'the bytes ef bb bf',
    hint: 'save it as UTF-8 without a byte order mark',
  })
}

class Parser {
  readonly #text: string
  readonly #path: string | undefined
  readonly #words: Words
  readonly #keepsBeyond: boolean
  readonly #lossy: string[] = []
  readonly #beyond = new Map<ParsedJson, string[]>()
  /** Numbers beyond a double so far. */
  #beyondCount = 0
  #at = 0

  constructor(
    text: string,
    path: string | undefined,
    words: Words,
    { beyondDouble = 'refuse' }: ParseOptions = {},
  ) {
    this.#text = text
    this.#path = path
    this.#words = words
    this.#keepsBeyond = beyondDouble === 'keep'
  }

  document(): ParsedDocument {
    const value = this.#value(0)
    this.#space()
    if (this.#at < this.#text.length) this.#fail('the end')
    return { value, lossyIntegers: this.#lossy, beyondDouble: this.#beyond }
  }

  #value(depth: number): ParsedJson {
    if (depth > DEPTH_LIMIT) this.#fail(`at most ${DEPTH_LIMIT} levels`)
    this.#space()
    const character = this.#text[this.#at]
    if (character === '{') return this.#object(depth)
    if (character === '[') return this.#array(depth)
    if (character === '"') return this.#string()
    // Numbers are frequent and words are rare; `-Infinity` is the only word that starts like a number.
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
      const before = this.#beyondCount
      const value = this.#value(depth + 1)
      members.set(key, value)
      // This text is no string of the document, but a number, kept as its digits.
      if (typeof value === 'string' && this.#beyondCount > before) this.#keep(members, key)
      this.#space()
      if (this.#take('}')) return members
      if (!this.#take(',')) this.#fail("',' or '}'")
    }
  }

  #keep(members: ParsedJson, key: string): void {
    const known = this.#beyond.get(members)
    if (known === undefined) this.#beyond.set(members, [key])
    else known.push(key)
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
      UNESCAPED.lastIndex = this.#at
      UNESCAPED.test(this.#text)
      this.#at = UNESCAPED.lastIndex
      const character = this.#text[this.#at]
      // Most strings have no escapes and equal the text between the quotes.
      if (character === '"' && first) return this.#text.slice(start + 1, this.#at++)
      if (character === '"') break
      if (character !== '\\') this.#fail('the end of a string')
      this.#at += 2
    }
    this.#at++
    const raw = this.#text.slice(start, this.#at)
    try {
      // The end of the string is known; `JSON.parse` decodes the escapes.
      return JSON.parse(raw) as string
    } catch {
      this.#at = start
      return this.#fail('a valid string')
    }
  }

  #number(): number | string {
    NUMBER.lastIndex = this.#at
    const match = NUMBER.exec(this.#text)
    if (!match) return this.#fail('a value')
    const [written, fraction, exponent] = match
    const value = Number(written)
    if (!Number.isFinite(value) && this.#keepsBeyond) {
      this.#at += written.length
      this.#beyondCount++
      return written
    }
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
