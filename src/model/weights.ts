/** The weights files of a model alone: their tensors and their exact bytes in one read. */
import { runJob } from '../native/job.ts'
import { checkAlgorithm } from '../core/options.ts'
import { LineaprintError } from '../core/errors.ts'
import { native } from '../native/load.ts'
import { TensorColumns, filesOf } from './columns.ts'
import { formatOf, holdsOnlyTensors, partsOf } from './read.ts'
import type { HashOptions, JobOptions } from '../core/options.ts'
import type { ModelFiles } from './locate.ts'
import type { ModelFile, TensorInfo } from './report.ts'

/** The content of the weights files. */
export interface WeightsFiles {
  /** Sorted by the UTF-8 bytes of their names. */
  readonly tensors: readonly TensorInfo[]
  /** False if they hold something beside the tensors, which is not read. */
  readonly holdOnlyTensors: boolean
  /** With their digests, in the order of {@link ModelFiles.weights}. */
  readonly files: readonly ModelFile[]
}

/**
 * Digest the weights files of a model and every tensor in them. Configuration and tokenizer are not read.
 *
 * Cost: one read of the weights.
 *
 * @throws ERR_LINEAPRINT_FORMAT for a file that breaks the rules of its format, and the errors of {@link hashFile}.
 */
export async function readWeights(
  { weights, index }: ModelFiles,
  options: HashOptions = {},
): Promise<WeightsFiles> {
  const algorithm = checkAlgorithm(options.algorithm)
  const reading = { kind: 'full', parts: 'both' } as const
  const wanted = { algorithm, lenient: false, reading, ...(index && { index }) }
  const model = await runJob(options, (job, threads) => native.readModel(job, [...weights], wanted, threads))
  const holdOnlyTensors = holdsOnlyTensors({ format: formatOf(model), ...partsOf(model) })
  return { tensors: new TensorColumns(model).toInfos(), holdOnlyTensors, files: filesOf(model) }
}

/** Check whether a file can be read as a model: its format is one that is read, and what it lists is sound. */
export async function isReadAsModel(path: string, options: JobOptions): Promise<boolean> {
  const reading = { kind: 'full', parts: 'headers' } as const
  const wanted = { algorithm: 'blake3', lenient: false, reading } as const
  try {
    await runJob(options, (job, threads) => native.readModel(job, [path], wanted, threads))
    return true
  } catch (error) {
    options.signal?.throwIfAborted()
    if (LineaprintError.isFinding(error)) return false
    throw error
  }
}
