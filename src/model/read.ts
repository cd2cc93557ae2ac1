/**
 * Digests of a model, a safetensors file or a sharded Hugging Face folder: its architecture and its weights.
 */
import { basename } from 'node:path'
import { runJob } from '../native/job.ts'
import { primary, toDigests } from '../core/digest.ts'
import { native } from '../native/load.ts'
import { checkAlgorithm, checkKeys, checkPath } from '../core/options.ts'
import { sampleDigests } from '../hash/sample/digests.ts'
import { checkSample, toNativePlan } from '../hash/sample/options.ts'
import { SampleReport } from '../hash/sample/report.ts'
import { writePlan } from '../core/sample-plan.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { parseConfig, readConfig } from './config.ts'
import { refuseDisguised } from './disguised.ts'
import { refuseOtherFormats } from './other-formats.ts'
import { locateModel } from './locate.ts'
import { findTokenizer, readTokenizer } from './tokenizer.ts'
import type { AlgorithmChoice, Digest, Digests, RawDigests } from '../core/digest.ts'
import type { NativeModel, NativeShard, NativeTensorDigests, NativeWeights } from '../native/load.ts'
import type { SampledHashOptions } from '../hash/sample/options.ts'
import type { SamplePlan } from '../core/sample-plan.ts'
import type { ModelConfig } from './config.ts'
import type { ModelFiles } from './locate.ts'

/** Options of {@link readModel}. */
export interface ModelOptions extends SampledHashOptions {
  /** Also digest the exact files (`tree`), which hashes every byte a second time. @default false */
  readonly files?: boolean | undefined
  /**
   * Name of the weights file or shard index to read, in a folder with several. Without it, a folder with
   * several is refused unless all hold equal weights.
   */
  readonly weights?: string | undefined
}

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
  /** First byte in that file. */
  readonly start: number
  /** One past the last byte in that file. */
  readonly end: number
}

/** Tensors, parameters and bytes of one dtype. */
export interface DtypeTotal {
  readonly tensors: number
  readonly parameters: number
  readonly bytes: number
}

/** A file of the model. */
export interface ModelFile {
  readonly name: string
  readonly size: number
  /** Plain digests; only if `files` is set. */
  readonly digests?: Digests
}

/** A model. */
export interface ModelReport {
  /** Absolute path. */
  readonly path: string
  readonly format: 'safetensors'
  /** Names, dtypes, shapes and meaningful configuration. */
  readonly architecture: Digest
  /**
   * Named tensors and their element bits, whatever the sharding, order or metadata. A `sampled` digest if
   * only a part of any tensor was read.
   */
  readonly weights: Digest
  /** The exact files; only if `files` is set. A single file has a plain digest. */
  readonly tree?: Digest
  /** Vocabulary, merges and rules; only if the folder contains a tokenizer. */
  readonly tokenizer?: Digest
  /** All of the above with every requested algorithm. */
  readonly digests: {
    readonly architecture: Digests
    readonly weights: Digests
    readonly tree?: Digests
    readonly tokenizer?: Digests
  }
  readonly tensorCount: number
  /** Elements in all tensors. */
  readonly parameters: number
  /** Bytes of all tensors. */
  readonly bytes: number
  readonly dtypes: Readonly<Record<string, DtypeTotal>>
  /** Sorted by the UTF-8 bytes of their names. */
  readonly tensors: readonly TensorInfo[]
  /** Names of tensors with equal dtype, shape and bits, in groups. Sampled tensors are excluded. */
  readonly ties: readonly (readonly string[])[]
  readonly files: readonly ModelFile[]
  /** The name that the option `weights` gave; absent without it. */
  readonly selectedWeights?: string
  /** Names of files of the folder that hold weights in other formats. They are not read. Absent if none. */
  readonly otherCopies?: readonly string[]
  /** Name of the configuration file and the keys excluded from the architecture; absent if there is none. */
  readonly config?: { readonly name: string; readonly ignored: readonly string[] }
  /** The extent of the sample of the tensors; only if one was requested. */
  readonly sample?: SampleReport
  readonly warnings: readonly string[]
}

