/** Parts of one file's digest, computed on several machines and merged into the standard BLAKE3 digest. */
import { fromFailure, isFailure, runJob } from '../native/job.ts'
import { Digest, primary, toDigests } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { parseStandardJson } from '../json/parse.ts'
import { native } from '../native/load.ts'
import { checkArray, checkKeys, checkPath, checkText } from '../core/options.ts'
import type { JobOptions } from '../core/options.ts'
import type { NativePart, NativePartContent } from '../native/load.ts'

type NativePieces = Extract<NativePartContent, { kind: 'pieces' }>

/** A part, as it is written to a file and read on another machine. */
export interface FilePart {
  readonly schema: 'lineaprint/part/v1'
  readonly algorithm: 'blake3'
  /** Number of this part, from 1; `parts` is their total. */
  readonly part: number
  readonly parts: number
  /** Length of the whole file in bytes. */
  readonly size: number
  /** Nodes of the hash tree: first byte, one past the last byte, chaining value (64 hexadecimal digits). */
  readonly pieces: readonly (readonly [start: number, end: number, value: string])[]
  /** The digest itself, if this part holds all bytes of the file. */
  readonly whole?: string
}

/**
 * Hash one part of a file. The parts can be computed in any order, on any machine that can read the file.
 *
 * @param part Number of the part, from 1.
 * @param parts Total number of parts.
 * @throws The errors of `hashFile`.
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
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'invalid part', {
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
 * Merge the parts of one file, in any order, into the digest that `hashFile` returns for the whole file.
 *
 * The parts are trusted: a part of another file of the same length cannot be detected.
 *
 * @throws ERR_LINEAPRINT_RANGE if a part is missing, occurs twice, or is of a file of another length.
 */
export function mergeParts(parts: readonly FilePart[]): { readonly size: number; readonly digest: Digest } {
  checkArray(parts, 'parts').forEach((part, index) => {
    if (!isPart(part)) throw notPart(`parts[${index}]`)
  })
  const outcome = native.mergeParts(parts.map((part) => toNative(part)))
  if (isFailure(outcome)) throw fromFailure(outcome)
  return { size: outcome.size, digest: primary(toDigests(outcome.digests)) }
}

/** Parse a part that was written as JSON. `path` is used in errors. */
export function parsePart(text: string, path?: string): FilePart {
  checkText(text, 'text')
  const value = parseStandardJson(text, path)
  if (isPart(value)) return value
  throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'it is not a part of a digest', {
    path,
    expected: 'the output of "lineaprint hash --part I/N"',
    received: text.slice(0, 40),
  })
}

function notPart(field: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} is not a part of a digest`, {
    field,
    expected: 'what hashPart or parsePart returned',
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
