/** Digests of the state of a program at a step: weights, gradients, a batch. */
import { Digest, primary } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { hashArray, isTypedArray } from '../hash/array.ts'
import { digestBytes } from '../hash/bytes.ts'
import { checkName } from '../json/copy.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { ShapedArray, TypedArray } from '../hash/array.ts'
import type { DigestEvent } from '../record/events.ts'

/**
 * Source of a logged digest: a typed array, with or without a shape (a `tensor` digest); an `ArrayBuffer` or
 * `DataView` (the plain digest of its bytes); or a digest that was computed elsewhere, in written form or as
 * an object.
 */
export type DigestSource = TypedArray | ShapedArray | ArrayBufferLike | DataView | Digest | string

/** The time at which a state was digested. */
export interface DigestOptions {
  /** Any number that orders the digests: a step, an epoch. */
  readonly step?: number | undefined
}

/** Check name and step, so that a mistake is reported before anything is hashed. */
export function checkDigestLabel(name: string, { step }: DigestOptions): void {
  checkName(name, 'the name of a digest')
  if (step !== undefined && !Number.isFinite(step))
    throw refusal(name, 'a finite number as step', String(step))
}

/**
 * Compute the digest of a source. Up to 8 MiB are hashed before this returns; do not change a longer buffer
 * before the promise resolves.
 */
export async function digestOf(
  name: string,
  source: DigestSource,
  algorithm: AlgorithmChoice,
  signal: AbortSignal | undefined,
): Promise<Digest> {
  if (source instanceof Digest) return source
  if (typeof source === 'string') return Digest.parse(source)
  if (typeof source !== 'object' || source === null) throw refusal(name, EXPECTED, typeof source)
  if (isTypedArray(source) || ('data' in source && 'shape' in source))
    return (await hashArray(source, { algorithm, signal })).digest
  if (ArrayBuffer.isView(source) || isBuffer(source))
    return primary(await digestBytes(source, { algorithm, signal }))
  throw refusal(name, EXPECTED, 'something else')
}

const EXPECTED = 'a typed array, { data, shape }, an ArrayBuffer, a DataView, or a digest'

function isBuffer(source: object): source is ArrayBufferLike {
  return (
    source instanceof ArrayBuffer ||
    (typeof SharedArrayBuffer !== 'undefined' && source instanceof SharedArrayBuffer)
  )
}

/** Create the event of a digest. */
export function digestEvent(
  name: string,
  digest: Digest,
  { step }: DigestOptions,
  process?: number,
): DigestEvent {
  return {
    type: 'digest',
    name,
    digest: digest.toString(),
    ...(step !== undefined && { step }),
    ...(process !== undefined && { process }),
  }
}

function refusal(name: string, expected: string, received: string): LineaprintError {
  return new LineaprintError(
    'ERR_LINEAPRINT_ARGUMENT',
    `the digest ${JSON.stringify(name)} cannot be logged`,
    { field: name, expected, received },
  )
}
