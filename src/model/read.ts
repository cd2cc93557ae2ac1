/** Digests of a model, a file of any format that is read or a folder: its architecture and its weights. */
import { readdir } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { runJob } from '../native/job.ts'
import { primary, toDigests } from '../core/digest.ts'
import { native } from '../native/load.ts'
import { checkAlgorithm, checkChoice, checkKeys, checkPath } from '../core/options.ts'
import { sampleDigests } from '../hash/sample/digests.ts'
import { checkSample, toNativePlan } from '../hash/sample/options.ts'
import { SampleReport } from '../hash/sample/report.ts'
import { bindBase, noAdapter } from './adapter.ts'
import { readCheckpoint } from './checkpoint.ts'
import { TensorColumns, digestsOf, dtypeOf, filesOf, shapeOf } from './columns.ts'
import { configWarnings, embeddedConfig, siblingConfig } from './config.ts'
import { ItemList } from '../json/pieces.ts'
import { inputError, isFolder } from '../util/fs.ts'
import { nameList } from '../util/name-list.ts'
import { familyDigest } from './family.ts'
import { unlessDisguised } from './disguised.ts'
import { LineaprintError } from '../core/errors.ts'
import { locateModel } from './locate.ts'
import { groupTensors } from './name-pattern.ts'
import { PIPELINE_INDEX, readPipeline } from './pipeline.ts'
import { FORMATS } from './report.ts'
import { snapshotOf } from './hub-cache.ts'
import { findTokenizer, readTokenizer } from './tokenizer.ts'
import type { AlgorithmChoice, Digest, Digests, RawDigests } from '../core/digest.ts'
import type { NativeKnownFile, NativeModel, NativeShard } from '../native/load.ts'
import type { SamplePlan } from '../core/sample-plan.ts'
import type { GivenConfig, ModelConfig } from './config.ts'
import type { TensorGroup } from './name-pattern.ts'
import type { ModelFiles } from './locate.ts'
import type {
  ModelFile,
  ModelFormat,
  ModelListing,
  ModelOptions,
  ModelParts,
  ModelReport,
  TensorEntry,
  TensorInfo,
} from './report.ts'

export type {
  ModelFile,
  ModelListing,
  ModelOptions,
  ModelParts,
  ModelReport,
  TensorEntry,
  TensorInfo,
} from './report.ts'

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

/**
 * Read a model like {@link readModel}, and return its configuration too.
 *
 * @param known Digests of tensors from another read; they are used where the files have not changed since.
 */
export async function readComplete(
  path: string,
  options: ModelOptions = {},
  given?: GivenConfig,
  known?: readonly NativeKnownFile[],
): Promise<{ readonly report: ModelReport; readonly config: ModelConfig | undefined }> {
  const { listing, config } = await readParts(path, options, given, known)
  return { report: completeReport(listing), config }
}

/**
 * Return a listing as the report of a model of which every tensor is known.
 *
 * @throws ERR_LINEAPRINT_UNSUPPORTED for any other.
 */
