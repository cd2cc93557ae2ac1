/** Differences between two models: configuration, tokenizer, and tensor by tensor. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { inputError } from '../../util/fs.ts'
import { LineaprintError } from '../../core/errors.ts'
import { checkKeys, checkObject, checkPath } from '../../core/options.ts'
import { compareUtf8 } from '../../util/text-order.ts'
import { diffByBytes } from './by-bytes.ts'
import { diffConfigs } from './config.ts'
import { changeByLayer } from './layers.ts'
import { diffTensors } from './tensors.ts'
import { diffTokenizers, tokenizersEqual } from './tokenizer.ts'
import { SHAPES_DIFFER, compareValues, hashAndCompare } from './values.ts'
import { fingerprintsOf, verifyUnchanged } from '../headers.ts'
import { hasCandidate, locateModel } from '../locate.ts'
import { pipelineFolder } from '../pipeline.ts'
import { readComplete } from '../read.ts'
import type { HashOptions, JobOptions } from '../../core/options.ts'
import type { ModelConfig } from '../config.ts'
import type { ModelDiff, ModelSide, TensorChange } from './report.ts'
import type { ReadTogether, ValueComparison } from './values.ts'
import type { ModelOptions, ModelReport } from '../read.ts'

export type { ModelDiff, ModelSide, TensorChange } from './report.ts'
export type { ConfigDifference } from './config.ts'
export type { LayerChange } from './layers.ts'
export type { TokenizerDifference } from './tokenizer.ts'
export type { ValueComparison } from './values.ts'

/** Options of {@link diffModels}. */
export interface ModelDiffOptions extends HashOptions {
  /** Also compare changed tensors of equal shape as numbers. @default false */
  readonly values?: boolean | undefined
  /**
   * With `values`: compute the digests of all tensors. Without them, tensors of safetensors and GGUF files are compared byte
   * by byte. @default false, or true with another algorithm than BLAKE3
   */
  readonly digests?: boolean | undefined
  /**
   * Name of the weights file or shard index to compare, in folders with several. A folder without that name is
   * compared by its only model.
   */
  readonly weights?: string | undefined
}

/**
 * Compare two models.
 *
 * Cost: one read of both. With `values` and digests, tensors that changed are read a second time where they are short,
 * packed, or not hashed with BLAKE3 alone.
 *
 * @param a A safetensors file, a shard index, or a folder with either; `b` likewise.
 * @throws The errors of `readModel`, and ERR_LINEAPRINT_CHANGED if a file changed between the two
 * reads.
 */
