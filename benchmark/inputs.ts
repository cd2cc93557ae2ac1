/**
 * Inputs of the benchmark: created once per run from fixed seeds, in a folder of their own, and removed at
 * the end.
 *
 * After the files of an input are written they are synced, so that no disk is busy with them while
 * contestants read them from the page cache.
 */
import { spawnSync } from 'node:child_process'
import { createCipheriv } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Cipheriv } from 'node:crypto'

/** Sizes of the inputs. */
export interface InputSizes {
  /** Bytes of the large file. */
  readonly largeBytes: number
  /** Files in the folder of small files. */
  readonly smallFiles: number
  /** Width of the model's layers. */
  readonly hidden: number
  /** Bytes of the tensors of the model that is written in every format. */
  readonly modelBytes: number
  /** Tensors of the file of very many. */
  readonly manyTensors: number
  /** Elements of the array. */
  readonly elements: number
  /** Rows of the table. */
  readonly rows: number
}

/** A set of files that all contestants of a case read. */
export interface FileSet {
  readonly path: string
  readonly files: readonly string[]
  readonly bytes: number
}

const MEBIBYTE = 1 << 20

const WRITE_PARQUET = `
import sys
import pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq
rows = int(sys.argv[2])
def uniform(seed):
    return pc.random(rows, initializer=seed)
words = pa.array([f"word {number}" for number in range(1000)])
some = pc.cast(pc.floor(pc.multiply(uniform(1), 1000)), pa.int64())
pq.write_table(pa.table({
    "id": pa.array(range(rows), pa.int64()),
    "value": pc.if_else(pc.less(uniform(2), 0.1), None, uniform(3)),
    "word": words.take(some),
    "text": pc.cast(uniform(4), pa.string()),
    "time": pc.cast(pc.cast(pc.floor(pc.multiply(uniform(5), 10.0**15)), pa.int64()), pa.timestamp("us", "UTC")),
}), sys.argv[1])
`

/** Writes the rows of a table into another format. */
const CONVERT_PARQUET = `
import sys
import pyarrow.feather, pyarrow.csv, pyarrow.parquet
table = pyarrow.parquet.read_table(sys.argv[1])
if sys.argv[2].endswith(".csv"):
    pyarrow.csv.write_csv(table, sys.argv[2])
else:
    pyarrow.feather.write_feather(table, sys.argv[2], compression="uncompressed", chunksize=65536)
`

/** Writes another version of a table: cells changed, rows removed and added, or a tenth of its rows. */
const EDIT_PARQUET = `
import sys
import pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq
table = pq.read_table(sys.argv[1])
rows, edit = table.num_rows, sys.argv[3]
if edit == "tenth":
    table = table.slice(rows // 2, rows // 10)
elif edit == "rows":
    step = rows // 500
    kept = pa.array([row % step != 7 for row in range(rows)])
    added = table.slice(0, 500)
    added = added.set_column(0, "id", pa.array(range(rows, rows + 500), pa.int64()))
    table = pa.concat_tables([table.slice(0, 100), added, table.slice(100)])
    table = table.filter(pa.concat_arrays([kept.slice(0, 100), pa.array([True] * 500), kept.slice(100)]))
else:
    step = rows // 1000
    for column, offset in (("value", 3), ("word", 5)):
        at = [row % step == offset and row // step % 2 == (column == "word") and row // step < 1000 for row in range(rows)]
        other = pa.scalar(-1.0) if column == "value" else pa.scalar("changed")
        index = table.schema.get_field_index(column)
        table = table.set_column(index, column, pc.if_else(pa.array(at), other, table[column]))
pq.write_table(table, sys.argv[2])
`

/** The inputs, each created on first use. */
export class Inputs {
  readonly directory: string
  readonly sizes: InputSizes
  readonly #made = new Map<string, FileSet>()
  readonly #ends: (() => Promise<void>)[] = []
  readonly #progress: (message: string) => void

  constructor(parent: string, sizes: InputSizes, progress: (message: string) => void) {
    this.directory = mkdtempSync(join(parent, 'lineaprint-benchmark-'))
    this.sizes = sizes
    this.#progress = progress
  }

  /** Have something stopped after the last case: what several cases use. */
  atEnd(stop: () => Promise<void>): void {
    this.#ends.push(stop)
  }

  /** Stop what the cases have started, the last first. */
  async end(): Promise<void> {
    for (const stop of this.#ends.splice(0).toReversed()) await stop()
  }

  /** Remove everything. */
  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }

  /**
   * Create one large file, written `step` bytes at a time: the page cache then holds it in large or in small
   * folios, and small ones make reading slower.
   */
  largeFile(step: number): FileSet {
    return this.#once(`large-${step}`, (path) => {
      writeFileSync(path, '')
      const file = openSync(path, 'w')
      const bytes = new Keystream(1)
      for (let remaining = this.sizes.largeBytes; remaining > 0; remaining -= MEBIBYTE) {
        const block = bytes.take(Math.min(remaining, MEBIBYTE))
        for (let at = 0; at < block.length; at += step)
          writeSync(file, block, at, Math.min(step, block.length - at))
      }
      closeSync(file)
      return { path, files: [path], bytes: this.sizes.largeBytes }
    })
  }

  /**
   * Create a table of numbers, words, texts and times, written by pyarrow, with nulls.
   *
   * @param python An interpreter that has pyarrow.
   */
  parquetFile(python: string): FileSet {
    return this.#once('table.parquet', (path) => {
      const args = ['-c', WRITE_PARQUET, path, String(this.sizes.rows)]
      const { status, stderr } = spawnSync(python, args, { encoding: 'utf8' })
      if (status !== 0) throw new Error(`pyarrow wrote no table: ${stderr}`)
      return { path, files: [path], bytes: statSync(path).size }
    })
  }

  /** Create a file of another format with the rows of that table: Arrow without compression, or CSV. */
  convertedTable(python: string, format: 'arrow' | 'csv'): FileSet {
    const from = this.parquetFile(python).path
    return this.#once(`table.${format}`, (path) => {
      const { status, stderr } = spawnSync(python, ['-c', CONVERT_PARQUET, from, path], { encoding: 'utf8' })
      if (status !== 0) throw new Error(`pyarrow wrote no table: ${stderr}`)
      return { path, files: [path], bytes: statSync(path).size }
    })
  }

  /** Create another version of that table. */
  editedParquet(python: string, edit: 'cells' | 'rows' | 'tenth'): FileSet {
    const before = this.parquetFile(python).path
    return this.#once(`table-${edit}.parquet`, (path) => {
      const args = ['-c', EDIT_PARQUET, before, path, edit]
      const { status, stderr } = spawnSync(python, args, { encoding: 'utf8' })
      if (status !== 0) throw new Error(`pyarrow wrote no table: ${stderr}`)
      return { path, files: [path], bytes: statSync(path).size }
    })
  }

  /** Create a sharded model of eight safetensors files with their index. */
  model(): FileSet {
    return this.#shardedModel('model', new Keystream(2))
  }

  /**
   * Create a model of the same tensors whose numbers are those of trained weights, between 2^-7 and 4, or (`tuned`) the
   * same with another last bit in half of them.
   */
  checkpoint(tuned: boolean): FileSet {
    return this.#shardedModel(tuned ? 'tuned' : 'base', new Keystream(4, (bytes) => toWeights(bytes, tuned)))
  }

  #shardedModel(named: string, content: Keystream): FileSet {
    return this.#once(named, (path) => {
      mkdirSync(path)
      const map: Record<string, string> = {}
      const files: string[] = []
      let bytes = 0
      for (let shard = 0; shard < 8; shard++) {
        const name = `model-0000${shard + 1}-of-00008.safetensors`
        const tensors = [0, 1, 2].flatMap((layer) => layerOf(shard * 3 + layer, this.sizes.hidden))
        for (const tensor of tensors) map[tensor.name] = name
        files.push(join(path, name))
        bytes += writeShard(join(path, name), tensors, content)
      }
      writeFileSync(
        join(path, 'model.safetensors.index.json'),
        JSON.stringify({ metadata: {}, weight_map: map }),
      )
      return { path, files, bytes }
    })
  }

  /**
   * Create a model in one file that follows from that of {@link model}: a copy; all layers cast to F32; or a third of the
   * layers each renamed, fused and cast.
   */
  derivedModel(kind: 'identical' | 'cast' | 'mixed'): FileSet {
    const { files } = this.model()
    return this.#once(`derived-${kind}.safetensors`, (path) => {
      const tensors = files.flatMap((file) => tensorsOf(file))
      const bytes = writeTensors(
        path,
        kind === 'identical' ? tensors.map(whole) : derivedTensors(tensors, kind),
      )
      return { path, files: [path], bytes }
    })
  }

  /** Create small files of 1 to 40 KiB, a hundred per folder. */
  smallFiles(): FileSet {
    return this.#once('small', (path) => {
      const content = new Keystream(3)
      const files: string[] = []
      let bytes = 0
      for (let index = 0; index < this.sizes.smallFiles; index++) {
        const folder = join(path, `part-${Math.floor(index / 1000)}`, `group-${Math.floor(index / 100) % 10}`)
        if (index % 100 === 0) mkdirSync(folder, { recursive: true })
        const size = 1024 + (content.take(4).readUInt32LE() % (39 * 1024 + 1))
        const file = join(folder, `item-${index}.bin`)
        writeFileSync(file, content.take(size))
        files.push(file)
        bytes += size
      }
      return { path, files, bytes }
    })
  }

  /** Create an array in memory: random bits as float64, some of them NaN. */
  array(): Float64Array {
    const bytes = new Keystream(4).take(this.sizes.elements * 8)
    return new Float64Array(new Uint8Array(bytes).buffer)
  }

  #once(name: string, make: (path: string) => FileSet): FileSet {
    const known = this.#made.get(name)
    if (known) return known
    this.#progress(`making ${name} …`)
    const made = make(join(this.directory, name))
    spawnSync('sync')
    this.#made.set(name, made)
    return made
  }
}

