/** The tensors of a model in columns: a million of them need no object each. */
import { basename, dirname, relative, sep } from 'node:path'
import { primary, toDigests } from '../core/digest.ts'
import { writePlan } from '../core/sample-plan.ts'
import { compareUtf8 } from '../util/text-order.ts'
import type { Digest, RawDigests } from '../core/digest.ts'
import type { SamplePlan } from '../core/sample-plan.ts'
import type { NativeModel, NativeShard, NativeTensorDigests, NativeWeights } from '../native/load.ts'

/** One tensor. */
export interface TensorInfo {
  readonly name: string
  /** Data type as safetensors spells it. */
  readonly dtype: string
  /** Elements per axis, C order; empty for a scalar. */
  readonly shape: readonly number[]
  /** Plain digest of its elements; a `sampled` one if only a part of it was read. */
  readonly digest: Digest
  /** Name of the file that contains it. */
  readonly file: string
  /** Bytes of its elements. */
  readonly bytes: number
  /** First byte in that file; absent if its elements do not lie there in one piece in their final form. */
  readonly start?: number
  /** One past the last byte in that file; absent like `start`. */
  readonly end?: number
}

/** Name, dtype, shape and size of a tensor, without its content and location. */
export type TensorType = Pick<TensorInfo, 'name' | 'dtype' | 'shape' | 'bytes'>

/** Tensors, parameters and bytes of one dtype. */
export interface DtypeTotal {
  readonly tensors: number
  readonly parameters: number
  readonly bytes: number
}

/** Bytes at the start of a digest that are compared as one number: the most that a double holds exactly. */
const KEY_BYTES = 6

/** The tensors of all shards of a model, in the order of the UTF-8 bytes of their names. */
export class TensorColumns {
  readonly count: number
  readonly #shards: readonly NativeShard[]
  /** The number of the shard and the number within it, of each tensor; absent for one shard, whose tensors are sorted. */
  readonly #order: { readonly shards: Uint32Array; readonly indices: Uint32Array } | undefined
  readonly #written: string | undefined

  /** @param plan The sampling plan, if a sample was taken. */
  constructor({ shards }: NativeModel, plan?: SamplePlan) {
    this.#shards = shards
    this.count = shards.reduce((count, { names }) => count + names.length, 0)
    this.#order = shards.length === 1 ? undefined : mergedOrder(shards, this.count)
    this.#written = plan && writePlan('tensor', plan)
  }

  /** Return what each tensor is, in order. */
  *types(): Generator<TensorType> {
    for (let at = 0; at < this.count; at++) {
      const [shard, index] = this.#locate(at)
      yield typeOf(shard, index)
    }
  }

  /** Build an object for each tensor, in order. */
  toInfos(): TensorInfo[] {
    const fileNames = new Map<NativeShard, string>()
    return Array.from({ length: this.count }, (_, at) => {
      const [shard, index] = this.#locate(at)
      let name = fileNames.get(shard)
      if (name === undefined) fileNames.set(shard, (name = basename(shard.path)))
      const { name: tensor, dtype, shape, bytes } = typeOf(shard, index)
      const start = shard.starts[index] ?? -1
      const sibling = shard.siblings[shard.locations[index] ?? -1]
      return {
        name: tensor,
        dtype,
        shape,
        digest: this.#digestOf(shard, index),
        file: sibling === undefined ? name : siblingName(shard, sibling.path),
        bytes,
        ...(start >= 0 && { start, end: start + bytes }),
      }
    })
  }

  /** Count tensors, elements and bytes by dtype. */
  totals(): { parameters: number; bytes: number; dtypes: Record<string, DtypeTotal> } {
    const dtypes: Record<string, { tensors: number; parameters: number; bytes: number }> = {}
    for (const { dtype, shape, bytes } of this.types()) {
      const total = (dtypes[dtype] ??= { tensors: 0, parameters: 0, bytes: 0 })
      total.tensors++
      total.parameters += shape.reduce((product, dimension) => product * dimension, 1)
      total.bytes += bytes
    }
    const sum = (field: 'parameters' | 'bytes'): number =>
      Object.values(dtypes).reduce((total, dtype) => total + dtype[field], 0)
    return { parameters: sum('parameters'), bytes: sum('bytes'), dtypes }
  }

