/** Digests of a model, a file of any format that is read or a folder: its architecture and its weights. */
import { basename, dirname, relative, sep } from 'node:path'
import { runJob } from '../native/job.ts'
import { primary, toDigests } from '../core/digest.ts'
import { native } from '../native/load.ts'
import { checkAlgorithm, checkChoice, checkKeys, checkPath } from '../core/options.ts'
import { sampleDigests } from '../hash/sample/digests.ts'
import { checkSample, toNativePlan } from '../hash/sample/options.ts'
import { SampleReport } from '../hash/sample/report.ts'
import { writePlan } from '../core/sample-plan.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { configWarnings, embeddedConfig, siblingConfig } from './config.ts'
import { nameList } from '../util/name-list.ts'
import { familyDigest } from './family.ts'
import { healthOf } from './health.ts'
import { refuseDisguised } from './disguised.ts'
import { LineaprintError } from '../core/errors.ts'
import { locateModel } from './locate.ts'
import { findTokenizer, readTokenizer } from './tokenizer.ts'
import type { AlgorithmChoice, Digest, Digests, RawDigests } from '../core/digest.ts'
import type { NativeModel, NativeShard, NativeTensorDigests, NativeWeights } from '../native/load.ts'
import type { SampledHashOptions } from '../hash/sample/options.ts'
import type { SamplePlan } from '../core/sample-plan.ts'
import type { TensorHealth } from './health.ts'
import type { GivenConfig, ModelConfig } from './config.ts'
import type { ModelFiles } from './locate.ts'

/** Names of the formats that are read. */
const FORMATS = [
  'safetensors',
  'pytorch',
  'gguf',
  'npy',
  'npz',
  'onnx',
  'keras',
  'hdf5',
  'tfjs',
  'tflite',
  'flax',
] as const

/** Options of {@link readModel}. */
export interface ModelOptions<A extends AlgorithmChoice = AlgorithmChoice> extends SampledHashOptions<A> {
  /** Also digest the exact files (`tree`), which hashes every byte a second time. @default false */
  readonly files?: boolean | undefined
  /**
   * Name of the weights file or shard index to read, in a folder with several. Without it, a folder with
   * several is refused unless all hold equal weights.
   */
  readonly weights?: string | undefined
  /**
   * Read a safetensors file as the reference implementation reads it, even where two readers could read different
   * models from it. Each point is listed in {@link ModelReport.remarks}. @default false
   */
  readonly lenient?: boolean | undefined
  /**
   * Also count NaN, infinities and zeros of each tensor of floating-point numbers, and compute its extremes, mean and
   * norm: with BLAKE3 in the same read, with SHA-256 in one more. @default false
   */
  readonly health?: boolean | undefined
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
  /** Bytes of its elements. */
  readonly bytes: number
  /** First byte in that file; absent if its elements do not lie there in one piece in their final form. */
  readonly start?: number
  /** One past the last byte in that file; absent like `start`. */
  readonly end?: number
  /** Only if `health` is set; absent for whole numbers, and for blocks that are not decoded. */
  readonly health?: TensorHealth
}

/** Something of a model file that is no tensor of its weights: state of an optimizer, an object of another type. */
export interface PartNotRead {
  /** Name or path within the file. */
  readonly name: string
  /** One sentence that says why. */
  readonly reason: string
}

/** The formats that are read. */
export type ModelFormat = (typeof FORMATS)[number]

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