/**
 * Read a model and digest its architecture and weights in one read on all cores.
 *
 * With `sample`, each tensor is sampled by itself with the same plan; architecture and tokenizer are read
 * whole.
 *
 * @param path A safetensors file, a shard index, or a folder with either.
 * @throws ERR_LINEAPRINT_FORMAT for a file that breaks the rules of safetensors (above all two entries of one
 * name), AMBIGUOUS for a folder with two candidates of different weights, and the errors of {@link hashFile}.
 */
export function readModel(path: string, options: ModelOptions = {}): Promise<ModelReport> {
  return readModelWith(path, options, undefined)
}

/** The configuration of a model in the memory of a program, which has no folder. */
export interface GivenConfig {
  /** Name of its source, in place of that of a file. */
  readonly name: string
  /** JSON. */
  readonly text: string
  /** Keys that were left out of it before. */
  readonly ignored: readonly string[]
}

/** Read a model like {@link readModel}, with a configuration that is given in place of the one in its folder. */
export async function readModelWith(
  path: string,
  options: ModelOptions,
  given: GivenConfig | undefined,
): Promise<ModelReport> {
  checkKeys(options, ['files', 'sample', 'weights'])
  const algorithm = checkAlgorithm(options.algorithm)
  const plan = checkSample(options.sample, { files: options.files })
  const located = await locateModel(checkPath(path), {
    weights: options.weights,
    signal: options.signal,
    threads: options.threads,
  })
  await refuseDisguised(located.weights, 'a safetensors file')
  await refuseOtherFormats(located.weights)
  const config = await configOf(located, given)
  const { index } = located
  const wholeFolder = options.files === true && (located.isFolder || index !== undefined)
  const wanted = {
    algorithm,
    reading: plan
      ? { kind: 'sample' as const, plan: toNativePlan(plan) }
      : { kind: 'full' as const, parts: options.files === true ? ('both' as const) : ('tensors' as const) },
    ...(config && { config: config.canonical }),
    ...(index && { index }),
    ...(wholeFolder && { tree: located.folder }),
  }
  // The tokenizer is read on this thread while the addon's threads hash the weights.
  const reading = tokenizerDigests(located, algorithm)
  // If the weights fail first, nothing awaits this promise.
  reading.catch(() => undefined)
  const model = await runJob(options, (job, threads) =>
    native.readModel(job, [...located.weights], wanted, threads),
  )
  const tree = treeDigests(model)
  const tokenizer = await reading
  const tensors = tensorsOf(model, plan)
  const architecture = toDigests(model.architecture, 'architecture')
  const raw = digestsOf(model.weights)
  const extent = model.weights.kind === 'sampled' ? model.weights.extent : undefined
  const weights = plan && extent ? sampleDigests('weights', plan, extent, raw) : toDigests(raw, 'weights')
  return {
    path: located.isFolder ? located.folder : (index?.path ?? located.weights[0] ?? located.folder),
    format: 'safetensors',
    architecture: primary(architecture),
    weights: primary(weights),
    ...(tree && { tree: primary(tree) }),
    ...(tokenizer && { tokenizer: primary(tokenizer) }),
    digests: { architecture, weights, ...(tree && { tree }), ...(tokenizer && { tokenizer }) },
    tensorCount: tensors.length,
    ...totals(tensors),
    tensors,
    ties: tiesOf(tensors),
    files: model.shards.map(fileOf),
    ...(options.weights !== undefined && { selectedWeights: options.weights }),
    ...(located.otherCopies.length > 0 && { otherCopies: located.otherCopies }),
    ...(config && { config: { name: config.name, ignored: config.ignored } }),
    ...(extent && { sample: new SampleReport('weights', extent) }),
    warnings: [...located.warnings, ...warningsOf(model, config)],
  }
}