  /**
   * Group the names of tensors that share dtype, shape and bits. Empty tensors all do and are excluded; so are those not
   * read whole.
   */
  ties(): string[][] {
    const groups = new Map<string, string[]>()
    for (const at of this.#sharingKeys()) {
      const [shard, index] = this.#locate(at)
      const { name, dtype, shape } = typeOf(shard, index)
      const key = `${dtype} ${shape.join('x')} ${this.#digestOf(shard, index).hex}`
      const group = groups.get(key)
      if (group) group.push(name)
      else groups.set(key, [name])
    }
    return [...groups.values()].filter((group) => group.length > 1)
  }

  /** Return the tensors whose digests begin like that of another. Only they can be equal, and few of many are. */
  *#sharingKeys(): Generator<number> {
    const keys = new Float64Array(this.count)
    for (let at = 0; at < this.count; at++) keys[at] = this.#keyOf(at)
    const sorted = keys.toSorted()
    const shared = new Set<number>()
    for (let at = 1; at < sorted.length; at++) {
      const key = sorted[at] ?? -1
      if (key >= 0 && key === sorted[at - 1]) shared.add(key)
    }
    for (const [at, key] of keys.entries()) if (shared.has(key)) yield at
  }

  /** Return the first bytes of the digest of a tensor as a number; -1 for one that has no bytes or was not read whole. */
  #keyOf(at: number): number {
    const [shard, index] = this.#locate(at)
    const { tensors } = shard
    if (shard.sizes[index] === 0 || (tensors.kind === 'sampled' && tensors.inPart[index] === 1)) return -1
    const { blake3, sha256 } = digestsOf(tensors)
    const bytes = blake3 ?? sha256
    if (bytes === undefined) return -1
    let key = 0
    for (let byte = 0; byte < KEY_BYTES; byte++) key = key * 256 + (bytes[index * 32 + byte] ?? 0)
    return key
  }

  #digestOf({ tensors }: NativeShard, index: number): Digest {
    return primary(
      tensors.kind === 'sampled' && tensors.inPart[index] === 1
        ? toDigests(tensors.digests, 'sampled', index, this.#written)
        : toDigests(digestsOf(tensors), undefined, index),
    )
  }

  #locate(at: number): [shard: NativeShard, index: number] {
    const shard = this.#shards[this.#order?.shards[at] ?? 0]
    if (shard === undefined) throw new RangeError(`there is no tensor ${at}`)
    return [shard, this.#order?.indices[at] ?? at]
  }
}

/** Return the order of the tensors of several shards. */
function mergedOrder(
  shards: readonly NativeShard[],
  count: number,
): { readonly shards: Uint32Array; readonly indices: Uint32Array } {
  const all = shards.flatMap(({ names }, shard) => names.map((name, index) => ({ name, shard, index })))
  // Each shard is sorted, and this sort is fast for runs that are.
  all.sort((a, b) => compareUtf8(a.name, b.name))
  const order = { shards: new Uint32Array(count), indices: new Uint32Array(count) }
  for (const [at, { shard, index }] of all.entries()) {
    order.shards[at] = shard
    order.indices[at] = index
  }
  return order
}

function typeOf(shard: NativeShard, index: number): TensorType {
  return {
    name: shard.names[index] ?? '',
    dtype: dtypeOf(shard, index),
    shape: shapeOf(shard, index),
    bytes: shard.sizes[index] ?? 0,
  }
}

/** Return the dtype of a tensor of a shard. */
export function dtypeOf({ dtypes, dtypeNames }: NativeShard, index: number): string {
  return dtypeNames[dtypes[index] ?? 0] ?? ''
}

/** Return the shape of a tensor of a shard. */
export function shapeOf({ dimensions, shapeEnds }: NativeShard, index: number): number[] {
  const shape: number[] = []
  const end = shapeEnds[index] ?? 0
  for (let axis = index === 0 ? 0 : (shapeEnds[index - 1] ?? 0); axis < end; axis++)
    shape.push(dimensions[axis] ?? 0)
  return shape
}

/** Return the path of a file below the folder of a shard, with `/` between its segments. */
export function siblingName(shard: NativeShard, path: string): string {
  return relative(dirname(shard.path), path).split(sep).join('/')
}

/** Return the digests of what was read; none where only headers were. */
export function digestsOf(read: NativeTensorDigests | NativeWeights): RawDigests {
  return read.kind === 'listed' ? {} : read.digests
}
