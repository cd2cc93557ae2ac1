/** Comparison of the outputs of two runs, one by one. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readDataset } from '../../dataset/read.ts'
import { LineaprintError } from '../../core/errors.ts'
import { readModel } from '../../model/read.ts'
import { errorCode } from '../../util/fs.ts'
import { reasonOf } from '../../record/failure.ts'
import { isSafeRelativePath } from '../../util/paths.ts'
import { recordedAlgorithm } from '../../record/configuration.ts'
import { parseTracked } from '../../record/tracked.ts'
import { compareTensors, parseTensors } from '../../record/tensor-list.ts'
import { compareFolders } from './folders.ts'
import { compareRecordedTables } from '../../compare/table-files.ts'
import { compareFiles, differingTensors } from '../../compare/tensor-files.ts'
import { item } from '../types.ts'
import type { ModelReport } from '../../model/read.ts'
import type { RecordedTensor } from '../../record/tensor-list.ts'
import type { AlgorithmChoice } from '../../core/digest.ts'
import type { TrackedContent, TrackedFile, TrackedFolder } from '../../record/tracked.ts'
import type { StoredRun } from '../../store/runs.ts'
import type { FileVerdict, Tolerance } from '../../compare/file-verdict.ts'
import type { ReproduceItem } from '../types.ts'

/** Compare every output of a run with that of the same name in the new run. */
export async function compareOutputs(
  before: StoredRun,
  after: StoredRun,
  options: Tolerance,
): Promise<ReproduceItem[]> {
  const items: ReproduceItem[] = []
  for (const [name, entry] of Object.entries(before.record.outputs)) {
    options.signal?.throwIfAborted()
    const newEntry = after.record.outputs[name]
    if (entry.status !== 'tracked') {
      const reason = entry.status === 'off' ? 'it was disabled' : `it was not recorded: ${entry.reason}`
      items.push(item('outputs', name, 'not-compared', reason))
      continue
    }
    if (newEntry?.status !== 'tracked') {
      const reason = newEntry?.status === 'failed' ? newEntry.reason : 'the command did not create it'
      items.push(item('outputs', name, 'missing', reason))
      continue
    }
    const [outputBefore, outputAfter] = [
      parseTracked('outputs', name, entry),
      parseTracked('outputs', name, newEntry),
    ]
    if (outputBefore.digest === outputAfter.digest)
      items.push(item('outputs', name, 'same', 'the same bytes'))
    else {
      const algorithm = recordedAlgorithm(before.record)
      const { verdict, detail, differences, maxDifference } = await compareContent(
        before,
        outputBefore,
        outputAfter,
        algorithm,
        options,
      )
      items.push(item('outputs', name, verdict, detail, differences, maxDifference))
    }
  }
  return items
}

async function compareContent(
  run: StoredRun,
  outputBefore: TrackedContent,
  outputAfter: TrackedContent,
  algorithm: AlgorithmChoice,
  options: Tolerance,
): Promise<FileVerdict> {
  const digests = [{ field: 'digest', before: outputBefore.digest, after: outputAfter.digest }]
  // An output has a path; only datasets can be arrays in memory.
  if (
    outputBefore.kind !== outputAfter.kind ||
    outputBefore.kind === 'array' ||
    outputAfter.kind === 'array'
  ) {
    const detail = `it was a ${outputBefore.kind} and is a ${outputAfter.kind}`
    return { verdict: 'different', detail, differences: digests }
  }
  const [before, after] = [outputBefore.path, outputAfter.path]
  const reason = await unavailableReason(outputBefore, algorithm, options.signal)
  if (reason !== undefined) {
    const comparison = await compareRecorded(run, outputBefore, outputAfter, reason, options)
    return comparison ?? { verdict: 'different', detail: `the bytes differ; ${reason}`, differences: digests }
  }
  if (outputBefore.kind === 'folder') return compareFolders(before, after, options)
  const result = await compareFiles(before, after, options)
  return result.differences.length > 0 ? result : { ...result, differences: digests }
}

/**
 * Compare an output whose original is not available. A run records digests of outputs, not their content, so
 * only the columns of a table and the tensors of a model can be compared.
 */
async function compareRecorded(
  { folder }: StoredRun,
  outputBefore: TrackedFile | TrackedFolder,
  outputAfter: TrackedFile | TrackedFolder,
  reason: string,
  { tolerance, signal }: Tolerance,
): Promise<FileVerdict | undefined> {
  const table =
    outputBefore.kind === 'file' && outputAfter.kind === 'file'
      ? compareRecordedTables(outputBefore, outputAfter, reason)
      : undefined
  if (table !== undefined) return table
  const { tensorsFile } = outputBefore
  if (tensorsFile === undefined || !isSafeRelativePath(tensorsFile)) return undefined
  const path = join(folder, tensorsFile)
  let recorded: readonly RecordedTensor[]
  let model: ModelReport
  try {
    recorded = parseTensors(await readFile(path), path)
    model = await readModel(outputAfter.path, { signal })
  } catch (error) {
    if (!LineaprintError.is(error) && errorCode(error) !== 'ENOENT') throw error
    return {
      verdict: 'different',
      detail: `the bytes differ; ${reason}; ${reasonOf(error)}`,
      differences: [],
    }
  }
  const changed = compareTensors(recorded, model.tensors)
  if (changed.length === 0) {
    const detail = `the bytes differ, every tensor is the same by its recorded digest; ${reason}`
    return { verdict: 'same-tensors', detail, differences: [] }
  }
  const unjudged = tolerance === undefined ? '' : '; the tolerance cannot be applied'
  const { detail } = differingTensors(changed, recorded.length)
  return { verdict: 'different', detail: `${detail}; ${reason}${unjudged}`, differences: changed }
}

/** Return why the content of an original cannot be compared; `undefined` if it is still as recorded. */
async function unavailableReason(
  outputBefore: TrackedFile | TrackedFolder,
  algorithm: AlgorithmChoice,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const { digest } = await readDataset(outputBefore.path, { algorithm, signal, tables: false })
    return digest.toString() === outputBefore.digest ? undefined : 'the original has changed since the run'
  } catch (error) {
    if (!LineaprintError.is(error)) throw error
    return `the original cannot be read: ${reasonOf(error)}`
  }
}
