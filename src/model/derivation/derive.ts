/** Derivation of a model from another, tensor by tensor. */
import { LineaprintError } from '../../core/errors.ts'
import { checkAlgorithm, checkKeys, checkObject, checkPath } from '../../core/options.ts'
import { parseJson } from '../../json/parse.ts'
import { fingerprintsOf, listForBytes, verifyUnchanged } from '../headers.ts'
import { hasCandidate, locateModel } from '../locate.ts'
import { isComplete, readHeaders, readParts } from '../read.ts'
import { readAdapter } from './adapter.ts'
import { explainByBytes } from './by-bytes.ts'
import { hashAndCheck } from './checks.ts'
import { expectedChecks } from './expected.ts'
import { explain } from './explain.ts'
import { builtInMaps, mapApplies, matchName, readMaps } from './maps.ts'
import { isExplained } from './report.ts'
import type { HashedAndChecked } from './checks.ts'
import type { Side } from './hypotheses.ts'
import type { Opened } from './opened.ts'
import type { ParsedJson } from '../../json/parse.ts'
import type { HashOptions } from '../../core/options.ts'
import type { ModelHeaders, ModelOptions, ModelParts, ModelReport, TensorEntry, TensorInfo } from '../read.ts'
import type { Facts, NameMap } from './maps.ts'
import type { DerivationSide, DerivedTensor, ModelDerivation, TensorDerivation, Verdict } from './report.ts'

export type { DerivationSide, DerivedTensor, ModelDerivation, TensorDerivation, Verdict } from './report.ts'

/** Options of {@link deriveModel}. */
export interface DerivationOptions extends HashOptions {
  /** Path of an adapter (a file, or a folder with `adapter_config.json`) that may have been merged. */
  readonly with?: string | undefined
  /** Path of a file with maps between names, which are tried before those that come with lineaprint. */
  readonly map?: string | undefined
  /** Name of the weights file or shard index, in folders with several. */
  readonly weights?: string | undefined
  /** Read safetensors files as their reference implementation does. @default false */
  readonly lenient?: boolean | undefined
  /** Also digest the exact files, as a statement about the derivation needs them. @default false */
  readonly files?: boolean | undefined
  /**
   * Compute the digests of all tensors. Without them, tensors of safetensors and GGUF files that the names lead to are
   * compared byte by byte, and digests are computed only where that leaves a tensor open. @default false, or true with
   * `files`, `with` and another algorithm than BLAKE3
   */
  readonly digests?: boolean | undefined
}

/**
 * Find out how the second model follows from the first: which of its tensors are the same, renamed, joined, cut,
 * transposed, permuted, cast, quantised, or the sum with an adapter; and which are changed or have no source.
 *
 * Candidates come from equal names, from maps between names, and from digests: of the tensors, and of what those of the
 * first model would become in the dtypes of the second. Nothing is explained by a name alone: every verdict but `changed`
 * and `unexplained` has been checked on every element.
 *
 * Cost: one read of both models where the names lead to every tensor. Otherwise, or with `digests`, one read of both for
 * their digests, which also checks what the names let expect, where elements keep their order. What is not explained by
 * that is read once more for each hypothesis that is tried. The memory in use is that of a tile for each thread.
 *
 * @param a The earlier model; any path that {@link readModel} takes. `b` likewise.
 * @throws The errors of {@link readModel}; ERR_LINEAPRINT_CONFIGURATION for a file of maps that does not fit its schema;
 * ERR_LINEAPRINT_CHANGED if a file changed meanwhile.
 */
