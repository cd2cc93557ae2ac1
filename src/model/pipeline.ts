/** Pipelines of diffusers: a folder with `model_index.json`, whose components lie in folders of their own. */
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { listDigests, primary, toDigests } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkAlgorithm } from '../core/options.ts'
import { hashTree } from '../hash/tree.ts'
import { canonicalBytes } from '../json/canonical.ts'
import { native } from '../native/load.ts'
import { inputError, isFolder, pathExists } from '../util/fs.ts'
import { nameList } from '../util/name-list.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { findCandidates } from './candidates.ts'
import { tensorItems } from './columns.ts'
import { configWarnings, readConfig } from './config.ts'
import { familyOf } from './families.ts'
import { familyDigest } from './family.ts'
import { snapshotOf } from './hub-cache.ts'
import { groupTensors } from './name-pattern.ts'
import { readSettings } from './settings.ts'
import { tiesOf, totals } from './tensors.ts'
import { findTokenizer, readTokenizer } from './tokenizer.ts'
import { variantWeights } from './variant.ts'
import type { Algorithm, AlgorithmChoice, Digests } from '../core/digest.ts'
import type { ParsedJson } from '../json/parse.ts'
import type { ModelConfig } from './config.ts'
import type { ModelListing, ModelOptions, ModelParts, PipelineComponent } from './report.ts'

/** Name of the file that lists the components. */
export const PIPELINE_INDEX = 'model_index.json'

/** Return the folder of a pipeline, or of its snapshot in the cache of the Hub; `undefined` for any other path. */
export async function pipelineFolder(path: string): Promise<string | undefined> {
  if (!(await isFolder(path))) return undefined
  const folder = (await snapshotOf(resolve(path))) ?? resolve(path)
  return (await pathExists(join(folder, PIPELINE_INDEX))) ? folder : undefined
}

/** Reads one model. */
type ReadOne = (path: string, options: ModelOptions) => Promise<ModelParts>

/** A component as `model_index.json` lists it. */
interface ListedComponent {
  readonly name: string
  readonly library: string
  readonly class: string
}

/** A component that was read. */
interface ReadComponent {
  readonly component: PipelineComponent
  /** Its model; absent if it has no weights. */
  readonly parts?: ModelParts
  readonly warnings: readonly string[]
}

/**
 * Read a pipeline: each component by itself, and all of them as one model, whose tensors are called
 * `<component>/<tensor>`.
 *
 * Cost: that of reading each component; with `files`, a second read of all files.
 *
 * @param folder Absolute path of the folder.
 * @param names The names in it.
 * @param readOne Reads the model of a component.
 * @throws ERR_LINEAPRINT_NOT_FOUND if the folder of a component is missing or holds nothing that is read, or if no
 * component has the variant; UNSUPPORTED for a sample; the errors of `readModel` for a component.
 */
export async function readPipeline(
  folder: string,
  names: readonly string[],
  options: ModelOptions,
  readOne: ReadOne,
): Promise<ModelParts> {
  if (options.sample !== undefined) {
    throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', 'a pipeline of diffusers cannot be sampled', {
      path: folder,
      expected: 'a folder of one model',
      received: `a pipeline of diffusers (${PIPELINE_INDEX})`,
      hint: 'sample its components one by one: they are the folders below it',
    })
  }
  const algorithm = checkAlgorithm(options.algorithm)
  const index = await readConfig(join(folder, PIPELINE_INDEX))
  const { listed, config } = componentsOf(index, folder)
  const { weights: variant, files, sample: _, ...shared } = options
  if (variant !== undefined) checkVariant(variant, folder)
  const read: ReadComponent[] = []
  for (const component of listed) read.push(await readComponent(folder, component, variant, shared, readOne))
  if (variant !== undefined && read.every(({ parts }) => parts?.listing.selectedWeights === undefined))
    throw noVariant(variant, folder)
  const tree = files === true ? await treeOf(folder, algorithm, options) : undefined
  const whole = wholeOf(read, config, algorithm)
  const warnings = [
    ...read.flatMap((each) => each.warnings),
    ...(await uncovered(folder, names, listed)),
    ...configWarnings(index),
  ]
  const listing: ModelListing = {
    path: folder,
    format: 'diffusers',
    ...whole.listing,
    ...(tree && { tree: primary(tree) }),
    digests: { ...whole.listing.digests, ...(tree && { tree }) },
    components: withSame(read.map(({ component }) => component)),
    ...(variant !== undefined && { selectedWeights: variant }),
    ...otherCopies(names),
    config: { name: PIPELINE_INDEX, ignored: index.ignored },
    warnings,
  }
  const value = new Map(config)
  return {
    listing,
    config: { ...index, value, canonical: canonicalBytes(value) },
    metadata: new Map(),
    groups: groupTensors(listing.tensors),
  }
}

