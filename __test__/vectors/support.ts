/** What the tests of vectors share: reading the files, making what they describe, a folder that goes away. */
import { Buffer } from 'node:buffer'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the repository. */
export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url))

/** Both hash functions, in the order of results. */
export const ALGORITHMS = ['blake3', 'sha256'] as const

/** Digests in their written form, one per hash function. */
export type WrittenDigests = Readonly<Record<(typeof ALGORITHMS)[number], string>>

/** Bytes as a vector describes them. */
export type Content = { readonly painted: number } | { readonly text: string } | { readonly base64: string }

/** One tensor of a vector. */
export interface VectorTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data: Content
}

/** One entry of a folder of a vector. */
export interface VectorEntry {
  readonly name?: string
  readonly nameBase64?: string
  readonly file?: Content
  readonly folder?: readonly VectorEntry[]
  readonly link?: string
  readonly linkBase64?: string
}

/** The cases of a vector file. The caller says what is in them; the reference holds the files to it. */
export function readCases(file: string): readonly unknown[] {
  const { cases } = JSON.parse(readFileSync(join(ROOT, 'vectors', file), 'utf8')) as {
    cases: readonly unknown[]
  }
  return cases
}

/** The bytes that a vector describes. */
export function contentOf(content: Content): Buffer {
  if ('text' in content) return Buffer.from(content.text)
  if ('base64' in content) return Buffer.from(content.base64, 'base64')
  const period = Uint8Array.from({ length: 251 }, (_, index) => index)
  return Buffer.alloc(content.painted, period)
}

/** A new folder, removed when the block that holds it ends. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'lineaprint-vectors-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Makes the entries of a folder. Names are bytes: text would not hold every one of them. */
export function writeEntries(folder: Buffer, entries: readonly VectorEntry[]): void {
  for (const entry of entries) {
    const name =
      entry.nameBase64 === undefined ? Buffer.from(entry.name ?? '') : Buffer.from(entry.nameBase64, 'base64')
    const path = Buffer.concat([folder, Buffer.from('/'), name])
    if (entry.file) writeFileSync(path, contentOf(entry.file))
    if (entry.folder) {
      mkdirSync(path)
      writeEntries(path, entry.folder)
    }
    if (entry.link !== undefined) symlinkSync(entry.link, path)
    if (entry.linkBase64 !== undefined) symlinkSync(Buffer.from(entry.linkBase64, 'base64'), path)
  }
}

/** How a safetensors file is put together. */
export interface SafetensorsOptions {
  /** `__metadata__`, where it is wanted. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Whether the header lists the tensors in another order than their bytes. */
  readonly headerReversed?: boolean
  /** Spaces behind the header. */
  readonly padding?: number
}

/** The bytes of a safetensors file, put together by hand from the description of the format. */
export function safetensors(tensors: readonly VectorTensor[], options: SafetensorsOptions = {}): Buffer {
  const parts: Buffer[] = []
  const members: string[] = []
  let offset = 0
  for (const { name, dtype, shape, data } of tensors) {
    const bytes = contentOf(data)
    const entry = { dtype, shape, data_offsets: [offset, offset + bytes.length] }
    // Member by member: an object would sort names that look like numbers, and drop `__proto__`.
    members.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`)
    parts.push(bytes)
    offset += bytes.length
  }
  if (options.headerReversed) members.reverse()
  if (options.metadata) members.push(`"__metadata__":${JSON.stringify(options.metadata)}`)
  const header = Buffer.from(`{${members.join(',')}}${' '.repeat(options.padding ?? 0)}`)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  return Buffer.concat([length, header, ...parts])
}

const ARRAYS = { U8: Uint8Array, I16: Int16Array, F32: Float32Array, I64: BigInt64Array } as const

interface WrittenArray {
  readonly dtype: keyof typeof ARRAYS
  readonly shape: readonly number[]
  readonly data: string
}

/** Return the value that a vector of orders or items describes. */
export function valueOf(written: unknown): unknown {
  if (Array.isArray(written)) return written.map(valueOf)
  if (typeof written !== 'object' || written === null) return written
  if ('map' in written)
    return new Map(Object.entries(written.map as object).map(([key, value]) => [key, valueOf(value)]))
  if ('float' in written) return Number(String(written.float).replace('nan', 'NaN'))
  const bytes = 'bytes' in written ? String(written.bytes) : undefined
  if (bytes !== undefined) return Uint8Array.from(Buffer.from(bytes, 'base64')).buffer
  const { dtype, shape, data } = (written as { readonly array: WrittenArray }).array
  const { buffer } = Uint8Array.from(Buffer.from(data, 'base64'))
  return { data: new ARRAYS[dtype](buffer), shape }
}