/** Contents of a model file. */
export interface ModelListing<A extends AlgorithmChoice = AlgorithmChoice> {
  /** Absolute path. */
  readonly path: string
  /** The format of its weights files, found from their content. */
  readonly format: ModelFormat
  /** Names, dtypes, shapes and meaningful configuration. Absent if {@link incomplete} is there. */
  readonly architecture?: Digest
  /**
   * Named tensors and their element bits, whatever the format, the sharding, order or metadata. A `sampled` digest
   * if only a part of any tensor was read. Absent if {@link incomplete} is there.
   */
  readonly weights?: Digest
  /** The structure without dimensions and the number of layers: equal in one family. Absent like the others. */
  readonly family?: Digest
  /** The computation of an ONNX file, without the values of its weights. */
  readonly graph?: Digest
  /** The exact files; only if `files` is set. A single file has a plain digest. */
  readonly tree?: Digest
  /** Vocabulary, merges and rules; only if the folder contains a tokenizer. */
  readonly tokenizer?: Digest
  /** All of the above with every requested algorithm. */
  readonly digests: {
    readonly architecture?: Digests<A>
    readonly weights?: Digests<A>
    readonly family?: Digests<A>
    readonly graph?: Digests<A>
    readonly tree?: Digests<A>
    readonly tokenizer?: Digests<A>
  }
  /** Why there are no digests of architecture and weights; absent if there are. */
  readonly incomplete?: string
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
  /** Names of tensors that share one storage in the file, in groups. Absent if there are none. */
  readonly shared?: readonly (readonly string[])[]
  readonly files: readonly ModelFile[]
  /** Parts of the files that are no tensors. Absent if there are none. */
  readonly notRead?: readonly PartNotRead[]
  /** Sentences about the files, for example every global that a pickle names. Absent if there are none. */
  readonly remarks?: readonly string[]
  /** The name that the option `weights` gave; absent without it. */
  readonly selectedWeights?: string
  /** Names of files of the folder that hold weights in other formats. They are not read. Absent if none. */
  readonly otherCopies?: readonly string[]
  /**
   * Name of the file with the configuration (that of the model if it holds its own) and the keys that are left out of the
   * architecture; absent if there is none.
   */
  readonly config?: { readonly name: string; readonly ignored: readonly string[] }
  /** The extent of the sample of the tensors; only if one was requested. */
  readonly sample?: SampleReport
  readonly warnings: readonly string[]
}

/** A model of which every tensor is known. */
export interface ModelReport<A extends AlgorithmChoice = AlgorithmChoice> extends Omit<
  ModelListing<A>,
  'incomplete'
> {
  readonly architecture: Digest
  readonly weights: Digest
  readonly digests: ModelListing<A>['digests'] & {
    readonly architecture: Digests<A>
    readonly weights: Digests<A>
  }
}

/**
 * Read a model and digest its architecture and weights in one read on all cores.
 *
 * With `sample`, each tensor is sampled by itself with the same plan; architecture and tokenizer are read
 * whole.
 *
 * @param path A weights file, a shard index, or a folder with either.
 * @throws ERR_LINEAPRINT_FORMAT for a file that breaks the rules of its format or is of none that is read, UNSUPPORTED
 * for one with a tensor of an unknown type, AMBIGUOUS for a folder with two candidates of different weights, and the
 * errors of {@link hashFile}.
 */
export async function readModel<A extends AlgorithmChoice = 'blake3'>(
  path: string,
  options: ModelOptions<A> = {},
): Promise<ModelReport<A>> {
  return (await readComplete(path, options)).report
}

/** Read a model like {@link readModel}, and return its configuration too. */
export async function readComplete(
  path: string,
  options: ModelOptions = {},
  given?: GivenConfig,
): Promise<{ readonly report: ModelReport; readonly config: ModelConfig | undefined }> {
  const { listing, config } = await readParts(path, options, given)
  if (isComplete(listing)) return { report: listing, config }
  throw new LineaprintError(
    'ERR_LINEAPRINT_UNSUPPORTED',
    `its weights have no digest: ${listing.incomplete ?? ''}`,
    {
      path: listing.path,
      hint: 'lineaprint model lists what is known of it; lineaprint hash gives the digest of its bytes',
    },
  )
}

/** Read a model like {@link readModel}, with a configuration that is given in place of the one in its folder. */
export async function readModelWith(
  path: string,
  options: ModelOptions,
  given: GivenConfig | undefined,
): Promise<ModelReport> {
  return (await readComplete(path, options, given)).report
}