export function completeReport(listing: ModelListing): ModelReport {
  if (isComplete(listing)) return listing
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

/** Formats of files that can hold nothing but tensors. Those of the others hold a computation, layers or settings too. */
const ONLY_TENSORS: ReadonlySet<ModelFormat> = new Set(['safetensors', 'pytorch', 'npy', 'npz', 'flax'])

/** Check whether files hold nothing but tensors, so that they are the same where their tensors are. */
export function holdsOnlyTensors({ format, notRead }: Pick<ModelListing, 'format' | 'notRead'>): boolean {
  return ONLY_TENSORS.has(format) && notRead === undefined
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

/** Return the listing of a model as a document whose tensors are built when they are written. */
export function listingDocument({ listing, tensorList }: ModelParts): object {
  if (tensorList === undefined) return listing
  // Copying the listing field by field would build all of them.
  return Object.defineProperties(
    {},
    {
      ...Object.getOwnPropertyDescriptors(listing),
      tensors: { value: tensorList, enumerable: true },
    },
  )
}

/** Read a model like {@link listModel}, and return its configuration and the text in its files too. */
export async function readParts(
  path: string,
  options: ModelOptions = {},
  given?: GivenConfig,
  known?: readonly NativeKnownFile[],
): Promise<ModelParts> {
  checkKeys(options, ['files', 'sample', 'weights', 'lenient', 'base', 'health'])
  const { base, ...own } = options
  const special = await readFolder(checkPath(path), own)
  if (special !== undefined && typeof base === 'string') throw noAdapter(path)
  if (special !== undefined) return special
  const parts = await readOne(path, own, given, known)
  return bindBase(parts, base, options, (other) => readComplete(other, { ...ofBase(own), base: false }))
}

/** Return the options that also hold for the base of an adapter. */
function ofBase({ algorithm, signal, threads, onProgress, lenient }: ModelOptions): ModelOptions {
  return { algorithm, signal, threads, onProgress, lenient }
}

/** Read a folder that is more than one model, or a checkpoint that is known and not read; nothing for any other path. */
async function readFolder(path: string, options: ModelOptions): Promise<ModelParts | undefined> {
  const given = resolve(path)
  if (!(await isFolder(given))) return undefined
  const folder = (await snapshotOf(given)) ?? given
  const names = await readdir(folder).catch((cause: unknown) => {
    throw inputError(path, 'list', cause)
  })
  const isChosen = options.weights !== undefined && names.includes(options.weights)
  if (names.includes(PIPELINE_INDEX) && !isChosen) return readPipeline(folder, names, options, readOne)
  return isChosen ? undefined : readCheckpoint(folder, names, options)
}

/** Read one model. */
async function readOne(
  path: string,
  options: ModelOptions = {},
  given?: GivenConfig,
  known: readonly NativeKnownFile[] = [],
): Promise<ModelParts> {
  const algorithm = checkAlgorithm(options.algorithm)
  const plan = checkSample(options.sample, { files: options.files, health: options.health })
  const located = await locateModel(checkPath(path), {
    weights: options.weights,
    signal: options.signal,
    threads: options.threads,
  })
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
    ...(known.length > 0 && { known: [...known] }),
  }
  // The tokenizer is read on this thread while the addon's threads hash the weights.
  const reading = tokenizerDigests(located, algorithm)
  // If the weights fail first, nothing awaits this promise.
  reading.catch(() => undefined)
  const model = await unlessDisguised(located.weights, 'a model file', options.signal, () =>
    runJob(options, (job, threads) => native.readModel(job, [...located.weights], wanted, threads)),
  )
  const metadata = new Map(model.shards.flatMap((shard) => pairsOf(shard.metadata)))
  const tree = treeDigests(model)
  const graph = model.graph && toDigests(model.graph, 'graph')
  const tokenizer = await reading
  const columns = new TensorColumns(model, plan)
  const groups = groupTensors(columns.types())
  const incomplete = model.shards.find((shard) => shard.incomplete !== undefined)?.incomplete
  const extent = model.weights.kind === 'sampled' ? model.weights.extent : undefined
  const own = configWithin(model, metadata)
  const config = own ?? sibling
  const covering =
    incomplete === undefined ? coveringDigests(model, groups, plan, algorithm, own, config) : {}
  const { architecture, weights, family } = covering
  const configName = own === undefined ? sibling?.name : basename(model.shards[0]?.path ?? '')
  let tensors: readonly TensorInfo[] | undefined
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
    tensorCount: columns.count,
    ...columns.totals(),
    ...columns.buffers(),
    // The text of a report needs no object for each of a million tensors.
    get tensors() {
      return (tensors ??= columns.toInfos())
    },
    ties: columns.ties(),
    ...partsOf(model),
    files: filesOf(model),
    ...(options.weights !== undefined && { selectedWeights: options.weights }),
    ...(located.otherCopies.length > 0 && { otherCopies: located.otherCopies }),
    ...(config && configName !== undefined && { config: { name: configName, ignored: config.ignored } }),
    ...(extent && { sample: new SampleReport('weights', extent) }),
    warnings: [...located.warnings, ...warningsOf(model, config)],
  }
  const tensorList = new ItemList(columns.count, (start, end) => columns.toInfos(start, end))
  return { listing, ...(config && { config }), metadata, groups, model, tensorList }
}

/** The headers of a model: what can be known of it without reading a tensor. */
export interface ModelHeaders extends Pick<ModelListing, 'path' | 'format' | 'tensorCount' | 'parameters'> {
  /** Absolute paths of its files. */
  readonly paths: readonly string[]
  readonly files: readonly ModelFile[]
  /** Sorted by the UTF-8 bytes of their names. */
  readonly tensors: readonly TensorEntry[]
  readonly metadata: ReadonlyMap<string, string>
  readonly config?: ModelConfig & { readonly name: string }
  /** Digests of what the headers and the configuration say; absent if a tensor has an unknown type. */
  readonly digests?: Pick<Required<ModelListing>['digests'], 'architecture' | 'family'>
  readonly warnings: readonly string[]
}