/** Return the bytes of a file, in memory that nothing else refers to. */
export function readWhole({ path, bytes }: FileSet): Buffer {
  const buffer = Buffer.alloc(bytes)
  const file = openSync(path, 'r')
  let done = 0
  while (done < bytes) {
    const count = readSync(file, buffer, done, Math.min(bytes - done, 16 * MEBIBYTE), done)
    if (count === 0) throw new Error(`${path} is shorter than it was written`)
    done += count
  }
  closeSync(file)
  return buffer
}

/** Incompressible bytes, determined by a seed: a cipher over zeros, because it is fast. */
class Keystream {
  readonly #cipher: Cipheriv

  readonly #shape: (bytes: Buffer) => Buffer

  constructor(seed: number, shape: (bytes: Buffer) => Buffer = (bytes) => bytes) {
    this.#shape = shape
    this.#cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16))
  }

  take(length: number): Buffer {
    return this.#shape(this.#cipher.update(Buffer.alloc(length)))
  }
}

/** Turn bytes into BF16 numbers of moderate exponents, in place; `tuned` ones have another last bit where it was 0. */
function toWeights(bytes: Buffer, tuned: boolean): Buffer {
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    if (tuned) bytes[at] = (bytes[at] ?? 0) | 1
    bytes[at + 1] = ((bytes[at + 1] ?? 0) & 0x83) | 0x3c
  }
  return bytes
}

interface TensorPlan {
  readonly name: string
  readonly shape: readonly number[]
}

/**
 * Return the tensors of one decoder layer of a language model: large matrices, and vectors of a few
 * kilobytes.
 */
function layerOf(layer: number, hidden: number): TensorPlan[] {
  const prefix = `model.layers.${layer}`
  const square = ['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((name) => `${prefix}.self_attn.${name}.weight`)
  const norms = ['input_layernorm', 'post_attention_layernorm'].map((name) => `${prefix}.${name}.weight`)
  return [
    ...square.map((name) => ({ name, shape: [hidden, hidden] })),
    { name: `${prefix}.mlp.gate_proj.weight`, shape: [3 * hidden, hidden] },
    { name: `${prefix}.mlp.up_proj.weight`, shape: [3 * hidden, hidden] },
    { name: `${prefix}.mlp.down_proj.weight`, shape: [hidden, 3 * hidden] },
    ...norms.map((name) => ({ name, shape: [hidden] })),
  ]
}

/** Return the first bytes of a safetensors file: the length of its header, and the header. */
function headOf(header: Readonly<Record<string, unknown>>): Buffer {
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text])
}

/** Write a safetensors file of BF16 tensors and return its length. */
function writeShard(path: string, tensors: readonly TensorPlan[], content: Keystream): number {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  const lengths = tensors.map(({ shape }) => shape.reduce((product, dimension) => product * dimension, 2))
  let offset = 0
  for (const [index, { name, shape }] of tensors.entries()) {
    const end = offset + (lengths[index] ?? 0)
    header[name] = { dtype: 'BF16', shape, data_offsets: [offset, end] }
    offset = end
  }
  const head = headOf(header)
  const file = openSync(path, 'w')
  writeSync(file, head)
  for (let remaining = offset; remaining > 0; remaining -= MEBIBYTE)
    writeSync(file, content.take(Math.min(remaining, MEBIBYTE)))
  closeSync(file)
  return head.length + offset
}