/** Check whether a model has the digests of its architecture and weights. */
export function isComplete<A extends AlgorithmChoice>(listing: ModelListing<A>): listing is ModelReport<A> {
  return listing.architecture !== undefined && listing.weights !== undefined
}

/**
 * Read a model like {@link readModel}, and list also one that has a tensor of an unknown type: without the digests that
 * would have to cover it.
 *
 * @throws The errors of {@link readModel}, except UNSUPPORTED for such a tensor.
 */
export async function listModel<A extends AlgorithmChoice = 'blake3'>(
  path: string,
  options: ModelOptions<A> = {},
): Promise<ModelListing<A>> {
  return (await readParts(path, options)).listing
}

/** A model with what its description is made of. */
export interface ModelParts {
  readonly listing: ModelListing
  /** The configuration: that in its file, else that beside it. */
  readonly config?: ModelConfig
  /** Keys and values of the text in its files. */
  readonly metadata: ReadonlyMap<string, string>
}

/** Read a model like {@link listModel}, and return its configuration and the text in its files too. */
export async function readParts(
  path: string,
  options: ModelOptions = {},
  given?: GivenConfig,
): Promise<ModelParts> {
  checkKeys(options, ['files', 'sample', 'weights', 'lenient', 'health'])
  const algorithm = checkAlgorithm(options.algorithm)
  const plan = checkSample(options.sample, { files: options.files, health: options.health })
  const located = await locateModel(checkPath(path), {
    weights: options.weights,
    signal: options.signal,
    threads: options.threads,
  })
  await refuseDisguised(located.weights, 'a model file', { archives: false })
  const sibling = await siblingConfig(located.config, given)
  const { index } = located
  const wholeFolder = options.files === true && (located.isFolder || index !== undefined)
  const wanted = {
    algorithm,
    lenient: options.lenient === true,
    health: options.health === true,
    reading: plan
      ? { kind: 'sample' as const, plan: toNativePlan(plan) }
      : { kind: 'full' as const, parts: options.files === true ? ('both' as const) : ('tensors' as const) },
    ...(sibling && { config: sibling.canonical }),
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
  const metadata = new Map(model.shards.flatMap((shard) => pairsOf(shard.metadata)))
  const tree = treeDigests(model)
  const graph = model.graph && toDigests(model.graph, 'graph')
  const tokenizer = await reading
  const tensors = tensorsOf(model, plan)
  const incomplete = model.shards.find((shard) => shard.incomplete !== undefined)?.incomplete
  const extent = model.weights.kind === 'sampled' ? model.weights.extent : undefined
  const own = configWithin(model, metadata)
  const config = own ?? sibling
  const covering = incomplete === undefined ? coveringDigests(model, plan, algorithm, own, config) : {}
  const { architecture, weights, family } = covering
  const configName = own === undefined ? sibling?.name : basename(model.shards[0]?.path ?? '')
  const listing: ModelListing = {
    path: located.isFolder ? located.folder : (index?.path ?? located.given),
    format: formatOf(model),
    ...(architecture && { architecture: primary(architecture) }),
    ...(weights && { weights: primary(weights) }),
    ...(family && { family: primary(family) }),
    ...(graph && { graph: primary(graph) }),
    ...(tree && { tree: primary(tree) }),
    ...(tokenizer && { tokenizer: primary(tokenizer) }),
    digests: { ...covering, ...(graph && { graph }), ...(tree && { tree }), ...(tokenizer && { tokenizer }) },
    ...(incomplete !== undefined && { incomplete }),
    tensorCount: tensors.length,
    ...totals(tensors),
    tensors,
    ties: tiesOf(tensors),
    ...partsOf(model),
    files: filesOf(model),
    ...(options.weights !== undefined && { selectedWeights: options.weights }),
    ...(located.otherCopies.length > 0 && { otherCopies: located.otherCopies }),
    ...(config && configName !== undefined && { config: { name: configName, ignored: config.ignored } }),
    ...(extent && { sample: new SampleReport('weights', extent) }),
    warnings: [...located.warnings, ...warningsOf(model, config)],
  }
  return { listing, ...(config && { config }), metadata }
}

/** Return the configuration that the one file of a model holds itself. */
function configWithin(
  { shards }: NativeModel,
  metadata: ReadonlyMap<string, string>,
): ModelConfig | undefined {
  const [only] = shards.length === 1 ? shards : []
  return only && embeddedConfig(only.format, metadata, only.path)
}

/** Return the digests that cover every tensor. */
function coveringDigests(
  { architecture, weights, shards }: NativeModel,
  plan: SamplePlan | undefined,
  algorithm: AlgorithmChoice,
  own: ModelConfig | undefined,
  config: ModelConfig | undefined,
): Pick<ModelListing['digests'], 'architecture' | 'weights' | 'family'> {
  const raw = digestsOf(weights)
  const isSampled = plan !== undefined && weights.kind === 'sampled'
  const names = shards.flatMap((shard) => shard.names)
  const dtypes = shards.flatMap((shard) => shard.dtypes)
  const shapes = shards.flatMap((shard) => shard.shapes)
  // The addon knows only the configuration beside the file.
  const described =
    own === undefined
      ? architecture
      : native.architectureDigest({ names, dtypes, shapes }, own.canonical, algorithm)
  const types = names.map((name, at) => ({ name, dtype: dtypes[at] ?? '', shape: shapes[at] ?? [] }))
  return {
    architecture: toDigests(described, 'architecture'),
    family: familyDigest(types, config?.value, algorithm),
    weights: isSampled ? sampleDigests('weights', plan, weights.extent, raw) : toDigests(raw, 'weights'),
  }
}

/**
 * Return the format of the weights files.
 *
 * @throws ERR_LINEAPRINT_FORMAT if they are of two.
 */
function formatOf({ shards }: NativeModel): ModelFormat {
  const formats = [...new Set(shards.map(({ format }) => format))]
  const [format = 'safetensors', other] = formats
  if (other !== undefined) {
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'the shards are of two formats', {
      path: shards.find((shard) => shard.format === other)?.path,
      expected: format,
      received: other,
    })
  }
  return checkChoice('format', format as ModelFormat, FORMATS)
}

