/** Locate the files of a model. */
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { inputError, isMissing, statInput, systemReason } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import {
  absent,
  describeCandidate,
  findCandidates,
  isLoneShard,
  isStale,
  otherCopiesOf,
  readIndex,
} from './candidates.ts'
import { familyOf, folderNoun, isIndex, splitNames } from './families.ts'
import { snapshotOf } from './hub-cache.ts'
import { haveEqualWeights } from './equal-weights.ts'
import { nameList } from '../util/name-list.ts'
import type { JobOptions } from '../core/options.ts'
import type { Candidate } from './candidates.ts'

/** The files of a model. */
export interface ModelFiles {
  /** The folder of the model; for a file, its parent. */
  readonly folder: string
  /** The path that was given, absolute. */
  readonly given: string
  /** True if the caller named the folder (and not one file in it). */
  readonly isFolder: boolean
  /** Absolute paths of the weights files, sorted by name. */
  readonly weights: readonly string[]
  /** The shard index, if present: absolute path and content. */
  readonly index?: { readonly path: string; readonly bytes: Uint8Array }
  /** Absolute path of `config.json` or `adapter_config.json`, if present. */
  readonly config?: string
  /** Names of files of other formats, which were not read. Empty for a file. */
  readonly otherCopies: readonly string[]
  /** Sentences about the choice between several candidates. */
  readonly warnings: readonly string[]
}

/** Options of {@link locateModel}. */
export interface LocateOptions extends JobOptions {
  /** Name of the weights file or shard index to use, in a folder with several. */
  readonly weights?: string | undefined
}

/** Most names in a sentence. */
const SHOWN = 4

const CONFIG_NAMES = ['config.json', 'adapter_config.json']

/**
 * Find the weights of a model: a weights file of any format, a shard index, a folder with one of either, or the folder
 * of a repository in the cache of the Hugging Face Hub.
 *
 * A folder can hold several candidates: which one is loaded depends on the loader. They are accepted if their
 * weights are equal, which is found out by reading all of them, and only where their headers are equal. An
 * index of which no shard is there is no candidate.
 *
 * @throws ERR_LINEAPRINT_AMBIGUOUS if a folder holds candidates of different weights, FORMAT if an index is
 * malformed or names files outside its folder, NOT_FOUND if there is nothing to read, ARGUMENT for `weights`
 * with a path to a file.
 */
export async function locateModel(path: string, options: LocateOptions = {}): Promise<ModelFiles> {
  const given = resolve(path)
  const info = await statInput(given, path)
  if (!info.isDirectory()) return locateFile(path, given, options.weights)
  const absolute = (await snapshotOf(given)) ?? given
  const names = await readdir(absolute).catch((cause: unknown) => {
    throw inputError(path, 'list', cause)
  })
  if (options.weights !== undefined) {
    const candidate = await named(absolute, names, options.weights)
    return filesOf(absolute, candidate, otherCopiesOf(names), [])
  }
  const { candidates, leftOver, otherCopies } = await findCandidates(absolute, names)
  const stale = candidates.filter((candidate) => isStale(candidate))
  const usable = candidates.filter((candidate) => !isStale(candidate))
  const [chosen, ...others] = usable
  if (chosen === undefined) throw nothingToRead(path, names, stale)
  if (others.length > 0 && !(await haveEqualWeights(usable, options))) throw ambiguous(path, usable)
  return filesOf(absolute, chosen, otherCopies, [
    ...stale.map(
      ({ name, missing, weights }) =>
        `the index ${name} is stale, so ${chosen.name} was read: ${absent(missing, weights.length)}`,
    ),
    ...(isLoneShard(chosen)
      ? [`${chosen.name} is one shard of several, and no index names the others: the model may be incomplete`]
      : []),
    ...(leftOver.length > 0
      ? [`no index names these shards, which were not read: ${nameList(leftOver, SHOWN)}`]
      : []),
    ...(others.length > 0
      ? [
          `the folder holds equal weights several times: ${chosen.name} was read, ${namesOf(others)} equals it`,
        ]
      : []),
  ])
}

/** Check whether a folder holds a weights file or shard index of this name; false for anything else. */
export async function hasCandidate(path: string, weights: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined)
  return info?.isDirectory() === true && (await readdir(path)).includes(weights) && isCandidateName(weights)
}

