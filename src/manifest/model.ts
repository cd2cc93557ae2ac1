/** The tensors of a model, for manifests. */
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { runJob } from '../native/job.ts'
import { toDigests } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { locateModel } from '../model/locate.ts'
import { TensorColumns, digestsOf } from '../model/columns.ts'
import { readModel } from '../model/read.ts'
import { native } from '../native/load.ts'
import { stampText } from '../util/file-stamp.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { ModelFiles } from '../model/locate.ts'
import type { HashOptions } from '../core/options.ts'
import type { ManifestEntry, ManifestModel, ManifestTensor } from './document.ts'

/** A model and its tensors. */
export interface ModelPart {
  readonly model: ManifestModel
  readonly tensors: readonly ManifestTensor[]
}

/**
 * Return the names of the files that the model at `path` is read from, all in one folder: weights, index and
 * configuration. The others are found through the first.
 */
function filesOf({ index, weights, config }: ModelFiles): readonly string[] {
  const paths = [...(index ? [index.path] : []), ...weights, ...(config === undefined ? [] : [config])]
  return paths.map((path) => basename(path))
}

/** Refuse a model with files that the manifest does not list: its tensors would belong to no entry. */
export function checkCounted(
  root: string,
  files: readonly string[],
  entries: readonly ManifestEntry[],
): void {
  const counted = new Set(entries.filter(({ type }) => type === 'file').map(({ path }) => path))
  const missing = files.find((name) => !counted.has(name))
  if (missing === undefined) return
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this model file is excluded from the manifest', {
    path: join(root, missing),
    expected: 'a file of the manifest',
    received: 'an ignored file or a recorded link',
    hint: 'remove the ignore pattern, follow links, or create the manifest without tensors',
  })
}

/**
 * Return the model in the folder `root` that is found through `file`. Reads the weights again, after the
 * walk.
 */
export async function modelOf(root: string, file: string, options: HashOptions): Promise<ModelPart> {
  const { digests, tensors } = await readModel(join(root, file), options)
  return {
    model: { file, weights: digests.weights, architecture: digests.architecture },
    tensors: tensors.map(({ name, dtype, shape, file: holder, digest }) => ({
      name,
      dtype,
      shape,
      file: holder,
      digest,
    })),
  }
}

/** Return the tensors of one weights file, ignoring other files in its folder. */
export async function weightsFileOf(path: string, options: HashOptions): Promise<ModelPart> {
  const algorithm: AlgorithmChoice = options.algorithm ?? 'blake3'
  const read = await runJob(options, (job, threads) =>
    native.readModel(
      job,
      [path],
      { algorithm, lenient: false, reading: { kind: 'full', parts: 'tensors' } },
      threads,
    ),
  )
  const file = basename(path)
  const reason = read.shards.find((shard) => shard.incomplete !== undefined)?.incomplete
  const isElsewhere = read.shards.some(({ siblings }) => siblings.length > 0)
  if (reason !== undefined || isElsewhere) {
    throw new LineaprintError(
      reason === undefined ? 'ERR_LINEAPRINT_ARGUMENT' : 'ERR_LINEAPRINT_UNSUPPORTED',
      reason === undefined
        ? 'the elements of its tensors are in other files'
        : `its weights have no digest: ${reason}`,
      { path, hint: isElsewhere ? 'pass the folder instead' : 'create the manifest without tensors' },
    )
  }
  const tensors = new TensorColumns(read).toInfos()
  return {
    model: { file, weights: toDigests(digestsOf(read.weights), 'weights') },
    tensors: tensors.map(({ name, dtype, shape, digest }) => ({ name, dtype, shape, file, digest })),
  }
}

/**
 * Run work that reads the same files twice, and throw if one of them changed in between: the two halves of
 * the manifest would describe two models.
 */
export async function unchanged<T>(paths: readonly string[], work: () => Promise<T>): Promise<T> {
  const before = await Promise.all(paths.map((path) => stampOf(path)))
  const done = await work()
  const after = await Promise.all(paths.map((path) => stampOf(path)))
  const changed = paths.find((_, index) => before[index] !== after[index])
  if (changed === undefined) return done
  throw new LineaprintError('ERR_LINEAPRINT_CHANGED', 'it changed while it was read', {
    path: changed,
    hint: 'try again while nothing writes to the model',
  })
}

async function stampOf(path: string): Promise<string> {
  const stamp = await stat(path, { bigint: true }).catch(() => undefined)
  return stamp === undefined ? 'gone' : stampText(stamp)
}

/** Return the names of the files of the model of a folder, the entry file first. */
export async function locate(root: string, file?: string): Promise<readonly string[]> {
  return filesOf(await locateModel(file === undefined ? root : join(root, file)))
}