/** Return the components, sorted by name, and the configuration without those that are null. */
function componentsOf(
  { value }: ModelConfig,
  folder: string,
): { readonly listed: readonly ListedComponent[]; readonly config: ReadonlyMap<string, ParsedJson> } {
  const path = join(folder, PIPELINE_INDEX)
  if (!(value instanceof Map)) {
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'this is not an index of a pipeline', {
      path,
      expected: 'a JSON object',
      received: Array.isArray(value) ? 'an array' : value === null ? 'null' : `a ${typeof value}`,
    })
  }
  const listed: ListedComponent[] = []
  const config = new Map<string, ParsedJson>()
  for (const [key, member] of value) {
    if (isNone(member) && !key.startsWith('_')) continue
    config.set(key, member)
    const component = key.startsWith('_') ? undefined : toComponent(key, member)
    if (component === undefined) continue
    checkName(key, path)
    listed.push(component)
  }
  if (listed.length === 0) {
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'the pipeline lists no component', {
      path,
      expected: 'a member such as "unet": ["diffusers", "UNet2DConditionModel"]',
      received: `${value.size} other members`,
    })
  }
  return { listed: listed.toSorted((a, b) => compareUtf8(a.name, b.name)), config }
}

/** Check whether a member is a component that the pipeline does without. */
function isNone(member: ParsedJson): boolean {
  return Array.isArray(member) && member.length === 2 && member.every((item) => item === null)
}

function toComponent(name: string, member: ParsedJson): ListedComponent | undefined {
  if (!Array.isArray(member) || member.length !== 2) return undefined
  const [library, className] = member
  if (typeof library !== 'string' || typeof className !== 'string') return undefined
  return { name, library, class: className }
}

/** Refuse a name that is not that of a folder directly below the pipeline. */
function checkName(name: string, path: string): void {
  if (/^[^/\\:\0]+$/.test(name) && !/^\.+$/.test(name)) return
  throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'the name of a component is not a name of a folder', {
    path,
    expected: 'one segment of a path',
    received: JSON.stringify(name),
  })
}

async function readComponent(
  folder: string,
  listed: ListedComponent,
  variant: string | undefined,
  options: ModelOptions,
  readOne: ReadOne,
): Promise<ReadComponent> {
  const { name } = listed
  const path = join(folder, name)
  if (!(await isFolder(path))) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_NOT_FOUND',
      `the component ${JSON.stringify(name)} is missing`,
      {
        path,
        expected: `a folder, because ${PIPELINE_INDEX} names it`,
        received: 'none',
        hint: 'download the whole pipeline',
      },
    )
  }
  const names = await readdir(path).catch((cause: unknown) => {
    throw inputError(path, 'list', cause)
  })
  const { candidates } = await findCandidates(path, names)
  if (candidates.length === 0) return readWithoutWeights(path, listed, names, options)
  const wanted = variant === undefined ? undefined : variantWeights(names, variant)
  const weights = wanted ?? variantWeights(names, undefined)
  const parts = await readOne(path, { ...options, weights })
  const { listing } = parts
  const { architecture, weights: digests, graph, tokenizer } = listing.digests
  const kept = {
    ...(architecture && { architecture }),
    ...(digests && { weights: digests }),
    ...(graph && { graph }),
    ...(tokenizer && { tokenizer }),
  }
  const { selectedWeights: _, ...unnamed } = listing
  return {
    component: {
      ...listed,
      format: listing.format,
      ...primaries(kept),
      digests: kept,
      tensorCount: listing.tensorCount,
      parameters: listing.parameters,
      bytes: listing.bytes,
    },
    // A component with the variant keeps the name of its weights.
    parts: { ...parts, listing: wanted === undefined ? unnamed : listing },
    warnings: [
      ...listing.warnings.map((warning) => `${name}: ${warning}`),
      ...(variant !== undefined && wanted === undefined
        ? [`${name} has no variant ${JSON.stringify(variant)}: its other weights were read`]
        : []),
      ...codeWarnings(name, names),
    ],
  }
}