async function locateFile(path: string, absolute: string, selected: string | undefined): Promise<ModelFiles> {
  if (selected !== undefined) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the option weights chooses a file of a folder', {
      path,
      field: 'weights',
      expected: 'a path to a folder',
      received: 'a file',
    })
  }
  const folder = dirname(absolute)
  const { index, weights } = await candidateOf(folder, basename(absolute))
  return {
    folder,
    given: absolute,
    isFolder: false,
    weights,
    ...(index && { index }),
    ...(await findConfig(folder)),
    otherCopies: [],
    warnings: [],
  }
}

async function filesOf(
  folder: string,
  { weights, index, missing, name }: Candidate,
  otherCopies: readonly string[],
  warnings: readonly string[],
): Promise<ModelFiles> {
  if (missing.length > 0) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_NOT_FOUND',
      `the model is incomplete: ${absent(missing, weights.length)}`,
      { path: join(folder, name), hint: 'download the missing files, or name other weights with --weights' },
    )
  }
  const config = await findConfig(folder)
  return {
    folder,
    given: folder,
    isFolder: true,
    weights,
    ...(index && { index }),
    ...config,
    otherCopies,
    warnings,
  }
}

/** Return the candidate of this name. */
async function named(folder: string, names: readonly string[], weights: string): Promise<Candidate> {
  if (names.includes(weights) && isCandidateName(weights)) return candidateOf(folder, weights)
  const others = names.filter((name) => isCandidateName(name)).toSorted()
  throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'the folder contains no such weights', {
    path: folder,
    field: 'weights',
    expected:
      others.length === 0 ? 'the name of a weights file or of a shard index' : nameList(others, SHOWN),
    received: JSON.stringify(weights),
  })
}

/** Return what is read through the file of this name: an index, all files of a split model, or the file. */
async function candidateOf(folder: string, name: string): Promise<Candidate> {
  const family = familyOf(name)
  if (family !== undefined && isIndex(family, name)) return readIndex(join(folder, name), folder)
  const files = family === undefined ? [name] : splitNames(family, name)
  return { name, weights: files.map((file) => join(folder, file)), missing: [] }
}

function isCandidateName(name: string): boolean {
  return familyOf(name) !== undefined
}

async function findConfig(folder: string): Promise<{ config?: string }> {
  for (const name of CONFIG_NAMES) {
    const config = join(folder, name)
    const isFile = await stat(config).then(
      (info) => info.isFile(),
      (error: unknown) => {
        if (isMissing(error)) return false
        throw new LineaprintError('ERR_LINEAPRINT_UNREADABLE', `cannot stat it: ${systemReason(error)}`, {
          path: config,
          cause: error,
        })
      },
    )
    if (isFile) return { config }
  }
  return {}
}

function nothingToRead(path: string, names: readonly string[], stale: readonly Candidate[]): LineaprintError {
  const [index] = stale
  if (index !== undefined) {
    const { name, missing, weights } = index
    return new LineaprintError(
      'ERR_LINEAPRINT_NOT_FOUND',
      `the index ${name} is stale: ${absent(missing, weights.length)}`,
      { path, hint: 'download the shards, or remove the index' },
    )
  }
  const noun = folderNoun(names)
  if (noun !== undefined) {
    return new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', `this is ${noun}; it is not read as a model`, {
      path,
      expected: 'a folder with weights of a format that is read',
      received: noun,
      hint: 'lineaprint hash gives the digest of its files',
    })
  }
  return new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'the folder contains no weights', {
    path,
    expected: 'for example *.safetensors, pytorch_model.bin, *.gguf or *.onnx',
    received: names.length === 0 ? 'an empty folder' : `${names.length} other entries`,
  })
}

function ambiguous(path: string, candidates: readonly Candidate[]): LineaprintError {
  if (candidates.every((candidate) => isLoneShard(candidate)))
    return new LineaprintError(
      'ERR_LINEAPRINT_AMBIGUOUS',
      `the folder contains ${candidates.length} shards and no index that names them: ${namesOf(candidates)}`,
      { path, field: 'weights', hint: 'get the index (*.safetensors.index.json) that belongs to them' },
    )
  return new LineaprintError(
    'ERR_LINEAPRINT_AMBIGUOUS',
    `the folder contains ${candidates.length} candidates of different weights: ${namesOf(candidates)}`,
    { path, field: 'weights', hint: 'name one with --weights NAME (option weights), or give its path' },
  )
}

function namesOf(candidates: readonly Candidate[]): string {
  return nameList(
    candidates.map((candidate) => describeCandidate(candidate)),
    SHOWN,
  )
}
