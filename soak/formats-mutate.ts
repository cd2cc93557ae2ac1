/** Model files, and changes that a careless or hostile writer might make. */
import { floats, fromHeader, safetensors } from '../__test__/support/safetensors.ts'
import type { TensorToWrite } from '../__test__/support/safetensors.ts'
import type { Generator } from '../src/capture/seeds/generator.ts'
import type { Files } from './formats-reader.ts'

/** A model to read. */
export interface Model {
  /** The file through which it is read. */
  readonly entry: string
  readonly files: Files
}

const NUMBERS = (
  '0 -0 -1 1 2 3 4 8 00 1.0 1e2 0.5 65535 2147483648 4294967296 1e400 null "4" [4] ' +
  '9007199254740991 9007199254740992 4611686018427387904 9223372036854775807 9223372036854775808 ' +
  '18446744073709551615 18446744073709551616'
).split(' ')

const DTYPES = ['F64', 'F32', 'BF16', 'I8', 'BOOL', 'F4', 'F6_E2M3', 'C64', 'f32', 'F128', '']

const LENGTHS = [0n, 1n, 8n, 99_999_999n, 100_000_000n, 100_000_001n, 1n << 32n, 1n << 63n, (1n << 64n) - 1n]

const SHARDS = [
  'a.safetensors',
  'b.safetensors',
  '../a.safetensors',
  '/etc/passwd',
  '.',
  '',
  'a',
  'a\u0000',
  'C:a',
]

/** Return a valid model. */
export function soundModel(random: Generator): Model {
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => random.integer(0, 255))
  const tensorsByName: Record<string, TensorToWrite> = {
    'layer.0.weight': floats([1, 2, 3, 4, 5, 6], [2, 3]),
    'layer.0.bias': floats([random.next()], []),
    'größe 🦀': { dtype: 'U8', shape: [random.integer(0, 40)], data: new Uint8Array() },
    empty: { dtype: 'I64', shape: [3, 0], data: new Uint8Array() },
    packed: { dtype: 'F4', shape: [2, 4], data: bytes(4) },
    half: { dtype: 'BF16', shape: [5], data: bytes(10) },
  }
  const drawn = Object.entries(tensorsByName)
    .filter(() => random.integer(0, 3) > 0)
    .map(([name, tensor]) => {
      const data = tensor.dtype === 'U8' ? bytes(tensor.shape[0] ?? 0) : tensor.data
      return [name, { ...tensor, data }] as const
    })
  const metadata = random.integer(0, 1) === 0 ? undefined : { format: 'pt', note: 'a "note"\n' }
  if (random.integer(0, 2) > 0) {
    const file = Buffer.from(safetensors(Object.fromEntries(drawn), metadata))
    return { entry: 'model.safetensors', files: new Map([['model.safetensors', file]]) }
  }
  const cut = random.integer(0, drawn.length)
  const shards = [drawn.slice(0, cut), drawn.slice(cut)]
  const names = ['a.safetensors', 'b.safetensors']
  const map = shards.flatMap((tensors, shard) => tensors.map(([name]) => [name, names[shard]] as const))
  const index = JSON.stringify({ metadata: { total_size: 1 }, weight_map: Object.fromEntries(map) })
  const files = shards.map((tensors) => Buffer.from(safetensors(Object.fromEntries(tensors), metadata)))
  const entry = 'model.safetensors.index.json'
  const all = [...names.entries()].map(([shard, name]) => [name, files[shard] ?? Buffer.alloc(0)] as const)
  return { entry, files: new Map([[entry, Buffer.from(index)], ...all]) }
}

/** Return the model with a few changes to one of its files. */
export function mutated({ entry, files }: Model, random: Generator): Model {
  const name = pick(random, [...files.keys()])
  let content = files.get(name) ?? Buffer.alloc(0)
  for (let changes = random.integer(1, 3); changes > 0; changes--) {
    const isText = name.endsWith('.json')
    if (random.integer(0, 2) === 0) content = bytesChanged(content, random, !isText)
    else if (isText) content = Buffer.from(textChanged(content.toString(), random))
    else content = headerChanged(content, random)
  }
  return { entry, files: new Map([...files, [name, content]]) }
}

/** Change the text of the header and keep its length field correct. */
function headerChanged(content: Buffer, random: Generator): Buffer {
  if (content.length < 8) return content
  const end = 8 + Number(content.readBigUInt64LE())
  const text = content.subarray(8, end).toString()
  return Buffer.from(fromHeader(textChanged(text, random), content.subarray(end)))
}