/** Return the configuration of a model with its name: the given one, else that of its folder. */
async function configOf(
  { config: path }: ModelFiles,
  given: GivenConfig | undefined,
): Promise<(ModelConfig & { readonly name: string }) | undefined> {
  if (given !== undefined) {
    const config = parseConfig(new TextEncoder().encode(given.text))
    return { ...config, name: given.name, ignored: [...given.ignored, ...config.ignored] }
  }
  return path === undefined ? undefined : { ...(await readConfig(path)), name: basename(path) }
}

/** Return a folder's `tree`, or the plain digest of a single file; both come from the read of the tensors. */
function treeDigests({ tree, shards: [only] }: NativeModel): Digests | undefined {
  if (tree !== undefined) return toDigests(tree, 'tree')
  return only?.file && toDigests(only.file)
}

async function tokenizerDigests(
  located: ModelFiles,
  algorithm: AlgorithmChoice,
): Promise<Digests | undefined> {
  if (!located.isFolder || (await findTokenizer(located.folder)).length === 0) return undefined
  return (await readTokenizer(located.folder, { algorithm })).digests
}

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
      file: basename(shard.path),
      start: shard.starts[index] ?? 0,
      end: shard.ends[index] ?? 0,
    })),
  )
  return tensors.toSorted((a, b) => compareUtf8(a.name, b.name))
}

function totals(tensors: readonly TensorInfo[]): Pick<ModelReport, 'parameters' | 'bytes' | 'dtypes'> {
  const dtypes: Record<string, { tensors: number; parameters: number; bytes: number }> = {}
  for (const tensor of tensors) {
    const total = (dtypes[tensor.dtype] ??= { tensors: 0, parameters: 0, bytes: 0 })
    total.tensors++
    total.parameters += tensor.shape.reduce((product, dimension) => product * dimension, 1)
    total.bytes += tensor.end - tensor.start
  }
  const sum = (field: 'parameters' | 'bytes'): number =>
    Object.values(dtypes).reduce((total, dtype) => total + dtype[field], 0)
  return { parameters: sum('parameters'), bytes: sum('bytes'), dtypes }
}

/**
 * Group tensors that share their bits. Empty tensors all do and are excluded; so are those not read whole.
 */
function tiesOf(tensors: readonly TensorInfo[]): string[][] {
  const groups = new Map<string, string[]>()
  for (const { name, dtype, shape, digest, start, end } of tensors) {
    if (start === end || digest.kind !== undefined) continue
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

/** Describe a shard as a file. */
export function fileOf(shard: NativeShard): ModelFile {
  return {
    name: basename(shard.path),
    size: shard.size,
    ...(shard.file && { digests: toDigests(shard.file) }),
  }
}

/** Join the first few of many names. */
function joinFirst(items: readonly string[]): string {
  return items.slice(0, 3).join(', ') + (items.length > 3 ? ` and ${items.length - 3} more` : '')
}

function warningsOf({ shards }: NativeModel, config: ModelConfig | undefined): string[] {
  const odd = shards.flatMap(({ names, tensors }) =>
    tensors.kind === 'hashed' ? tensors.oddBooleans.map((index) => names[index] ?? '') : [],
  )
  return [
    ...(odd.length > 0 ? [`BOOL tensors with bytes other than 0 and 1: ${joinFirst(odd)}`] : []),
    ...(config === undefined ? [] : configWarnings(config)),
  ]
}

/** Return warnings about a configuration that loaders may read in another way, or not at all. */
function configWarnings({ lossyIntegers, specialFloats, isObject }: ModelConfig): string[] {
  return [
    ...(isObject ? [] : ['the configuration is not a JSON object, so no loader can use it']),
    ...(lossyIntegers.length > 0
      ? [`the configuration has integers that a double cannot represent: ${joinFirst(lossyIntegers)}`]
      : []),
    ...(specialFloats.length > 0
      ? [`the configuration has NaN or Infinity, which is not JSON: ${joinFirst(specialFloats)}`]
      : []),
  ]
}
