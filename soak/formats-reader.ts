/**
 * A slow reader of safetensors files and shard indexes, written from the description of the format. It shares
 * no code with the reader that it is compared with.
 */
import { createHash } from 'node:crypto'
import { integerOf, itemsOf, membersOf, readJson, textOf } from './formats-json.ts'

/** A tensor as returned by either reader. */
export interface SeenTensor {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly start: number
  readonly end: number
  /** SHA-256 of its elements. */
  readonly sha256: string
}

/** Names and contents of the files of a model. */
export type Files = ReadonlyMap<string, Buffer>

/** Bits per element, and the dtypes that have them. */
const WIDTHS: readonly (readonly [bigint, string])[] = [
  [4n, 'F4'],
  [6n, 'F6_E2M3 F6_E3M2'],
  [8n, 'BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ'],
  [16n, 'I16 U16 F16 BF16'],
  [32n, 'I32 U32 F32'],
  [64n, 'C64 F64 I64 U64'],
]

const HEADER_LIMIT = 100_000_000n
const LIMIT_64 = 1n << 64n

/** Read a model. Throws a SyntaxError for any violation of the format. */
export function readSlowly(entry: string, files: Files): Map<string, SeenTensor> {
  const content = files.get(entry)
  if (content === undefined) throw new SyntaxError('there is no such file')
  return entry.endsWith('.index.json') ? readIndex(content, files) : readFile(content)
}

function readIndex(content: Buffer, files: Files): Map<string, SeenTensor> {
  const map = membersOf(membersOf(readJson(decode(content))).get('weight_map'))
  const wanted = new Map([...map].map(([name, shard]) => [name, textOf(shard)]))
  if (wanted.size === 0) throw new SyntaxError('the index is empty')
  const tensors = new Map<string, SeenTensor>()
  for (const shard of new Set(wanted.values())) {
    if (/^$|^\.\.?$|[/\\\0:]/.test(shard)) throw new SyntaxError('not the name of a file beside the index')
    const file = files.get(shard)
    if (file === undefined) throw new SyntaxError('a shard is missing')
    for (const [name, tensor] of readFile(file)) {
      if (wanted.get(name) !== shard) throw new SyntaxError('the index says otherwise')
      tensors.set(name, tensor)
    }
  }
  if (tensors.size !== wanted.size) throw new SyntaxError('a tensor is missing')
  return tensors
}

function readFile(file: Buffer): Map<string, SeenTensor> {
  if (file.length < 8) throw new SyntaxError('too short')
  const length = file.readBigUInt64LE()
  if (length > HEADER_LIMIT || length > BigInt(file.length - 8))
    throw new SyntaxError('the header is too long')
  const base = 8 + Number(length)
  const text = decode(file.subarray(8, base)).replace(/ +$/, '')
  if (!text.startsWith('{') || !text.endsWith('}')) throw new SyntaxError('the header is no object')
  const tensors = new Map<string, SeenTensor>()
  for (const [name, entry] of membersOf(readJson(text))) {
    if (name === '__metadata__') {
      for (const value of membersOf(entry).values()) textOf(value)
      continue
    }
    const fields = membersOf(entry)
    for (const key of fields.keys()) {
      if (!['dtype', 'shape', 'data_offsets'].includes(key)) throw new SyntaxError('an unknown field')
    }
    const dtype = textOf(fields.get('dtype'))
    const bits = WIDTHS.find(([, dtypes]) => dtypes.split(' ').includes(dtype))?.[0]
    if (bits === undefined) throw new SyntaxError('an unknown dtype')
    const shape = itemsOf(fields.get('shape')).map(integerOf)
    if (shape.some((axis) => axis > Number.MAX_SAFE_INTEGER)) throw new SyntaxError('an axis is too long')
    const size = [...shape, bits].reduce((product, factor) => {
      if (product * factor >= LIMIT_64) throw new SyntaxError('beyond 64 bits')
      return product * factor
    }, 1n)
    const offsets = itemsOf(fields.get('data_offsets')).map(integerOf)
    const [start = 0n, end = 0n] = offsets
    if (offsets.length !== 2 || size % 8n !== 0n || end - start !== size / 8n)
      throw new SyntaxError('offsets that do not fit')
    if (end > BigInt(file.length - base)) throw new SyntaxError('beyond the end of the file')
    const [first, last] = [base + Number(start), base + Number(end)]
    const sha256 = createHash('sha256').update(file.subarray(first, last)).digest('hex')
    tensors.set(name, { dtype, shape: shape.map(Number), start: first, end: last, sha256 })
  }
  let position = base
  for (const { start, end } of [...tensors.values()].toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    if (start !== position) throw new SyntaxError('a hole or an overlap')
    position = end
  }
  if (position !== file.length) throw new SyntaxError('bytes after the last tensor')
  return tensors
}

/**
 * Read a model like a reader that trusts the file: the last of two equal names wins, and nothing is checked.
 * The control of the round.
 */
export function readNaively(entry: string, files: Files): number {
  const content = files.get(entry) ?? Buffer.alloc(0)
  if (entry.endsWith('.index.json')) {
    const { weight_map: map } = JSON.parse(String(content)) as { weight_map: Record<string, string> }
    return Object.keys(map).length
  }
  const header = JSON.parse(String(content.subarray(8, 8 + Number(content.readBigUInt64LE())))) as object
  return Object.keys(header).length
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new SyntaxError('not UTF-8')
  }
}