interface StoredTensor extends TensorPlan {
  readonly file: string
  readonly start: number
  readonly end: number
}

/** A tensor to write: the stored ones that it joins. */
interface JoinedTensor extends TensorPlan {
  readonly parts: readonly StoredTensor[]
  readonly isCast: boolean
}

function whole(tensor: StoredTensor): JoinedTensor {
  const { name, shape } = tensor
  return { name, shape, parts: [tensor], isCast: false }
}

/** Return the tensors of a file that {@link writeShard} wrote. */
function tensorsOf(file: string): StoredTensor[] {
  const opened = openSync(file, 'r')
  const length = Buffer.alloc(8)
  readSync(opened, length, 0, 8, 0)
  const text = Buffer.alloc(Number(length.readBigUInt64LE()))
  readSync(opened, text, 0, text.length, 8)
  closeSync(opened)
  const { __metadata__: _, ...listed } = JSON.parse(text.toString()) as Record<
    string,
    { readonly shape: readonly number[]; readonly data_offsets: readonly [number, number] }
  >
  const data = 8 + text.length
  return Object.entries(listed).map(
    ([
      name,
      {
        shape,
        data_offsets: [start, end],
      },
    ]) => ({
      name,
      shape,
      file,
      start: data + start,
      end: data + end,
    }),
  )
}

/** Names of the parts of fused tensors, by their name. */
const FUSED: Readonly<Record<string, readonly string[]>> = {
  'self_attn.qkv_proj': ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
  'mlp.gate_up_proj': ['mlp.gate_proj', 'mlp.up_proj'],
}

function derivedTensors(tensors: readonly StoredTensor[], kind: 'cast' | 'mixed'): JoinedTensor[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]))
  return tensors.flatMap((tensor): JoinedTensor[] => {
    const [, layer = '0', module = ''] = /^model\.layers\.([0-9]+)\.(.+)\.weight$/.exec(tensor.name) ?? []
    const third = kind === 'cast' ? 2 : Number(layer) % 3
    if (third === 0) return [{ ...whole(tensor), name: `decoder.${tensor.name}` }]
    if (third === 2) return [{ ...whole(tensor), isCast: true }]
    const [name, modules] = Object.entries(FUSED).find(([, parts]) => parts.includes(module)) ?? []
    if (name === undefined || modules === undefined) return [whole(tensor)]
    if (modules[0] !== module) return []
    const parts = modules.flatMap((part) => byName.get(`model.layers.${layer}.${part}.weight`) ?? [])
    const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0)
    return [
      {
        name: `model.layers.${layer}.${name}.weight`,
        shape: [rows, ...tensor.shape.slice(1)],
        parts,
        isCast: false,
      },
    ]
  })
}

/** Write tensors to one file and return its length. A cast from BF16 to F32 puts two zero bytes before each element. */
function writeTensors(path: string, tensors: readonly JoinedTensor[]): number {
  const header: Record<string, unknown> = {}
  let offset = 0
  for (const { name, shape, parts, isCast } of tensors) {
    const stored = parts.reduce((sum, { start, end }) => sum + end - start, 0)
    const end = offset + (isCast ? 2 * stored : stored)
    header[name] = { dtype: isCast ? 'F32' : 'BF16', shape, data_offsets: [offset, end] }
    offset = end
  }
  const head = headOf(header)
  const file = openSync(path, 'w')
  writeSync(file, head)
  const block = Buffer.alloc(MEBIBYTE)
  for (const { parts, isCast } of tensors) {
    for (const part of parts) {
      const source = openSync(part.file, 'r')
      for (let at = part.start; at < part.end; at += MEBIBYTE) {
        const count = readSync(source, block, 0, Math.min(MEBIBYTE, part.end - at), at)
        if (isCast) {
          const codes = new Uint16Array(block.buffer, block.byteOffset, count / 2)
          writeSync(file, new Uint8Array(Uint32Array.from(codes, (code) => code << 16).buffer))
        } else writeSync(file, block, 0, count)
      }
      closeSync(source)
    }
  }
  closeSync(file)
  return head.length + offset
}
