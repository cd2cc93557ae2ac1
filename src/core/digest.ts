/**
 * Digests as values.
 *
 * - Plain: the standard hash of bytes, written `blake3:<hex>` or `sha256:<hex>`.
 * - Structured: the hash of a canonical description, written `<kind>.v1.blake3:<hex>`. A sampled digest has
 *   its plan after the kind: `sampled(<plan>).v1.blake3:<hex>`.
 *
 * `docs/format.md` defines each kind.
 */
import { inspect } from 'node:util'
import { LineaprintError } from './errors.ts'
import { isPlan } from './sample-plan.ts'

declare const digestText: unique symbol

/** The written form of a digest. Only {@link Digest.toString} makes one; text of a record may be none. */
export type DigestText = string & { readonly [digestText]: true }

/** A hash function with 256 bits of output. */
export type Algorithm = 'blake3' | 'sha256'

/** One hash function, or both in a single read of the data. */
export type AlgorithmChoice = Algorithm | 'both'

/** Kinds of structured digests. */
export const DIGEST_KINDS = [
  'adapter',
  'architecture',
  'environment',
  'family',
  'git',
  'graph',
  'pipeline',
  'run',
  'sampled',
  'seeds',
  'sequence',
  'settings',
  'splits',
  'table',
  'table-unordered',
  'tensor',
  'tokenizer',
  'tree',
  'weights',
] as const

/** The kind of thing that a structured digest describes. */
export type DigestKind = (typeof DIGEST_KINDS)[number]

const FORM = /^(?:([a-z][a-z-]*)(?:\(([^()]+)\))?\.v([1-9][0-9]*)\.)?(blake3|sha256):([0-9a-f]{64})$/

/** An immutable digest of 256 bits with the kind of thing it describes. */
export class Digest {
  /** The kind of thing it describes; `undefined` for the plain hash of bytes. */
  readonly kind: DigestKind | undefined
  /** The sampling plan in its written form; `undefined` unless the kind is `sampled`. */
  declare readonly plan?: string
  readonly algorithm: Algorithm
  /** 64 lower-case hexadecimal digits, in the order of the bytes. */
  readonly hex: string

  /**
   * @param algorithm The hash function.
   * @param bytes 32 bytes, or their 64 hexadecimal digits.
   * @param kind The kind of thing it describes; absent for a plain digest.
   * @param plan The sampling plan in its written form, for the kind `sampled` only.
   */
  constructor(algorithm: Algorithm, bytes: Uint8Array | string, kind?: DigestKind, plan?: string) {
    const hex = typeof bytes === 'string' ? bytes : hexOf(bytes)
    // What was written from 32 bytes needs no look at its digits.
    if (typeof bytes === 'string' ? !/^[0-9a-f]{64}$/.test(hex) : bytes.length !== 32) {
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a digest has 32 bytes', {
        expected: '64 hexadecimal digits in lower case',
        received: JSON.stringify(hex),
      })
    }
    this.algorithm = algorithm
    this.hex = hex
    this.kind = kind
    if ((kind === 'sampled') !== (plan !== undefined) || (plan !== undefined && !isPlan(plan))) {
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the plan does not match the kind', {
        expected: kind === 'sampled' ? 'the written form of a plan' : 'no plan',
        received: plan === undefined ? 'none' : JSON.stringify(plan),
      })
    }
    // Set only if present, so that other digests print no empty field.
    if (plan !== undefined) this.plan = plan
    Object.freeze(this)
  }

  static {
    // Node prints one line instead of three fields.
    Object.defineProperty(this.prototype, inspect.custom, {
      value(this: Digest): string {
        return `Digest <${this.toString()}>`
      },
    })
  }

  /** Parse the written form. Anything else is an error. */
  static parse(text: string): Digest {
    const match = FORM.exec(text)
    const [, kind, plan, version, algorithm, hex] = match ?? []
    const known = kind === undefined || (version === '1' && isKind(kind, plan))
    if (!match || !known || hex === undefined) {
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not a digest', {
        expected: 'for example blake3:<64 hex> or tree.v1.blake3:<64 hex>',
        received: JSON.stringify(text),
      })
    }
    return new Digest(algorithm as Algorithm, hex, kind as DigestKind | undefined, plan)
  }

  /** Everything before the colon. Digests are comparable only if their types are equal. */
  get type(): string {
    if (this.kind === undefined) return this.algorithm
    const plan = this.plan === undefined ? '' : `(${this.plan})`
    return `${this.kind}${plan}.v1.${this.algorithm}`
  }

  /** The 32 bytes, a new copy each time. */
  get bytes(): Uint8Array {
    return new Uint8Array(Buffer.from(this.hex, 'hex'))
  }

  /** Check whether both describe the same content. Throws if they are not comparable. */
  equals(other: Digest): boolean {
    if (other.type !== this.type) {
      throw new LineaprintError(
        'ERR_LINEAPRINT_INCOMPARABLE',
        'digests of different kinds cannot be compared',
        {
          expected: this.type,
          received: other.type,
        },
      )
    }
    return other.hex === this.hex
  }

  /** The written form. */
  toString(): DigestText {
    return `${this.type}:${this.hex}` as DigestText
  }

  /** The written form, so that digests in records are strings. */
  toJSON(): DigestText {
    return this.toString()
  }
}

function hexOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('hex')
}

function isKind(kind: string, plan: string | undefined): boolean {
  if (kind === 'sampled') return plan !== undefined && isPlan(plan)
  return plan === undefined && DIGEST_KINDS.some((name) => name === kind)
}

/**
 * One digest per algorithm asked for. With the option `algorithm` as a literal the type says which: `Digests<'blake3'>` has
 * `blake3`, `Digests<'both'>` has both. The parameter counts as one type, so that `'blake3' | 'sha256'` says neither.
 */
export type Digests<A extends AlgorithmChoice = AlgorithmChoice> = [A] extends ['both']
  ? { readonly blake3: Digest; readonly sha256: Digest }
  : [A] extends ['blake3']
    ? { readonly blake3: Digest; readonly sha256?: never }
    : [A] extends ['sha256']
      ? { readonly blake3?: never; readonly sha256: Digest }
      : { readonly blake3?: Digest; readonly sha256?: Digest }

/** Digests of one thing in written form, one per hash function asked for. Of a record, the texts are not checked. */
export type WrittenDigests<T extends string = string> = { readonly blake3?: T; readonly sha256?: T }

/** Return digests as they stand in a record. */
export function writeDigests({ blake3, sha256 }: Digests): WrittenDigests<DigestText> {
  return {
    ...(blake3 && { blake3: blake3.toString() }),
    ...(sha256 && { sha256: sha256.toString() }),
  }
}

/** The digest to show where only one fits: BLAKE3 if it is there. */
export function primary(digests: Digests): Digest {
  const digest = digests.blake3 ?? digests.sha256
  if (digest === undefined) throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'no digest was computed')
  return digest
}

/** Return the digests that are present, BLAKE3 first. */
export function listDigests({ blake3, sha256 }: Digests): Digest[] {
  return [blake3, sha256].filter((digest) => digest !== undefined)
}

/** Digests in the form that the addon returns. */
export interface RawDigests {
  readonly blake3?: Uint8Array | undefined
  readonly sha256?: Uint8Array | undefined
}

/** Build digests from raw bytes. `index` selects one of several digests stored one after another. */
export function toDigests(raw: RawDigests, kind?: DigestKind, index = 0, plan?: string): Digests {
  const digests: { blake3?: Digest; sha256?: Digest } = {}
  for (const algorithm of ['blake3', 'sha256'] as const) {
    const bytes = raw[algorithm]?.subarray(index * 32, index * 32 + 32)
    if (bytes !== undefined) digests[algorithm] = new Digest(algorithm, bytes, kind, plan)
  }
  return digests
}
