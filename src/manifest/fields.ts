/**
 * Parser of the members of an untrusted JSON object: each must have the required type, and unknown ones are
 * refused.
 */
import { Digest } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import type { Algorithm, DigestKind, Digests } from '../core/digest.ts'
import type { ErrorDetails } from '../core/errors.ts'
import type { ParsedJson } from '../json/parse.ts'

/** The members of one object. */
export class Fields {
  readonly #members: ReadonlyMap<string, ParsedJson>
  readonly #where: () => string
  readonly #path: string | undefined
  readonly #read = new Set<string>()

  /**
   * @param value The value that should be an object.
   * @param where Describes it in errors; called only if there is one.
   * @param path The manifest that contains it, for errors.
   */
  constructor(value: ParsedJson | undefined, where: () => string, path?: string) {
    this.#where = where
    this.#path = path
    this.#members = value instanceof Map ? value : this.fail('it is not an object')
  }

  /** Refuse the object. */
  fail(message: string, details: ErrorDetails = {}): never {
    const sentence = `${this.#where()}: ${message}`
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', sentence, { path: this.#path, ...details })
  }

  has(key: string): boolean {
    return this.#members.has(key)
  }

  text(key: string): string {
    const value = this.#value(key)
    if (typeof value === 'string' && value.isWellFormed()) return value
    return this.#wrong(key, 'text', value)
  }

  boolean(key: string): boolean {
    const value = this.#value(key)
    return typeof value === 'boolean' ? value : this.#wrong(key, 'true or false', value)
  }

  choice<T extends string>(key: string, choices: readonly T[]): T {
    const value = this.#value(key)
    const match = choices.find((choice) => choice === value)
    return match ?? this.#wrong(key, choices.join(' or '), value)
  }

  /** Return a whole number that a double holds exactly. */
  count(key: string): number {
    const value = this.#value(key)
    return isCount(value) ? value : this.#wrong(key, 'a whole number', value)
  }

  counts(key: string): number[] {
    const value = this.list(key)
    return value.every((item) => isCount(item)) ? value : this.#wrong(key, 'whole numbers', value)
  }

  texts(key: string): string[] {
    const value = this.list(key)
    return value.every((item) => typeof item === 'string') ? value : this.#wrong(key, 'texts', value)
  }

  list(key: string): ParsedJson[] {
    const value = this.#value(key)
    return Array.isArray(value) ? value : this.#wrong(key, 'a list', value)
  }

  /** Return the object of one member. */
  object(key: string): Fields {
    return new Fields(this.#value(key), () => `${this.#where()}: ${key}`, this.#path)
  }

  /** Return bytes in base64, and refuse any but the canonical encoding. */
  base64(key: string): Buffer {
    const text = this.text(key)
    const bytes = Buffer.from(text, 'base64')
    return bytes.toString('base64') === text ? bytes : this.#wrong(key, 'base64', text)
  }

  /** Return a digest of this kind (plain, if none is given) and one of these algorithms. */
  digest(key: string, algorithms: readonly Algorithm[], kind?: DigestKind): Digest {
    const value = this.#value(key)
    try {
      const digest = Digest.parse(typeof value === 'string' ? value : '')
      if (digest.kind === kind && algorithms.includes(digest.algorithm)) return digest
    } catch (error) {
      if (!LineaprintError.isFinding(error)) throw error
    }
    const types = algorithms.map((algorithm) => `${kind === undefined ? '' : `${kind}.v1.`}${algorithm}:…`)
    return this.#wrong(key, types.join(' or '), value)
  }

  /** Return one digest per algorithm, no more and no fewer. */
  digests(key: string, algorithms: readonly Algorithm[], kind?: DigestKind): Digests {
    const fields = this.object(key)
    const digests = Object.fromEntries(
      algorithms.map((algorithm) => [algorithm, fields.digest(algorithm, [algorithm], kind)]),
    )
    fields.end()
    return digests
  }

  /** Refuse members that were not read: they might change the meaning of the others. */
  end(): void {
    for (const key of this.#members.keys()) {
      if (!this.#read.has(key)) this.fail(`the member ${JSON.stringify(key)} is unknown`, { field: key })
    }
  }

  #value(key: string): ParsedJson | undefined {
    this.#read.add(key)
    return this.#members.get(key)
  }

  #wrong(key: string, expected: string, value: ParsedJson | undefined): never {
    return this.fail(`the member ${JSON.stringify(key)} is wrong`, {
      field: key,
      expected,
      received: shown(value),
    })
  }
}

function isCount(value: ParsedJson | undefined): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0 && !Object.is(value, -0)
}

function shown(value: ParsedJson | undefined): string {
  if (value === undefined) return 'nothing'
  if (value instanceof Map) return 'an object'
  if (Array.isArray(value)) return 'a list'
  const text = JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
