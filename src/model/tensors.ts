/** The tensors of a model, from what the addon read, and what follows from them. */
import { basename, dirname, relative, sep } from 'node:path'
import { primary, toDigests } from '../core/digest.ts'
import { writePlan } from '../core/sample-plan.ts'
import { LineaprintError } from '../core/errors.ts'
import { compareUtf8 } from '../util/text-order.ts'
import type { Algorithm, Digest, RawDigests } from '../core/digest.ts'
import type { NativeModel, NativeShard, NativeTensorDigests, NativeWeights } from '../native/load.ts'
import type { SamplePlan } from '../core/sample-plan.ts'
import type { ModelFile, ModelListing, ModelReport, TensorInfo } from './report.ts'

/** Return the tensors of all shards, sorted by name. */
export function tensorsOf(model: NativeModel, plan: SamplePlan | undefined): TensorInfo[] {
  const written = plan && writePlan('tensor', plan)
  const digestOf = ({ tensors: hashed }: NativeShard, index: number): Digest =>
    primary(
      hashed.kind === 'sampled' && hashed.inPart[index] === 1
        ? toDigests(hashed.digests, 'sampled', index, written)
        : toDigests(digestsOf(hashed), undefined, index),
    )
  const tensors = model.shards.flatMap((shard) =>
    shard.names.map((name, index) => ({
      name,
      dtype: shard.dtypes[index] ?? '',
      shape: shard.shapes[index] ?? [],
      digest: digestOf(shard, index),
      ...locationOf(shard, index),
    })),
  )
  return tensors.toSorted((a, b) => compareUtf8(a.name, b.name))
}

/** Say where a tensor lies: in the shard, or in a file beside it. */
function locationOf(shard: NativeShard, index: number): Pick<TensorInfo, 'file' | 'bytes' | 'start' | 'end'> {
  const { sizes, starts, locations, siblings } = shard
  const [bytes = 0, start = -1, location = -1] = [sizes[index], starts[index], locations[index]]
  const file =
    siblings[location] === undefined ? basename(shard.path) : siblingName(shard, siblings[location].path)
  return { file, bytes, ...(start >= 0 && { start, end: start + bytes }) }
}

/** Return the path of a file below the folder of a shard, with `/` between its segments. */
function siblingName(shard: NativeShard, path: string): string {
  return relative(dirname(shard.path), path).split(sep).join('/')
}

/** Count tensors, parameters and bytes, in total and of each dtype. */
export function totals(tensors: readonly TensorInfo[]): Pick<ModelReport, 'parameters' | 'bytes' | 'dtypes'> {
  const dtypes: Record<string, { tensors: number; parameters: number; bytes: number }> = {}
  for (const tensor of tensors) {
    const total = (dtypes[tensor.dtype] ??= { tensors: 0, parameters: 0, bytes: 0 })
    total.tensors++
    total.parameters += tensor.shape.reduce((product, dimension) => product * dimension, 1)
    total.bytes += tensor.bytes
  }
  const sum = (field: 'parameters' | 'bytes'): number =>
    Object.values(dtypes).reduce((total, dtype) => total + dtype[field], 0)
  return { parameters: sum('parameters'), bytes: sum('bytes'), dtypes }
}

/** Count the buffers, where every file says of each tensor whether it is one. */
export function buffersOf(
  { shards }: NativeModel,
  tensors: readonly TensorInfo[],
): Pick<ModelListing, 'buffers'> {
  const lists = shards.map(({ buffers }) => buffers)
  if (lists.some((names) => names === undefined)) return {}
  const names = new Set(lists.flatMap((list) => list ?? []))
  const buffers = tensors.filter(({ name }) => names.has(name))
  const elements = buffers.reduce((sum, { shape }) => sum + shape.reduce((all, axis) => all * axis, 1), 0)
  return { buffers: { tensors: buffers.length, elements } }
}

/**
 * Group tensors that share their bits. Empty tensors all do and are excluded; so are those not read whole.
 */
export function tiesOf(tensors: readonly TensorInfo[]): string[][] {
  const groups = new Map<string, string[]>()
  for (const { name, dtype, shape, digest, bytes } of tensors) {
    if (bytes === 0 || digest.kind !== undefined) continue
    const key = `${dtype} ${shape.join('x')} ${digest.hex}`
    const group = groups.get(key)
    if (group) group.push(name)
    else groups.set(key, [name])
  }
  return [...groups.values()].filter((group) => group.length > 1)
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
  return shards.flatMap(({ names, dtypes, shapes, tensors }) => {
    const bytes = digestsOf(tensors)[algorithm]
    if (bytes === undefined)
      throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', `the tensors have no ${algorithm} digests`)
    return names.map((name, at) => ({
      name,
      dtype: dtypes[at] ?? '',
      shape: shapes[at] ?? [],
      digest: bytes.subarray(32 * at, 32 * at + 32),
    }))
  })
}