/** Read a tokenizer, a scheduler, or a processor of inputs. */
async function readWithoutWeights(
  path: string,
  listed: ListedComponent,
  names: readonly string[],
  options: ModelOptions,
): Promise<ReadComponent> {
  const algorithm = checkAlgorithm(options.algorithm)
  const hasTokenizer = (await findTokenizer(path)).length > 0
  const tokenizer = hasTokenizer ? (await readTokenizer(path, { algorithm })).digests : undefined
  const settings = (await readSettings(path, algorithm))?.digests
  const digests = { ...(tokenizer && { tokenizer }), ...(settings && { settings }) }
  if (Object.keys(digests).length === 0) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_NOT_FOUND',
      `the component ${JSON.stringify(listed.name)} holds nothing that is read`,
      {
        path,
        expected: 'weights, a tokenizer or JSON files',
        received: names.length === 0 ? 'an empty folder' : nameList(names.toSorted()),
        hint: 'download the whole pipeline',
      },
    )
  }
  const component = { ...listed, ...primaries(digests), digests, tensorCount: 0, parameters: 0, bytes: 0 }
  return { component, warnings: codeWarnings(listed.name, names) }
}

function primaries(digests: Readonly<Record<string, Digests>>): Partial<PipelineComponent> {
  return Object.fromEntries(Object.entries(digests).map(([kind, each]) => [kind, primary(each)]))
}

/** The part of the listing that covers all components, or says why nothing does. */
function wholeOf(
  read: readonly ReadComponent[],
  config: ReadonlyMap<string, ParsedJson>,
  algorithm: AlgorithmChoice,
): {
  readonly listing: Omit<ModelListing, 'path' | 'format' | 'warnings' | 'config' | 'components'>
} {
  const models = read.flatMap(({ component: { name }, parts }) => (parts ? [{ name, parts }] : []))
  const tensors = models
    .flatMap(({ name, parts: { listing } }) =>
      listing.tensors.map((tensor) => ({
        ...tensor,
        name: `${name}/${tensor.name}`,
        file: `${name}/${tensor.file}`,
      })),
    )
    .toSorted((a, b) => compareUtf8(a.name, b.name))
  const files = models.flatMap(({ name, parts: { listing } }) =>
    listing.files.map((file) => ({ ...file, name: `${name}/${file.name}` })),
  )
  const incomplete = reasonOfIncomplete(read)
  const digests =
    incomplete === undefined
      ? {
          pipeline: perAlgorithm(algorithm, (each) => pipelineDigest(read, config, each)),
          ...digestsOfAll(models, config, algorithm),
        }
      : {}
  const notRead = models.flatMap(({ name, parts: { listing } }) =>
    (listing.notRead ?? []).map((part) => ({ ...part, name: `${name}/${part.name}` })),
  )
  const remarks = models.flatMap(({ name, parts: { listing } }) =>
    (listing.remarks ?? []).map((remark) => `${name}: ${remark}`),
  )
  return {
    listing: {
      ...primaries(digests),
      digests,
      ...(incomplete !== undefined && { incomplete }),
      tensorCount: tensors.length,
      ...totals(tensors),
      tensors,
      ties: tiesOf(tensors),
      files,
      ...(notRead.length > 0 && { notRead }),
      ...(remarks.length > 0 && { remarks }),
    },
  }
}

/** Say which component has no digest that the whole would need. */
function reasonOfIncomplete(read: readonly ReadComponent[]): string | undefined {
  for (const { component, parts } of read) {
    const { name, format, graph } = component
    if (parts?.listing.incomplete !== undefined) return `${name}: ${parts.listing.incomplete}`
    if (format === 'onnx' && graph === undefined)
      return `${name}: its computation has no digest, and equal weights do not say that it is the same`
  }
  return undefined
}

function perAlgorithm(choice: AlgorithmChoice, compute: (algorithm: Algorithm) => Digests): Digests {
  const algorithms = choice === 'both' ? (['blake3', 'sha256'] as const) : ([choice] as const)
  return Object.assign({}, ...algorithms.map((algorithm) => compute(algorithm))) as Digests
}