function bytesChanged(content: Buffer, random: Generator, hasLength: boolean): Buffer {
  const at = random.integer(0, content.length)
  const to = Math.min(content.length, at + random.integer(1, 16))
  const [before, after] = [content.subarray(0, at), content.subarray(to)]
  switch (random.integer(0, hasLength ? 6 : 5)) {
    case 0:
      return Buffer.concat([before, Buffer.from([random.integer(0, 255)]), content.subarray(at + 1)])
    case 1:
      return Buffer.concat([before, after])
    case 2:
      return Buffer.concat([content.subarray(0, to), content.subarray(at)])
    case 3:
      return Buffer.from(before)
    case 4:
      return Buffer.concat([content, Buffer.alloc(random.integer(1, 9), random.integer(0, 1) * 32)])
    case 5: {
      const copy = Buffer.from(content)
      if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ (1 << random.integer(0, 7))
      return copy
    }
    default: {
      const copy = Buffer.concat([content, Buffer.alloc(Math.max(0, 8 - content.length))])
      const lie =
        random.integer(0, 1) === 0 ? pick(random, LENGTHS) : BigInt(copy.length + random.integer(-20, 4))
      copy.writeBigUInt64LE(lie < 0n ? 0n : lie)
      return copy
    }
  }
}

function textChanged(text: string, random: Generator): string {
  const swap = (pattern: RegExp, by: (match: string) => string): string => {
    const all = [...text.matchAll(pattern)]
    const match = all[random.integer(0, Math.max(0, all.length - 1))]
    if (match === undefined) return text
    return text.slice(0, match.index) + by(match[0]) + text.slice(match.index + match[0].length)
  }
  const entry = /"[^"]*":\{[^{}]*\}/g
  const changes: (() => string)[] = [
    () => swap(/[0-9]+/g, () => pick(random, NUMBERS)),
    () => swap(/[0-9]+/g, (match) => String(Number(match) + random.integer(-2, 2))),
    () => swap(/"dtype":"[^"]*"/g, () => `"dtype":"${pick(random, DTYPES)}"`),
    // Duplicated, unchanged or with a name that is equal only after unescaping.
    () => swap(entry, (match) => `${match},${match}`),
    () => swap(/"[a-z_]/g, (match) => `"\\u00${match.charCodeAt(1).toString(16)}`),
    () =>
      swap(entry, (match) => `${match},${match.replace(/^"(.)/, (_, first: string) => `"\\u${hex(first)}`)}`),
    () => swap(entry, () => ''),
    () => swap(entry, (match) => match.replace(/\{|$/, (end) => (end === '{' ? '{"extra":1,' : end))),
    // Readers that map objects to structures may accept a list of the same fields.
    () => swap(entry, (match) => match.replace(/:\{.*\}$/, ':["F32",[1],[0,4]]')),
    () => swap(/\[[0-9,]*\]/g, (match) => match.replace(']', ',1]').replace('[,', '[')),
    () =>
      swap(
        /[,:{}[\]]/g,
        (match) => match + pick(random, [' ', '\n', '\t', ',', '\u00a0', '{', ']', '\u0000']),
      ),
    () => swap(/[,:{}[\]]/g, () => ''),
    () =>
      swap(/"[^"]*"/g, () =>
        pick(random, ['"\\ud800"', '""', '"__metadata__"', '"\\q"', 'null', '"é"', '"a\u0001"']),
      ),
    () => swap(/"[^"]*\.safetensors"/g, () => JSON.stringify(pick(random, SHARDS))),
    () => swap(/\{/g, () => `{"__metadata__":{"a":${'['.repeat(random.integer(1, 3000))}},`),
    () => text + ' '.repeat(random.integer(1, 20)),
    () => pick(random, [' ', '\n', '\ufeff']) + text,
    () => text + pick(random, ['\n', '\t', '{}', '\u0000']),
    () => swap(/"__metadata__":\{/g, (match) => `${match}"a":"b","a":"c",`),
    () => swap(/^\{/g, () => `{"padding":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},`),
  ]
  return pick(random, changes)()
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(4, '0')
}

function pick<T>(random: Generator, values: readonly T[]): T {
  return values[random.integer(0, values.length - 1)] as T
}
