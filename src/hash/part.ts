/** Parts of one file's digest, computed on several machines and merged into the standard BLAKE3 digest. */
import { fromFailure, isFailure, runJob } from '../abort.ts'
import { Digest, primary, toDigests } from '../digest.ts'
import { LineaprintError } from '../errors.ts'
import { native } from '../native.ts'
import { checkKeys, checkPath } from '../options.ts'
import type { JobOptions } from '../abort.ts'
import type { NativePart, NativePartContent } from '../native.ts'

type NativePieces = Extract<NativePartContent, { kind: 'pieces' }>

/** A part, as it is written to a file and read back on another machine. */
export interface FilePart {
  readonly schema: 'lineaprint/part/v1'
  readonly algorithm: 'blake3'
  /** Which part, from 1, of how many. */
  readonly part: number
  readonly parts: number
  /** Length of the whole file in bytes. */
  readonly size: number
  /** Nodes of the hash tree: first byte, one past the last byte, chaining value (64 hexadecimal digits). */
  readonly pieces: readonly (readonly [start: number, end: number, value: string])[]
  /** The digest itself, from the only part that has any bytes. */
  readonly whole?: string
}

/**
 * Hashes one part of a file. Parts of one file may be made in any order, anywhere the file can be read.
 *
 * @param part Which part, from 1.
 * @param parts How many there are.
 * @throws What `hashFile` throws.
 */
export async function hashPart(
  path: string,
  part: number,
  parts: number,
  options: JobOptions = {},
): Promise<FilePart> {
  checkKeys(options)
  const checked = checkPath(path)
  const fits =
    Number.isInteger(part) && Number.isInteger(parts) && part >= 1 && part <= parts && parts <= 1_000_000
  if (!fits) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not a part', {
      field: 'part',
      expected: 'part I of N, with I from 1 to N and N up to a million',
      received: `part ${part} of ${parts}`,
    })
  }
  const { size, content } = await runJob(options, (job, threads) =>
    native.hashPart(job, checked, part - 1, parts, threads),
  )
  return {
    schema: 'lineaprint/part/v1',
    algorithm: 'blake3',
    part,
    parts,
    size,
    pieces: content.kind === 'pieces' ? piecesOf(content) : [],
    ...(content.kind === 'whole' && { whole: Buffer.from(content.digest).toString('hex') }),
  }
}

function piecesOf({ starts, ends, values }: NativePieces): FilePart['pieces'] {
  return starts.map((start, index) => {
    const value = Buffer.from(values.subarray(index * 32, index * 32 + 32)).toString('hex')
    return [start, ends[index] ?? 0, value] as const
  })
}

/**
 * Merges the parts of one file, in any order, into the digest that `hashFile` gives for the whole.
 *
 * The parts are trusted: a part of another file of the same length cannot be told apart.
 *
 * @throws ERR_LINEAPRINT_RANGE if a part is missing, comes twice, or is of a file of another length.
 */
export function mergeParts(parts: readonly FilePart[]): { readonly size: number; readonly digest: Digest } {
  const outcome = native.mergeParts(parts.map((part) => toNative(part)))
  if (isFailure(outcome)) throw fromFailure(outcome)
  return { size: outcome.size, digest: primary(toDigests(outcome.digests)) }
}

/** Reads a part that was written as JSON. `path` is for messages. */
export function parsePart(text: string, path?: string): FilePart {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'it is not JSON', { path, cause })
  }
  if (isPart(value)) return value
  throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'it is not a part of a digest', {
    path,
    expected: 'what "lineaprint hash --part I/N" writes',
    received: text.slice(0, 40),
  })
}

function isPart(value: unknown): value is FilePart {
  if (typeof value !== 'object' || value === null) return false
  const { schema, size, pieces, whole } = value as Partial<FilePart>
  return (
    schema === 'lineaprint/part/v1' &&
    Number.isSafeInteger(size) &&
    Array.isArray(pieces) &&
    pieces.every(
      (piece: unknown) =>
        Array.isArray(piece) &&
        Number.isSafeInteger(piece[0]) &&
        Number.isSafeInteger(piece[1]) &&
        isHex(piece[2]),
    ) &&
    (whole === undefined || isHex(whole))
  )
}

function isHex(text: unknown): boolean {
  return typeof text === 'string' && /^[0-9a-f]{64}$/.test(text)
}

function toNative({ size, pieces, whole }: FilePart): NativePart {
  if (whole !== undefined && pieces.length > 0) {
    throw new LineaprintError('ERR_LINEAPRINT_RANGE', 'a part is malformed', {
      expected: 'pieces or the whole digest',
      received: 'both',
    })
  }
  if (whole !== undefined) {
    return { size, content: { kind: 'whole', digest: new Uint8Array(Buffer.from(whole, 'hex')) } }
  }
  if (pieces.length === 0) return { size, content: { kind: 'empty' } }
  const starts = pieces.map(([start]) => start)
  const ends = pieces.map(([, end]) => end)
  const values = new Uint8Array(Buffer.from(pieces.map(([, , value]) => value).join(''), 'hex'))
  return { size, content: { kind: 'pieces', starts, ends, values } }
}