export async function deriveModel(
  a: string,
  b: string,
  options: DerivationOptions = {},
): Promise<ModelDerivation> {
  for (const path of [a, b]) checkPath(path)
  checkObject(options)
  checkKeys(options, ['with', 'map', 'weights', 'lenient', 'files', 'digests'])
  const { with: adapterPath, map, weights, lenient, files, digests, ...shared } = options
  const algorithm = checkAlgorithm(options.algorithm)
  const maps = [...(map === undefined ? [] : await readMaps(checkPath(map))), ...builtInMaps()]
  const reading = { ...shared, lenient, files }
  const [inFirst, inSecond] =
    weights === undefined ? [false, false] : [await hasCandidate(a, weights), await hasCandidate(b, weights)]
  const sides = [
    { ...reading, weights: inFirst || !inSecond ? weights : undefined },
    { ...reading, weights: inSecond ? weights : undefined },
  ] as const
  const needsDigests = digests ?? (files === true || adapterPath !== undefined || algorithm !== 'blake3')
  const byBytes = needsDigests ? undefined : await deriveByBytes([a, b], sides, maps, shared)
  if (byBytes !== undefined) return byBytes
  // The digests of whole files take a read of their own.
  const alone = files === true || algorithm !== 'blake3'
  const together = alone ? NOT_TOGETHER : await readTogether([a, b], sides, maps, shared)
  const before = await open(a, sides[0], together.known)
  const after = await open(b, sides[1], together.known)
  const merged = adapterPath === undefined ? undefined : await open(checkPath(adapterPath), { ...reading })
  const adapter = merged && readAdapter(merged)
  const job = {
    before,
    after,
    maps,
    files: {
      before: before.paths,
      after: after.paths,
      adapter: merged?.paths ?? [],
      lenient: lenient === true,
    },
    algorithm: algorithm === 'sha256' ? ('sha256' as const) : ('blake3' as const),
    options: shared,
    made: together.made,
    ...(adapter && { adapter }),
  }
  const { tensors, warnings } = await explain(job)
  for (const side of [before, after, ...(merged ? [merged] : [])]) await verifyUnchanged(side)
  const { unused, dropped } = leftOver(before, after, tensors, maps)
  return {
    kind: 'derivation',
    explained: unused.length === 0 && tensors.every(({ verdict }) => isExplained(verdict)),
    digests: true,
    before: sideOf(before),
    after: sideOf(after),
    ...(merged && { adapter: sideOf(merged) }),
    counts: countsOf(tensors),
    tensors,
    unused,
    dropped,
    warnings: [
      ...before.report.warnings,
      ...after.report.warnings,
      ...(adapter?.warnings ?? []),
      ...warnings,
    ],
  }
}

function countsOf(tensors: readonly TensorDerivation[]): ModelDerivation['counts'] {
  const counts: Partial<Record<Verdict, number>> = {}
  for (const { verdict } of tensors) counts[verdict] = (counts[verdict] ?? 0) + 1
  return counts
}

/** Derive a model without digests. Nothing where they have to be computed, also for an error that the full read explains. */
async function deriveByBytes(
  [a, b]: readonly [string, string],
  [first, second]: readonly [ModelOptions, ModelOptions],
  maps: readonly NameMap[],
  options: HashOptions,
): Promise<ModelDerivation | undefined> {
  try {
    const { algorithm: _, ...job } = options
    const [left, right] = [await listForBytes(a, first), await listForBytes(b, second)]
    if (left === undefined || right === undefined) return undefined
    const [before, after] = [left.headers, right.headers]
    const answer = await explainByBytes({
      before: sideOfHeaders(before),
      after: sideOfHeaders(after),
      maps,
      files: { before: before.paths, after: after.paths, adapter: [], lenient: first.lenient === true },
      fileCounts: [before.files.length, after.files.length],
      options: job,
    })
    if (answer === undefined) return undefined
    for (const side of [left, right]) await verifyUnchanged(side)
    return {
      kind: 'derivation',
      explained: true,
      digests: false,
      before: listedSide(before),
      after: listedSide(after),
      counts: countsOf(answer.tensors),
      tensors: answer.tensors,
      unused: [],
      dropped: answer.dropped,
      warnings: [...before.warnings, ...after.warnings],
    }
  } catch (error) {
    if (!LineaprintError.isFinding(error)) throw error
    return undefined
  }
}

const NOT_TOGETHER: HashedAndChecked = { known: [], made: new Map() }

/** Hash both models, and check in the same read what their headers let expect. */
async function readTogether(
  [a, b]: readonly [string, string],
  [first, second]: readonly [ModelOptions, ModelOptions],
  maps: readonly NameMap[],
  options: HashOptions,
): Promise<HashedAndChecked> {
  try {
    const before = sideOfHeaders(await readHeaders(a, first))
    const after = sideOfHeaders(await readHeaders(b, second))
    const files = { before: before.files, after: after.files, adapter: [], lenient: first.lenient === true }
    return await hashAndCheck(files, expectedChecks(before, after, maps), options)
  } catch (error) {
    // The read of each model by itself has a more precise error. A fault of lineaprint is not an error of a model.
    if (!LineaprintError.isFinding(error)) throw error
    return NOT_TOGETHER
  }
}

