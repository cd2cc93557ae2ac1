/** Model files of every format, as their reference writers wrote them, and changes to them. */
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import { changedBytes, pick } from './support/changed-bytes.ts'
import type { Generator } from '../src/capture/seeds/generator.ts'

/** A model to read. */
export interface ModelCase {
  /** The file through which it is read. */
  readonly entry: string
  /** All its files by their paths below a folder. */
  readonly files: ReadonlyMap<string, Buffer>
}

const ROOT = fileURLToPath(new URL('../vectors/models/', import.meta.url))

/** Longer files consist mostly of values. */
const LONGEST = 50_000

const ENTRY = /\.(?:safetensors|pt|gguf|npz|onnx|keras|h5|tflite|msgpack)$/

/** The models of `vectors/models`. */
export const MODELS: readonly ModelCase[] = readdirSync(ROOT).toSorted().flatMap(modelsOf)

function modelsOf(format: string): ModelCase[] {
  const root = join(ROOT, format)
  const all = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(root, name)).isFile() && statSync(join(root, name)).size <= LONGEST)
    .toSorted()
  const read = (names: readonly string[], from = root): Map<string, Buffer> =>
    new Map(names.map((name) => [relative(from, join(root, name)), readFileSync(join(root, name))]))
  // The files that an ONNX file can name, and the parts of a divided model, lie beside it.
  const siblings = (entry: string): string[] =>
    all.filter(
      (name) =>
        (entry.endsWith('.onnx') && /\.(?:data|bin)$/.test(name)) ||
        (entry.startsWith('split-') && name.startsWith('split-')),
    )
  const single = all
    .filter((name) => ENTRY.test(name))
    .map((entry) => ({ entry, files: read([...new Set([entry, ...siblings(entry)])]) }))
  const folders = all
    .filter((name) => basename(name) === 'model.json')
    .map((manifest) => {
      const folder = join(root, manifest, '..')
      const names = all.filter((name) => join(root, name, '..') === folder)
      return { entry: 'model.json', files: read(names, folder) }
    })
  return [...single, ...folders]
}

/** Return the model with a few changes to one of its files, most of them to the one through which it is read. */
export function mutatedModel({ entry, files }: ModelCase, random: Generator): ModelCase {
  const name = random.integer(0, 4) > 0 ? entry : pick(random, [...files.keys()])
  let bytes = files.get(name) ?? Buffer.alloc(0)
  if (bytes.subarray(0, 4).equals(LOCAL) && random.integer(0, 2) > 0) bytes = memberChanged(bytes, random)
  else
    for (let changes = random.integer(1, 4); changes > 0 && bytes.length > 0; changes--)
      bytes = changedBytes(bytes, position(bytes.length, random), random)
  return { entry, files: new Map([...files, [name, bytes]]) }
}

/** Draw a position; headers are at the start or at the end of most files. */
function position(length: number, random: Generator): number {
  const near = Math.min(length, 600) - 1
  const where = random.integer(0, 3)
  if (where === 0) return random.integer(0, near)
  return where === 1 ? length - 1 - random.integer(0, near) : random.integer(0, length - 1)
}

const LOCAL = Buffer.from('PK\u0003\u0004')
const CENTRAL = Buffer.from('PK\u0001\u0002')

/** Change bytes of a stored member of a zip, and its checksum so that it fits. */
function memberChanged(bytes: Buffer, random: Generator): Buffer {
  const copy = Buffer.from(bytes)
  const entries: number[] = []
  for (let at = copy.indexOf(CENTRAL); at >= 0; at = copy.indexOf(CENTRAL, at + 4)) entries.push(at)
  const stored = entries.filter((at) => copy.readUInt16LE(at + 10) === 0 && copy.readUInt32LE(at + 20) > 0)
  if (stored.length === 0) return changedBytes(copy, random.integer(0, copy.length - 1), random)
  const entry = pick(random, stored)
  const [length, header] = [copy.readUInt32LE(entry + 20), copy.readUInt32LE(entry + 42)]
  const start = header + 30 + copy.readUInt16LE(header + 26) + copy.readUInt16LE(header + 28)
  for (let changes = random.integer(1, 4); changes > 0; changes--)
    copy[start + random.integer(0, length - 1)] = random.integer(0, 255)
  const sum = crc32(copy.subarray(start, start + length))
  copy.writeUInt32LE(sum, entry + 16)
  if ((copy.readUInt16LE(header + 6) & 8) === 0) copy.writeUInt32LE(sum, header + 14)
  else copy.writeUInt32LE(sum, start + length + 4)
  return copy
}

/** The first bytes of each format, and their offset. */
const STARTS: readonly (readonly [suffix: RegExp, start: string, offset: number])[] = [
  [/\.(?:npz|keras)$/, 'PK', 0],
  [/\.gguf$/, 'GGUF', 0],
  [/\.h5$/, '\x89HDF', 0],
  [/\.tflite$/, 'TFL3', 4],
  [/\.safetensors$/, '{', 8],
  [/\.json$/, '{', 0],
]

/** Check whether a file starts as its format does, which proves little. The control of the round. */
export function startsRight({ entry, files }: ModelCase): boolean {
  const content = files.get(entry) ?? Buffer.alloc(0)
  const start = STARTS.find(([suffix]) => suffix.test(entry))
  if (start === undefined) return content.length > 0
  const [, text, offset] = start
  return content.toString('latin1', offset, offset + text.length) === text
}
