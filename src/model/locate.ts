/** Locate the files of a model. */
import { readFile, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { errorCode, isMissing, systemReason } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import { native } from '../native/load.ts'
import { fromFailure, isFailure } from '../native/job.ts'

/** The files of a model. */
export interface ModelFiles {
  /** The folder of the model; for a file, its parent. */
  readonly folder: string
  /** True if the caller named the folder (and not one file in it). */
  readonly isFolder: boolean
  /** Absolute paths of the weights files, sorted by name. */
  readonly weights: readonly string[]
  /** The shard index, if present: absolute path and content. */
  readonly index?: { readonly path: string; readonly bytes: Uint8Array }
  /** Absolute path of `config.json` or `adapter_config.json`, if present. */
  readonly config?: string
}

const INDEX_SUFFIX = '.safetensors.index.json'
const CONFIG_NAMES = ['config.json', 'adapter_config.json']

/** An index of a million tensors is some 100 MB; a longer file is not an index. */
const INDEX_LIMIT = 256 << 20

/**
 * Find the weights of a model: a safetensors file, a shard index, or a folder with one of either.
 *
 * @throws ERR_LINEAPRINT_AMBIGUOUS if a folder holds two candidates, FORMAT if an index is malformed or names
 * files outside its folder, NOT_FOUND if there is nothing to read.
 */
export async function locateModel(path: string): Promise<ModelFiles> {
  const absolute = resolve(path)
  const info = await stat(absolute).catch((cause: unknown) => {
    throw errorCode(cause) === 'ENOENT'
      ? new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'there is no such file or folder', { path, cause })
      : new LineaprintError('ERR_LINEAPRINT_UNREADABLE', `cannot stat it: ${systemReason(cause)}`, {
          path,
          cause,
        })
  })
  if (!info.isDirectory()) {
    const folder = dirname(absolute)
    if (absolute.endsWith(INDEX_SUFFIX)) return fromIndex(absolute, folder, false)
    return { folder, isFolder: false, weights: [absolute], ...(await findConfig(folder)) }
  }
  const names = await readdir(absolute)
  const indexes = names.filter((name) => name.endsWith(INDEX_SUFFIX)).toSorted()
  if (indexes.length > 1) throw ambiguous(path, indexes)
  if (indexes[0] !== undefined) return fromIndex(join(absolute, indexes[0]), absolute, true)
  const candidates = names.filter((name) => name.endsWith('.safetensors')).toSorted()
  if (candidates.length > 1) throw ambiguous(path, candidates)
  if (candidates[0] === undefined) {
    throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'the folder contains no weights', {
      path,
      expected: `one *.safetensors file or a *${INDEX_SUFFIX}`,
      received: names.length === 0 ? 'an empty folder' : `${names.length} other entries`,
    })
  }
  return {
    folder: absolute,
    isFolder: true,
    weights: [join(absolute, candidates[0])],
    ...(await findConfig(absolute)),
  }
}

async function fromIndex(index: string, folder: string, isFolder: boolean): Promise<ModelFiles> {
  const { size } = await stat(index)
  if (size > INDEX_LIMIT) {
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'the shard index is too long', {
      path: index,
      expected: `at most ${INDEX_LIMIT} bytes`,
      received: `${size} bytes`,
    })
  }
  const bytes = await readFile(index)
  const outcome = native.readShardIndex(bytes, index)
  if (isFailure(outcome)) throw fromFailure(outcome)
  const weights = outcome.shards.map((shard) => join(folder, shard))
  return { folder, isFolder, weights, index: { path: index, bytes }, ...(await findConfig(folder)) }
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

function ambiguous(path: string, candidates: readonly string[]): LineaprintError {
  const shown = candidates
    .slice(0, 4)
    .map((name) => basename(name))
    .join(', ')
  return new LineaprintError(
    'ERR_LINEAPRINT_AMBIGUOUS',
    `the folder contains ${candidates.length} models: ${shown}`,
    {
      path,
      hint: 'pass one of these files instead of the folder',
    },
  )
}