function sideOfHeaders(headers: ModelHeaders): Side<TensorEntry> & { readonly files: readonly string[] } {
  const { paths, tensors } = headers
  return {
    files: paths,
    byName: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    facts: factsOf(headers),
  }
}

async function open(
  path: string,
  options: ModelOptions,
  known: HashedAndChecked['known'] = [],
): Promise<Opened> {
  const { weights } = await locateModel(path, options)
  const fingerprints = await fingerprintsOf(weights)
  const parts = await readParts(path, options, undefined, known)
  const { listing } = parts
  if (!isComplete(listing)) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_UNSUPPORTED',
      `it cannot be compared: ${listing.incomplete ?? ''}`,
      {
        path: listing.path,
      },
    )
  }
  return {
    report: listing,
    parts,
    paths: weights,
    byName: new Map(listing.tensors.map((tensor) => [tensor.name, tensor])),
    facts: factsOf(parts),
    fingerprints,
  }
}

/** Collect the text in the files of a model, and the numbers and texts at the top of its configuration. */
function factsOf({ metadata, config }: Pick<ModelParts, 'metadata' | 'config'>): Facts {
  const facts = new Map(metadata)
  const value = config && parseJson(config.canonical).value
  if (value instanceof Map) {
    for (const [key, item] of value)
      if (typeof item === 'number' || typeof item === 'string') facts.set(key, String(item))
    for (const [key, item] of quantisationOf(value))
      if (typeof item === 'number' || typeof item === 'string')
        facts.set(`${QUANTISATION}.${key}`, String(item))
  }
  return facts
}

const QUANTISATION = 'quantization_config'

/** Return what a configuration says of the quantisation; nothing where parts of the model have settings of their own. */
function quantisationOf(config: ReadonlyMap<string, ParsedJson>): ReadonlyMap<string, ParsedJson> {
  const own = config.get(QUANTISATION)
  if (!(own instanceof Map)) return new Map()
  const hasOthers = [...own.values()].some((item) => item instanceof Map && item.size > 0)
  return hasOthers ? new Map([...own].filter(([key]) => key === 'quant_method')) : own
}

function listedSide({ path, tensorCount, parameters, files }: ModelHeaders): DerivationSide {
  return { path, tensorCount, parameters, files }
}

function sideOf({ report }: Opened): DerivationSide {
  const { path, weights, tensorCount, parameters, files } = report
  return { path, weights, tensorCount, parameters, files }
}

/** Return what a tensor is apart from its name. */
function content({ dtype, shape, digest }: DerivedTensor): string {
  return `${dtype} ${shape.join(',')} ${digest?.hex ?? ''}`
}

/** Find the tensors of the first model that nothing follows from. A tie of one that is used counts as used. */
function leftOver(
  before: Opened,
  after: Opened,
  tensors: readonly TensorDerivation[],
  maps: readonly NameMap[],
): { readonly unused: DerivedTensor[]; readonly dropped: string[] } {
  const used = new Set<string>()
  const usedNames = new Set<string>()
  for (const { sources } of tensors) {
    for (const source of sources) {
      used.add(content(source))
      usedNames.add(source.name)
    }
  }
  const patterns = maps.flatMap((map) => (mapApplies(map, before.facts, after.facts) ? map.dropped : []))
  const unused: DerivedTensor[] = []
  const dropped: string[] = []
  for (const tensor of before.report.tensors) {
    const { name, dtype, shape, digest } = tensor
    // Tensors of constants are equal without being tied, so that only large ones count as ties.
    if (usedNames.has(name) || (used.has(content(tensor)) && isTied(tensor, before.report))) continue
    if (patterns.some((pattern) => matchName(pattern, name) !== undefined)) dropped.push(name)
    else unused.push({ name, dtype, shape, digest })
  }
  return { unused, dropped }
}

/** Check whether a tensor is one of several names of one matrix. */
function isTied({ name, shape }: TensorInfo, { ties }: ModelReport): boolean {
  return shape.length > 1 && ties.some((names) => names.includes(name))
}