/** Read the headers of one model that is no pipeline. */
export async function readHeaders(path: string, options: ModelOptions): Promise<ModelHeaders> {
  const { weights, signal, threads, lenient } = options
  const located = await locateModel(path, { weights, signal, threads })
  const { index } = located
  const sibling = await siblingConfig(located.config, undefined)
  const wanted = {
    algorithm: 'blake3',
    lenient: lenient === true,
    reading: { kind: 'full', parts: 'headers' },
    ...(sibling && { config: sibling.canonical }),
    ...(index && { index }),
  } as const
  const model = await unlessDisguised(located.weights, 'a model file', signal, () =>
    runJob({ signal, threads }, (job, count) => native.readModel(job, [...located.weights], wanted, count)),
  )
  const metadata = new Map(model.shards.flatMap((shard) => pairsOf(shard.metadata)))
  const own = configWithin(model, metadata)
  const config = own === undefined ? sibling : { ...own, name: basename(model.shards[0]?.path ?? '') }
  const columns = new TensorColumns(model)
  const isKnown = model.shards.every((shard) => shard.incomplete === undefined)
  return {
    path: located.isFolder ? located.folder : (index?.path ?? located.given),
    format: formatOf(model),
    paths: located.weights,
    files: filesOf(model),
    tensors: columns.toEntries(),
    tensorCount: columns.count,
    parameters: columns.totals().parameters,
    metadata,
    ...(config && { config }),
    ...(isKnown && {
      digests: {
        architecture: toDigests(architectureOf(model, own, 'blake3'), 'architecture'),
        family: familyDigest(groupTensors(columns.types()), config?.value, 'blake3'),
      },
    }),
    warnings: [...located.warnings, ...(config === undefined ? [] : configWarnings(config))],
  }
}

/** Read the digest of the tokenizer of a model; nothing for a file or a folder without one. */
export async function readOwnTokenizer(path: string, options: ModelOptions): Promise<Digest | undefined> {
  const { weights, signal, threads } = options
  const digests = await tokenizerDigests(await locateModel(path, { weights, signal, threads }), 'blake3')
  return digests && primary(digests)
}

/** Return the configuration that the one file of a model holds itself. */
function configWithin(
  { shards }: NativeModel,
  metadata: ReadonlyMap<string, string>,
): ModelConfig | undefined {
  const [only] = shards.length === 1 ? shards : []
  return only && embeddedConfig(only.format, metadata, only.path)
}

/** Return the digests of the architecture. The addon knows only the configuration beside the file. */
function architectureOf(
  { architecture, shards }: NativeModel,
  own: ModelConfig | undefined,
  algorithm: AlgorithmChoice,
): RawDigests {
  return own === undefined
    ? architecture
    : native.architectureDigest(typesOf(shards), own.canonical, algorithm)
}

/** Return the digests that cover every tensor. */
function coveringDigests(
  model: NativeModel,
  groups: readonly TensorGroup[],
  plan: SamplePlan | undefined,
  algorithm: AlgorithmChoice,
  own: ModelConfig | undefined,
  config: ModelConfig | undefined,
): Pick<ModelListing['digests'], 'architecture' | 'weights' | 'family'> {
  const { weights } = model
  const raw = digestsOf(weights)
  const isSampled = plan !== undefined && weights.kind === 'sampled'
  return {
    architecture: toDigests(architectureOf(model, own, algorithm), 'architecture'),
    // One tensor of each group stands for all of them.
    family: familyDigest(groups, config?.value, algorithm),
    weights: isSampled ? sampleDigests('weights', plan, weights.extent, raw) : toDigests(raw, 'weights'),
  }
}

/**
 * Return the format of the weights files.
 *
 * @throws ERR_LINEAPRINT_FORMAT if they are of two.
 */
export function formatOf({ shards }: NativeModel): ModelFormat {
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

/** A remark about GGUF, whose pairs mix the configuration with texts about the file. See `docs/format.md`. */
const PAIRS =
  'The pairs of key and value in the file, such as the number of heads, are in no digest but that of its bytes.'

/** Collect what the files say beside their tensors. */
export function partsOf({ shards }: NativeModel): Pick<ModelListing, 'shared' | 'notRead' | 'remarks'> {
  const notRead = shards.flatMap((shard) => pairsOf(shard.notRead))
  const shared = shards.flatMap((shard) => shard.shared)
  const hasPairs = shards.some(({ format, metadata }) => format === 'gguf' && metadata.length > 0)
  const remarks = [...new Set([...shards.flatMap((shard) => shard.remarks), ...(hasPairs ? [PAIRS] : [])])]
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

/** Return the types of all tensors as the addon takes them. */
function typesOf(shards: readonly NativeShard[]): {
  names: string[]
  dtypes: string[]
  shapes: number[][]
} {
  return {
    names: shards.flatMap((shard) => shard.names),
    dtypes: shards.flatMap((shard) => shard.names.map((_, index) => dtypeOf(shard, index))),
    shapes: shards.flatMap((shard) => shard.names.map((_, index) => shapeOf(shard, index))),
  }
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