export async function diffModels(a: string, b: string, options: ModelDiffOptions = {}): Promise<ModelDiff> {
  for (const path of [a, b]) checkPath(path)
  checkObject(options)
  const { values, weights, digests, ...shared } = options
  checkKeys(shared)
  const [inFirst, inSecond] =
    weights === undefined ? [false, false] : [await hasCandidate(a, weights), await hasCandidate(b, weights)]
  const reading = [
    // If neither has it, the first one says so.
    { ...shared, weights: inFirst || !inSecond ? weights : undefined },
    { ...shared, weights: inSecond ? weights : undefined },
  ] as const
  const needsDigests = values !== true || (digests ?? (options.algorithm ?? 'blake3') !== 'blake3')
  const byBytes = needsDigests ? undefined : await diffByBytes([a, b], reading)
  if (byBytes !== undefined) return byBytes
  const [left, right] = [await locate(a, reading[0]), await locate(b, reading[1])]
  const together = values === true ? await readTogether(left, right, shared) : NOT_TOGETHER
  const [first, second] = [
    await load(a, left, reading[0], together.known),
    await load(b, right, reading[1], together.known),
  ]
  const [before, after] = [first.report, second.report]
  const sameArchitecture = before.architecture.equals(after.architecture)
  const sameWeights = before.weights.equals(after.weights)
  const sameFamily = before.family && after.family && before.family.equals(after.family)
  const sameGraph = before.graph && after.graph && before.graph.equals(after.graph)
  const samePipeline = before.pipeline && after.pipeline && before.pipeline.equals(after.pipeline)
  const sameTokenizer = tokenizersEqual(before, after)
  const changes = sameWeights ? [] : diffTensors(before.tensors, after.tensors)
  const tensors = values === true ? await withValues(changes, first, second, shared, together) : changes
  const tokenizer =
    sameTokenizer === false
      ? await diffTokenizers(before.tokenizer && first.folder, after.tokenizer && second.folder)
      : { differences: [], warnings: [] }
  const counts = { added: 0, removed: 0, changed: 0, renamed: 0 }
  for (const { status } of tensors) counts[status]++
  return {
    kind: 'model',
    same: [sameArchitecture, sameWeights, sameGraph, samePipeline, sameTokenizer].every(
      (same) => same !== false,
    ),
    digests: true,
    before: sideOf(before),
    after: sideOf(after),
    sameArchitecture,
    sameWeights,
    sameFamily,
    sameGraph,
    samePipeline,
    components: differingComponents(before, after),
    sameTokenizer,
    config: sameArchitecture ? [] : diffConfigs(first.config, second.config),
    tokenizer: tokenizer.differences,
    tensors,
    counts,
    ...(values === true &&
      !sameWeights && {
        layers: changeByLayer(
          after.tensors.map(({ name }) => name),
          tensors,
        ),
      }),
    warnings: [...before.warnings, ...after.warnings, ...tokenizer.warnings],
  }
}

interface Loaded {
  readonly report: ModelReport
  readonly folder: string
  /** Absolute paths of the weights files. */
  readonly files: readonly string[]
  readonly config: ModelConfig | undefined
  /** The stat of each weights file before it was read. */
  readonly fingerprints: ReadonlyMap<string, string>
}

/** The files of a model before it is read. */
interface Located {
  readonly folder: string
  readonly files: readonly string[]
  readonly fingerprints: ReadonlyMap<string, string>
  readonly isPipeline: boolean
}

async function locate(path: string, options: ModelOptions): Promise<Located> {
  const pipeline = await pipelineFolder(path)
  const { folder, weights } =
    pipeline === undefined ? await locateModel(path, options) : await filesBelow(pipeline)
  const fingerprints = await fingerprintsOf(weights)
  return { folder, files: weights, fingerprints, isPipeline: pipeline !== undefined }
}

async function load(
  path: string,
  { folder, files, fingerprints }: Located,
  options: ModelOptions,
  known: ReadTogether['known'],
): Promise<Loaded> {
  return { ...(await readComplete(path, options, undefined, known)), folder, files, fingerprints }
}

const NOT_TOGETHER: ReadTogether = { known: [], values: new Map() }

/** Hash and compare two models in one read, as far as that is possible. */
async function readTogether(
  before: Located,
  after: Located,
  { algorithm = 'blake3', signal, threads, onProgress }: HashOptions,
): Promise<ReadTogether> {
  if (algorithm !== 'blake3' || before.isPipeline || after.isPipeline) return NOT_TOGETHER
  try {
    return await hashAndCompare(before.files, after.files, { signal, threads, onProgress })
  } catch (error) {
    // The read of each model by itself has a more precise error. A fault of lineaprint is not an error of a model.
    if (!LineaprintError.isFinding(error)) throw error
    return NOT_TOGETHER
  }
}

/** List the files of the components of a pipeline. */
async function filesBelow(folder: string): Promise<{ folder: string; weights: readonly string[] }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw inputError(folder, 'list', cause)
  })
  const files = entries.filter((entry) => !entry.isDirectory())
  return { folder, weights: files.map(({ parentPath, name }) => join(parentPath, name)) }
}

function sideOf(report: ModelReport): ModelSide {
  const { path, architecture, weights, family, graph, pipeline, tokenizer, tensorCount, parameters } = report
  return {
    path,
    architecture,
    weights,
    ...(family && { family }),
    ...(graph && { graph }),
    ...(pipeline && { pipeline }),
    ...(tokenizer && { tokenizer }),
    tensorCount,
    parameters,
  }
}

