/**
 * Parser of checksum files as `b3sum` and `sha256sum` write and check them: untagged lines, lines with an
 * escaped name, and tagged lines; and of the lines that `lineaprint hash` writes for folders.
 *
 * Comments and empty lines are skipped, as by `sha256sum`. Lines are bytes: a name need not be UTF-8.
 */
import { LineaprintError } from '../core/errors.ts'
import { Digest } from '../core/digest.ts'
import { textOf } from './names.ts'
import type { Algorithm } from '../core/digest.ts'
import type { MalformedLine } from './findings.ts'

/** The digest that one line requires of a file. */
export interface Demand {
  /** Line number, from 1. */
  readonly line: number
  /** Absent if the line has no tag. */
  readonly algorithm?: Algorithm
  /** 64 hexadecimal digits in lower case. */
  readonly hex: string
}

/** A file and all digests required of it. */
export interface Checked {
  /** The name as written in the file, with escapes resolved. */
  readonly path: string
  /** The raw bytes of the name in base64, only if they are not UTF-8. */
  readonly pathBytes?: string
  readonly demands: Demand[]
}

/** A folder and the `tree` digest required of it. */
export interface CheckedFolder {
  /** The name as in {@link Checked}. */
  readonly path: string
  readonly pathBytes?: string
  /** Line number, from 1. */
  readonly line: number
  readonly digest: Digest
}

/** A parsed checksum file. */
export interface Checksums {
  readonly files: readonly Checked[]
  readonly folders: readonly CheckedFolder[]
  readonly malformed: readonly MalformedLine[]
}

// One character per byte. sha256sum allows white space before a line, a single space instead of two, and " *"
// for binary mode on systems that have one.
const UNTAGGED = /^[ \t]*(\\?)([0-9A-Fa-f]{64})[ \t](?:[ *]|(?![ *]))(.+)$/s
const TAGGED = /^[ \t]*(\\?)(BLAKE3|SHA256|SHA2-256) ?\((.+)\)[ \t]*=[ \t]*([0-9A-Fa-f]{64})$/s
const OTHER_TAG = /^[ \t]*\\?([A-Z][A-Za-z0-9/-]*) ?\(.*\)[ \t]*=/s
const OTHER_LENGTH = /^[ \t]*\\?([0-9A-Fa-f]{32,128})[ \t]/
const TREE = /^(\\?)(tree\.v1\.(?:blake3|sha256):[0-9a-f]{64}) {2}(.+)$/s
const STRUCTURED = /^\\?[a-z]+\.v[0-9]+\.[a-z0-9.]*(?:blake3|sha256):/

/**
 * Parse a checksum file.
 *
 * @param bytes The content of the file.
 * @param path Its path, for errors.
 * @throws ERR_LINEAPRINT_FORMAT if two lines have the same file and algorithm, or if no line is a checksum.
 */
export function parseChecksums(bytes: Uint8Array, path?: string): Checksums {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const files = new Map<string, Checked>()
  const folders: CheckedFolder[] = []
  const malformed: MalformedLine[] = []
  for (const [index, ended] of text.split('\n').entries()) {
    const written = ended.endsWith('\r') ? ended.slice(0, -1) : ended
    if (written === '' || written.startsWith('#')) continue
    const line = index + 1
    const folder = parseFolder(written, line)
    if (folder !== undefined) {
      folders.push(folder)
      continue
    }
    const parsed = parseLine(written)
    if (typeof parsed === 'string') malformed.push({ line, reason: parsed })
    else add(files, { ...parsed.demand, line }, parsed.name, path)
  }
  if (files.size + folders.length === 0) throw noChecksums(malformed, path)
  return { files: [...files.values()], folders, malformed }
}

/** Parse the line of a folder; `undefined` for all other lines. */
function parseFolder(written: string, line: number): CheckedFolder | undefined {
  const [, mark, digest, escaped] = TREE.exec(written) ?? []
  if (digest === undefined || escaped === undefined) return undefined
  const name = mark === '\\' ? unescape(escaped) : escaped
  if (name === undefined) return undefined
  const [path, pathBytes] = textOf(Buffer.from(name, 'latin1'))
  return { path, ...(pathBytes !== undefined && { pathBytes }), line, digest: Digest.parse(digest) }
}