/** Collect what the files say beside their tensors. */
function partsOf({ shards }: NativeModel): Pick<ModelListing, 'shared' | 'notRead' | 'remarks'> {
  const notRead = shards.flatMap((shard) => pairsOf(shard.notRead))
  const shared = shards.flatMap((shard) => shard.shared)
  const remarks = [...new Set(shards.flatMap((shard) => shard.remarks))]
  return {
    ...(shared.length > 0 && { shared }),
    ...(notRead.length > 0 && { notRead: notRead.map(([name, reason]) => ({ name, reason })) }),
    ...(remarks.length > 0 && { remarks }),
  }
}

function pairsOf(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at] ?? '', flat[2 * at + 1] ?? ''])
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
      ...locationOf(shard, index),
      ...healthAt(shard, index),
    })),
  )
  return tensors.toSorted((a, b) => compareUtf8(a.name, b.name))
}

function healthAt({ health }: NativeShard, index: number): Pick<TensorInfo, 'health'> {
  const counted = health?.[index]
  return counted === undefined || counted === null ? {} : { health: healthOf(counted) }
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

function totals(tensors: readonly TensorInfo[]): Pick<ModelReport, 'parameters' | 'bytes' | 'dtypes'> {
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

/**
 * Group tensors that share their bits. Empty tensors all do and are excluded; so are those not read whole.
 */
function tiesOf(tensors: readonly TensorInfo[]): string[][] {
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

function warningsOf({ shards }: NativeModel, config: ModelConfig | undefined): string[] {
  const odd = shards.flatMap(({ names, tensors }) =>
    tensors.kind === 'hashed' ? tensors.oddBooleans.map((index) => names[index] ?? '') : [],
  )
  return [
    ...(odd.length > 0 ? [`BOOL tensors with bytes other than 0 and 1: ${nameList(odd)}`] : []),
    ...(config === undefined ? [] : configWarnings(config)),
  ]
}