function differingComponents(before: ModelReport, after: ModelReport): string[] {
  const [first, second] = [before, after].map(
    ({ components = [] }) => new Map(components.map(({ name, digests }) => [name, JSON.stringify(digests)])),
  )
  const names = new Set([...(first?.keys() ?? []), ...(second?.keys() ?? [])])
  const differ = [...names].filter((name) => first?.get(name) !== second?.get(name))
  return differ.toSorted((a, b) => compareUtf8(a, b))
}

/** Check whether a tensor changed that has the same shape. */
function hasValues({ differs }: TensorChange): boolean {
  return differs !== undefined && !differs.includes('shape')
}

async function withValues(
  changes: readonly TensorChange[],
  first: Loaded,
  second: Loaded,
  { signal, threads, onProgress }: JobOptions,
  together: ReadTogether,
): Promise<TensorChange[]> {
  const compared = new Map(together.values)
  const left = changes.filter((change) => hasValues(change) && !compared.has(change.name))
  const names = left.map(({ name }) => name)
  for (const part of partsOf(names, first, second)) {
    const values = await comparePart(part, { signal, threads, onProgress })
    for (const [at, name] of part.names.entries()) {
      const value = values[at]
      if (value !== undefined) compared.set(name, value)
    }
  }
  for (const side of [first, second]) await verifyUnchanged(side)
  return changes.map((change) => {
    if (change.differs === undefined) return change
    const comparison = hasValues(change) ? compared.get(change.name) : undefined
    return { ...change, values: comparison ?? SHAPES_DIFFER }
  })
}

/** Tensors of both sides that lie in the same files of each. */
interface ComparedPart {
  /** Their names in the models. */
  readonly names: readonly string[]
  /** The part of the names that the files do not have: the name of a component and a slash, or nothing. */
  readonly prefix: string
  readonly before: readonly string[]
  readonly after: readonly string[]
}

/** Divide tensors by the components of pipelines, whose files are models of their own. */
function partsOf(names: readonly string[], first: Loaded, second: Loaded): ComparedPart[] {
  if (names.length === 0) return []
  const sides = [first, second].map(({ report }) => report.components !== undefined)
  if (!sides.includes(true)) return [{ names, prefix: '', before: first.files, after: second.files }]
  const parts = new Map<string, string[]>()
  for (const name of names) {
    const prefix = name.slice(0, name.indexOf('/') + 1)
    const part = parts.get(prefix)
    if (part === undefined) parts.set(prefix, [name])
    else part.push(name)
  }
  return [...parts].map(([prefix, own]) => ({
    names: own,
    prefix,
    before: filesOf(first, prefix),
    after: filesOf(second, prefix),
  }))
}

/** Return the files of a component. */
function filesOf({ report: { tensors }, folder }: Loaded, prefix: string): string[] {
  const files = tensors.flatMap(({ name, file }) => (name.startsWith(prefix) ? [file] : []))
  return [...new Set(files)].map((file) => join(folder, file))
}

async function comparePart(
  { names, prefix, before, after }: ComparedPart,
  options: JobOptions,
): Promise<readonly ValueComparison[]> {
  const inFiles = names.map((name) => name.slice(prefix.length))
  try {
    return await compareValues({ files: before, names: inFiles }, { files: after, names: inFiles }, options)
  } catch (error) {
    // The elements of a component can lie in files that are no models, beside the one that is.
    if (prefix === '' || !LineaprintError.is(error) || !NOT_A_MODEL.has(error.code)) throw error
    return names.map(() => ({ status: 'not-compared', reason: error.message }))
  }
}

const NOT_A_MODEL: ReadonlySet<string> = new Set(['ERR_LINEAPRINT_FORMAT', 'ERR_LINEAPRINT_UNSUPPORTED'])
