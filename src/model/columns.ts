/** The tensors of a model in columns: a million of them need no object each. */
import { basename, dirname, relative, sep } from 'node:path'
import { primary, toDigests } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { writePlan } from '../core/sample-plan.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { healthOf } from './health.ts'
import { tiesOf, totals } from './tensors.ts'
import type { Algorithm, Digest, RawDigests } from '../core/digest.ts'
import type { SamplePlan } from '../core/sample-plan.ts'
import type { NativeModel, NativeShard, NativeTensorDigests, NativeWeights } from '../native/load.ts'
import type { ModelFile, ModelListing, TensorEntry, TensorInfo } from './report.ts'
import type { TensorType, Totals } from './tensors.ts'

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
    let last: readonly number[] = []
    for (let at = 0; at < this.count; at++) {
      const [shard, index] = this.#locate(at)
      // Neighbours often have one shape, and a million arrays of it would fill the memory until they are collected.
      const shape = hasShape(shard, index, last) ? last : shapeOf(shard, index)
      last = shape
      yield {
        name: shard.names[index] ?? '',
        dtype: dtypeOf(shard, index),
        shape,
        bytes: shard.sizes[index] ?? 0,
      }
    }
  }

  /** Build an object for each tensor, in order; or only for those from `start` up to `end`. */
  toInfos(start: number = 0, end: number = this.count): TensorInfo[] {
    return this.toEntries(start, end).map(({ name, dtype, shape, ...location }, offset) => {
      const [shard, index] = this.#locate(start + offset)
      const digest = this.#digestOf(shard, index)
      return { name, dtype, shape, digest, ...location, ...healthAt(shard, index) }
    })
  }

  /** Build an object like those of {@link toInfos} for each tensor, of what the headers say. */
  toEntries(start: number = 0, end: number = this.count): TensorEntry[] {
    const fileNames = new Map<NativeShard, string>()
    return Array.from({ length: end - start }, (_, offset) => {
      const [shard, index] = this.#locate(start + offset)
      let name = fileNames.get(shard)
      if (name === undefined) fileNames.set(shard, (name = basename(shard.path)))
      const { name: tensor, dtype, shape, bytes } = typeOf(shard, index)
      const first = shard.starts[index] ?? -1
      const sibling = shard.siblings[shard.locations[index] ?? -1]
      return {
        name: tensor,
        dtype,
        shape,
        file: sibling === undefined ? name : siblingName(shard, sibling.path),
        bytes,
        ...(first >= 0 && { start: first, end: first + bytes }),
      }
    })
  }

  /** Count tensors, elements and bytes by dtype. */
  totals(): Totals {
    return totals(this.types())
  }

  /** Count the buffers, where every file says of each tensor whether it is one. */
  buffers(): Pick<ModelListing, 'buffers'> {
    const lists = this.#shards.map(({ buffers }) => buffers)
    if (lists.some((names) => names === undefined)) return {}
    const names = new Set(lists.flatMap((list) => list ?? []))
    let [tensors, elements] = [0, 0]
    for (const { name, shape } of names.size === 0 ? [] : this.types()) {
      if (!names.has(name)) continue
      tensors++
      elements += shape.reduce((all, axis) => all * axis, 1)
    }
    return { buffers: { tensors, elements } }
  }

  /**
   * Group the names of tensors that share dtype, shape and bits. Empty tensors all do and are excluded; so are those not
   * read whole.
   */
  ties(): string[][] {
    return tiesOf(this.#sharing())
  }

  *#sharing(): Generator<TensorType & { readonly digest: Digest }> {
    for (const at of this.#sharingKeys()) {
      const [shard, index] = this.#locate(at)
      yield { ...typeOf(shard, index), digest: this.#digestOf(shard, index) }
    }
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
    if (shared.size === 0) return
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

function healthAt({ health }: NativeShard, index: number): Pick<TensorInfo, 'health'> {
  const counted = health?.[index]
  return counted === undefined || counted === null ? {} : { health: healthOf(counted) }
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

/** Check whether a tensor of a shard has a shape. */
function hasShape({ dimensions, shapeEnds }: NativeShard, index: number, shape: readonly number[]): boolean {
  const start = index === 0 ? 0 : (shapeEnds[index - 1] ?? 0)
  if ((shapeEnds[index] ?? 0) - start !== shape.length) return false
  for (let axis = 0; axis < shape.length; axis++) if (dimensions[start + axis] !== shape[axis]) return false
  return true
}

/** Return the path of a file below the folder of a shard, with `/` between its segments. */
function siblingName(shard: NativeShard, path: string): string {
  return relative(dirname(shard.path), path).split(sep).join('/')
}

/** Return the digests of what was read; none where only headers were. */
export function digestsOf(read: NativeTensorDigests | NativeWeights): RawDigests {
  return read.kind === 'listed' ? {} : read.digests
}

/** Return the weights files: the shards, each with the files beside it that hold elements. */
export function filesOf({ shards }: NativeModel): ModelFile[] {
  return shards.flatMap((shard) => [
    fileOf(basename(shard.path), shard),
    ...shard.siblings.map((file) => fileOf(siblingName(shard, file.path), file)),
  ])
}

function fileOf(name: string, { size, file }: Pick<NativeShard, 'size' | 'file'>): ModelFile {
  return { name, size, ...(file && { digests: toDigests(file) }) }
}

/** Return the tensors of all shards with the digests of one algorithm, as `weights` takes them. */
export function tensorItems(
  { shards }: NativeModel,
  algorithm: Algorithm,
): { name: string; dtype: string; shape: number[]; digest: Uint8Array }[] {
  return shards.flatMap((shard) => {
    const bytes = digestsOf(shard.tensors)[algorithm]
    if (bytes === undefined)
      throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', `the tensors have no ${algorithm} digests`)
    return shard.names.map((name, at) => ({
      name,
      dtype: dtypeOf(shard, at),
      shape: shapeOf(shard, at),
      digest: bytes.subarray(32 * at, 32 * at + 32),
    }))
  })
}
