/** The files of a folder that a model could be read from. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { inputError, isMissing } from '../util/fs.ts'
import { readRegular } from '../util/own-file.ts'
import { LineaprintError } from '../core/errors.ts'
import { refuseDisguised } from './disguised.ts'
import { native } from '../native/load.ts'
import { fromFailure, isFailure } from '../native/job.ts'
import { FAMILIES, belongsTo, familyOf, isIndex, isWeights, shardCount, splitNames } from './families.ts'
import type { Family } from './families.ts'

/** One way to read the model of a folder: through a shard index, or from one weights file. */
export interface Candidate {
  /** Name of the index or of the weights file. */
  readonly name: string
  /** Absolute paths of the weights files, sorted by name. */
  readonly weights: readonly string[]
  /** The shard index: absolute path and content; absent for one weights file. */
  readonly index?: { readonly path: string; readonly bytes: Uint8Array }
  /** Names of shards that are not in the folder. */
  readonly missing: readonly string[]
}

/** The candidates of a folder. */
export interface Candidates {
  /** The candidate that transformers would load comes first. */
  readonly candidates: readonly Candidate[]
  /** Names of shards that no index names, in a folder with a usable index. No loader reads them. */
  readonly leftOver: readonly string[]
  /** Names of files of other formats, which probably hold the same model. They are not read. */
  readonly otherCopies: readonly string[]
}

/** An index of a million tensors is some 100 MB; a longer file is not an index. */
const INDEX_LIMIT = 256 << 20

/**
 * Return the candidates among the entries of a folder, all of one family: every shard index, and every weights
 * file that no index names as a shard. Beside a usable index, a file named like a shard is no model, but left over.
 *
 * @throws ERR_LINEAPRINT_FORMAT if an index is malformed or names files outside its folder.
 */
export async function findCandidates(folder: string, entries: readonly string[]): Promise<Candidates> {
  const parts = await partsOfTfjs(folder, entries)
  const names = entries.filter((name) => !parts.has(name))
  const family = FAMILIES.find((kind) => names.some((name) => belongsTo(kind, name)))
  if (family === undefined) return { candidates: [], leftOver: [], otherCopies: [] }
  const indexes: Candidate[] = []
  for (const name of names.filter((entry) => isIndex(family, entry)).toSorted()) {
    indexes.push(await readIndex(join(folder, name), folder))
  }
  const shards = new Set(indexes.flatMap(({ weights }) => weights))
  const hasIndex = indexes.some((index) => !isStale(index))
  const isLeftOver = (name: string): boolean => hasIndex && family.shard?.test(name) === true
  const others = names.filter((name) => isWeights(family, name) && !shards.has(join(folder, name))).toSorted()
  const files = filesOf(
    family,
    folder,
    others.filter((name) => !isLeftOver(name)),
  )
  return {
    candidates: [
      ...files.filter(({ name }) => name === family.first),
      ...indexes,
      ...files.filter(({ name }) => name !== family.first),
    ],
    leftOver: others.filter((name) => isLeftOver(name)),
    otherCopies: otherCopiesOf(names),
  }
}

/** An own `model.json` is a few megabytes; a longer one is not of TensorFlow.js. */
const TFJS_LIMIT = 64 << 20

/**
 * Return the names that a `model.json` of TensorFlow.js lists as files of its weights. They end in `.bin`, as files of
 * PyTorch do. A file that cannot be read, or that is none, lists nothing; the reader of the model says what is wrong.
 */
async function partsOfTfjs(folder: string, names: readonly string[]): Promise<ReadonlySet<unknown>> {
  if (!names.includes('model.json') || !names.some((name) => name.endsWith('.bin'))) return new Set()
  try {
    const text = new TextDecoder().decode(await readRegular(join(folder, 'model.json'), TFJS_LIMIT))
    const { weightsManifest = [] } = JSON.parse(text) as { weightsManifest?: { paths: unknown[] }[] }
    return new Set(weightsManifest.flatMap(({ paths }) => paths))
  } catch {
    return new Set()
  }
}

/** Return the names of weights of the families after the first that is there. */
export function otherCopiesOf(names: readonly string[]): string[] {
  const family = FAMILIES.find((kind) => names.some((name) => belongsTo(kind, name)))
  return names
    .filter((name) => FAMILIES.some((other) => other !== family && belongsTo(other, name)))
    .filter((name) => family === undefined || !belongsTo(family, name))
    .toSorted()
}

/** Return one candidate for each file; the files of a split model are one. */
function filesOf(family: Family, folder: string, names: readonly string[]): Candidate[] {
  const candidates = new Map<string, Candidate>()
  for (const name of names) {
    const all = splitNames(family, name)
    const [first = name] = all
    candidates.set(first, {
      name: first,
      weights: all.map((file) => join(folder, file)),
      missing: all.filter((file) => !names.includes(file)),
    })
  }
  return [...candidates.values()]
}

/** Read a shard index, and find out which of its shards are there. */
export async function readIndex(path: string, folder: string): Promise<Candidate> {
  const { size } = await stat(path).catch((cause: unknown) => {
    throw inputError(path, 'stat', cause)
  })
  if (size > INDEX_LIMIT) {
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'the shard index is too long', {
      path,
      expected: `at most ${INDEX_LIMIT} bytes`,
      received: `${size} bytes`,
    })
  }
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw inputError(path, 'read', cause)
  })
  await refuseDisguised([path], 'a shard index')
  const outcome = native.readShardIndex(bytes, path)
  if (isFailure(outcome)) throw fromFailure(outcome)
  const missing: string[] = []
  for (const shard of outcome.shards) if (await isAbsent(join(folder, shard))) missing.push(shard)
  return {
    name: path.slice(folder.length).replace(/^[/\\]+/, ''),
    weights: outcome.shards.map((shard) => join(folder, shard)),
    index: { path, bytes },
    missing,
  }
}

function isAbsent(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    (error: unknown) => {
      if (isMissing(error)) return true
      throw inputError(path, 'stat', error)
    },
  )
}

/** True if no shard of an index is there: it remained from another model. */
export function isStale({ index, weights, missing }: Candidate): boolean {
  return index !== undefined && missing.length === weights.length
}

/** Describe a candidate in an error: its name, and what is wrong with it. */
export function describeCandidate(candidate: Candidate): string {
  const { name, weights, missing } = candidate
  if (isStale(candidate)) return `${name} (stale: ${absent(missing, weights.length)})`
  return missing.length === 0 ? name : `${name} (incomplete: ${absent(missing, weights.length)})`
}

/** Check whether a candidate is a file whose name says that it is one shard of several, and that no index names. */
export function isLoneShard({ name, index, weights }: Candidate): boolean {
  const family = familyOf(name)
  return index === undefined && weights.length === 1 && family !== undefined && shardCount(family, name) > 1
}

/** Say how many shards of an index are not there. */
export function absent(missing: readonly string[], total: number): string {
  const [first = ''] = missing
  return total === 1
    ? `its shard ${first} is not there`
    : `${missing.length} of the ${total} shards that it names are not there, for example ${first}`
}