/** Parse one line; return the reason if it is malformed. */
function parseLine(written: string): { name: string; demand: Omit<Demand, 'line'> } | string {
  const tagged = TAGGED.exec(written)
  const untagged = tagged ? null : UNTAGGED.exec(written)
  const [mark, hex, escaped] = tagged
    ? [tagged[1], tagged[4], tagged[3]]
    : [untagged?.[1], untagged?.[2], untagged?.[3]]
  if (hex === undefined || escaped === undefined) return whyNot(written)
  const name = mark === '\\' ? unescape(escaped) : escaped
  if (name === undefined) return 'invalid escape in the name (allowed: \\\\, \\n, \\r)'
  // b3sum writes the replacement character for bytes that are not UTF-8, so the original bytes are lost.
  if (name.includes('\u00ef\u00bf\u00bd')) return 'the name contains U+FFFD: its original bytes are lost'
  const demand = { hex: hex.toLowerCase() }
  if (!tagged) return { name, demand }
  return { name, demand: { ...demand, algorithm: tagged[2] === 'BLAKE3' ? 'blake3' : 'sha256' } }
}

function whyNot(written: string): string {
  const tag = OTHER_TAG.exec(written)?.[1]
  if (tag !== undefined) {
    return ['BLAKE3', 'SHA256', 'SHA2-256'].includes(tag)
      ? 'it has no 64 hexadecimal digits after "="'
      : `digests of ${tag} cannot be checked, only BLAKE3 and SHA256`
  }
  if (STRUCTURED.test(written))
    return 'a structured digest that is neither of a file nor of a folder; use a manifest instead'
  const digits = OTHER_LENGTH.exec(written)?.[1]?.length
  if (digits !== undefined && digits !== 64) return `its digest has ${digits} hexadecimal digits, not 64`
  return 'it is not in the form "<64 hexadecimal digits>  <name>"'
}

const ESCAPES: Readonly<Record<string, string>> = { '\\\\': '\\', '\\n': '\n', '\\r': '\r' }

/** Return the original of an escaped name; `undefined` if an escape is unknown. */
function unescape(name: string): string | undefined {
  let unknown = false
  const resolved = name.replace(/\\(?:.|$)/gs, (escape) => {
    unknown ||= ESCAPES[escape] === undefined
    return ESCAPES[escape] ?? ''
  })
  return unknown ? undefined : resolved
}

function add(files: Map<string, Checked>, demand: Demand, name: string, path: string | undefined): void {
  // `a` and `./a` are the same file.
  const key = name.replace(/^(?:\.\/+)+(?=[^/])/, '').replace(/\/(?:\.?\/)+/g, '/')
  const known = files.get(key)
  if (known === undefined) {
    const [text, pathBytes] = textOf(Buffer.from(name, 'latin1'))
    files.set(key, { path: text, ...(pathBytes !== undefined && { pathBytes }), demands: [demand] })
    return
  }
  const twin = known.demands.find(({ algorithm }) => algorithm === demand.algorithm)
  if (twin !== undefined) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_FORMAT',
      `lines ${twin.line} and ${demand.line} are both about ${JSON.stringify(known.path)}`,
      { path, field: known.path, hint: 'remove one of them' },
    )
  }
  known.demands.push(demand)
}

function noChecksums(malformed: readonly MalformedLine[], path: string | undefined): LineaprintError {
  const [first] = malformed
  return new LineaprintError('ERR_LINEAPRINT_FORMAT', 'no checksum lines found', {
    path,
    expected: 'a lineaprint manifest, or the output of b3sum or sha256sum',
    received: first === undefined ? 'no lines' : `line ${first.line}: ${first.reason}`,
  })
}

/** Refuse a file with malformed lines, and list the first few. */
export function refuseMalformed(malformed: readonly MalformedLine[], path: string | undefined): void {
  if (malformed.length === 0) return
  const shown = malformed.slice(0, 5).map(({ line, reason }) => `line ${line}: ${reason}`)
  const more = malformed.length > shown.length ? `; and ${malformed.length - shown.length} more` : ''
  const are = malformed.length === 1 ? 'one line is' : `${malformed.length} lines are`
  throw new LineaprintError('ERR_LINEAPRINT_FORMAT', `${are} malformed: ${shown.join('; ')}${more}`, {
    path,
    hint: 'fix the file, or skip malformed lines with --lenient',
  })
}