function pipelineDigest(
  read: readonly ReadComponent[],
  config: ReadonlyMap<string, ParsedJson>,
  algorithm: Algorithm,
): Digests {
  const components = read.map(({ component: { name, digests } }) => ({
    name,
    digests: Object.entries(digests).flatMap(([kind, each]) =>
      listDigests(each)
        .filter((digest) => digest.algorithm === algorithm)
        .map((digest) => ({ kind, digest: digest.bytes })),
    ),
  }))
  const configDigest = primary(toDigests(native.hashBytes(canonicalBytes(config), algorithm)))
  return toDigests(native.pipelineDigest(components, configDigest.bytes, algorithm), 'pipeline')
}

/** Return the digests of the model that all components are together. */
function digestsOfAll(
  models: readonly { readonly name: string; readonly parts: ModelParts }[],
  config: ReadonlyMap<string, ParsedJson>,
  algorithm: AlgorithmChoice,
): Pick<ModelListing['digests'], 'architecture' | 'weights' | 'family'> {
  const configs = new Map<string, ParsedJson>([['', new Map(config)]])
  for (const { name, parts } of models) if (parts.config) configs.set(name, parts.config.value)
  const types = models.flatMap(({ name, parts: { listing } }) =>
    listing.tensors.map((tensor) => ({
      name: `${name}/${tensor.name}`,
      dtype: tensor.dtype,
      shape: [...tensor.shape],
    })),
  )
  const columns = {
    names: types.map(({ name }) => name),
    dtypes: types.map(({ dtype }) => dtype),
    shapes: types.map(({ shape }) => shape),
  }
  const weights = perAlgorithm(algorithm, (each) => {
    const items = models.flatMap(({ name, parts: { model } }) =>
      model === undefined
        ? []
        : tensorItems(model, each).map((item) => ({ ...item, name: `${name}/${item.name}` })),
    )
    return toDigests(native.weightsDigest(items, each), 'weights')
  })
  return {
    architecture: toDigests(
      native.architectureDigest(columns, canonicalBytes(configs), algorithm),
      'architecture',
    ),
    weights,
    family: familyDigest(types, configs, algorithm),
  }
}

/** Name the component before each one that has the same model. */
function withSame(components: readonly PipelineComponent[]): PipelineComponent[] {
  const first = new Map<string, string>()
  return components.map((component) => {
    const { name, architecture, weights } = component
    if (architecture === undefined || weights === undefined) return component
    const key = `${architecture.toString()} ${weights.toString()}`
    const sameAs = first.get(key)
    if (sameAs === undefined) first.set(key, name)
    return { ...component, ...(sameAs !== undefined && { sameAs }) }
  })
}

async function treeOf(folder: string, algorithm: AlgorithmChoice, options: ModelOptions): Promise<Digests> {
  const { signal, threads, onProgress } = options
  return (await hashTree(folder, { algorithm, signal, threads, onProgress })).digests
}

/** Name weights beside the components, which are not read. */
function otherCopies(names: readonly string[]): Pick<ModelListing, 'otherCopies'> {
  const copies = names.filter((name) => name !== PIPELINE_INDEX && familyOf(name) !== undefined).toSorted()
  return copies.length > 0 ? { otherCopies: copies } : {}
}

/** Say what no digest covers but `tree`: folders that are no component, and code. */
async function uncovered(
  folder: string,
  names: readonly string[],
  listed: readonly ListedComponent[],
): Promise<string[]> {
  const known = new Set(listed.map(({ name }) => name))
  const others: string[] = []
  for (const name of names.toSorted()) {
    if (known.has(name) || name.startsWith('.')) continue
    if (await isFolder(join(folder, name))) others.push(name)
  }
  return [
    ...(others.length > 0
      ? [`${PIPELINE_INDEX} names no component for these folders, which were not read: ${nameList(others)}`]
      : []),
    ...codeWarnings('the pipeline', names),
  ]
}

function codeWarnings(name: string, names: readonly string[]): string[] {
  const code = names.filter((file) => file.endsWith('.py')).toSorted()
  return code.length === 0 ? [] : [`${name} has code, which only --files covers: ${nameList(code)}`]
}

/** Refuse a variant that would not be a part of a name. */
function checkVariant(variant: string, folder: string): void {
  if (/^[\w-]+$/.test(variant)) return
  throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'the pipeline has no such weights', {
    path: folder,
    field: 'weights',
    expected: 'the name of a variant, for example fp16, or of a file beside model_index.json',
    received: JSON.stringify(variant),
  })
}

function noVariant(variant: string, folder: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'no component has weights of this variant', {
    path: folder,
    field: 'weights',
    expected: `for example model.${variant}.safetensors in one of them`,
    received: JSON.stringify(variant),
  })
}
