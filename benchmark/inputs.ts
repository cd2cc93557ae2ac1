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

/** The inputs, each created on first use. */
export class Inputs {
  readonly directory: string
  readonly sizes: InputSizes
  readonly #made = new Map<string, FileSet>()
  readonly #progress: (message: string) => void

  constructor(parent: string, sizes: InputSizes, progress: (message: string) => void) {
    this.directory = mkdtempSync(join(parent, 'lineaprint-benchmark-'))
    this.sizes = sizes
    this.#progress = progress
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
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  const file = openSync(path, 'w')
  writeSync(file, Buffer.concat([length, text]))
  for (let remaining = offset; remaining > 0; remaining -= MEBIBYTE)
    writeSync(file, content.take(Math.min(remaining, MEBIBYTE)))
  closeSync(file)
  return 8 + text.length + offset
}
