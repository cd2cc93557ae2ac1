/** The tensors of a model, for manifests. */
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { runJob } from '../abort.ts'
import { primary, toDigests } from '../digest.ts'
import { LineaprintError } from '../errors.ts'
import { locateModel } from '../model/locate.ts'
import { digestsOf, readModel } from '../model/read.ts'
import { native } from '../native.ts'
import { stampText } from '../stamp.ts'
import { compareUtf8 } from '../text.ts'
import type { AlgorithmChoice } from '../digest.ts'
import type { ModelFiles } from '../model/locate.ts'
import type { HashOptions } from '../options.ts'
import type { ManifestEntry, ManifestModel, ManifestTensor } from './document.ts'

/** A model and its tensors. */
export interface ModelPart {
  readonly model: ManifestModel
  readonly tensors: readonly ManifestTensor[]
}

/**
 * The names of the files that the model at `path` is read from, all in one folder: weights, index and
 * configuration. The first is the one to find the others through.
 */
function filesOf({ index, weights, config }: ModelFiles): readonly string[] {
  const paths = [...(index ? [index.path] : []), ...weights, ...(config === undefined ? [] : [config])]
  return paths.map((path) => basename(path))
}

/** Refuses a model whose files are not all files of the manifest: its tensors would belong to nothing. */
export function checkCounted(
  root: string,
  files: readonly string[],
  entries: readonly ManifestEntry[],
): void {
  const counted = new Set(entries.filter(({ type }) => type === 'file').map(({ path }) => path))
  const missing = files.find((name) => !counted.has(name))
  if (missing === undefined) return
  throw new LineaprintError(
    'ERR_LINEAPRINT_ARGUMENT',
    'the model is read from this file, but it is left out',
    {
      path: join(root, missing),
      expected: 'a file of the manifest',
      received: 'an ignored file or a recorded link',
      hint: 'drop the pattern that ignores it, follow links, or leave out the tensors',
    },
  )
}

/** The model in the folder `root` that is found through `file`. Reads the weights, beside what the walk read. */
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

/** The tensors of one weights file, whatever lies beside it. */
export async function weightsFileOf(path: string, options: HashOptions): Promise<ModelPart> {
  const algorithm: AlgorithmChoice = options.algorithm ?? 'blake3'
  const read = await runJob(options, (job, threads) =>
    native.readModel(job, [path], { algorithm, reading: { kind: 'full', parts: 'tensors' } }, threads),
  )
  const file = basename(path)
  const tensors = read.shards.flatMap((shard) =>
    shard.names.map((name, index) => ({
      name,
      dtype: shard.dtypes[index] ?? '',
      shape: shard.shapes[index] ?? [],
      file,
      digest: primary(toDigests(digestsOf(shard.tensors), undefined, index)),
    })),
  )
  return {
    model: { file, weights: toDigests(digestsOf(read.weights), 'weights') },
    tensors: tensors.toSorted((a, b) => compareUtf8(a.name, b.name)),
  }
}

/**
 * Runs work that reads the same files twice, and fails if one of them was changed in between: the two halves of
 * a manifest would be of two models.
 */
export async function unchanged<T>(paths: readonly string[], work: () => Promise<T>): Promise<T> {
  const before = await Promise.all(paths.map((path) => stampOf(path)))
  const done = await work()
  const after = await Promise.all(paths.map((path) => stampOf(path)))
  const changed = paths.find((_, index) => before[index] !== after[index])
  if (changed === undefined) return done
  throw new LineaprintError('ERR_LINEAPRINT_CHANGED', 'it changed while it was read', {
    path: changed,
    hint: 'run it again when nothing writes to the model',
  })
}

async function stampOf(path: string): Promise<string> {
  const stamp = await stat(path, { bigint: true }).catch(() => undefined)
  return stamp === undefined ? 'gone' : stampText(stamp)
}

/** The model of a folder, as far as its files are known. */
export async function locate(root: string, file?: string): Promise<readonly string[]> {
  return filesOf(await locateModel(file === undefined ? root : join(root, file)))
}
