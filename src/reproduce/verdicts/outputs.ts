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
import { compareFiles, named } from '../../compare/tensor-files.ts'
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
    const other = after.record.outputs[name]
    if (entry.status !== 'tracked') {
      const why = entry.status === 'off' ? 'it was disabled' : `it was not recorded: ${entry.reason}`
      items.push(item('outputs', name, 'not-compared', why))
      continue
    }
    if (other?.status !== 'tracked') {
      const why = other?.status === 'failed' ? other.reason : 'the command did not create it'
      items.push(item('outputs', name, 'missing', why))
      continue
    }
    const [was, is] = [parseTracked('outputs', name, entry), parseTracked('outputs', name, other)]
    if (was.digest === is.digest) items.push(item('outputs', name, 'same', 'the same bytes'))
    else {
      const algorithm = recordedAlgorithm(before.record)
      const { verdict, detail, differences, maxDifference } = await compareContent(
        before,
        was,
        is,
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
  was: TrackedContent,
  is: TrackedContent,
  algorithm: AlgorithmChoice,
  options: Tolerance,
): Promise<FileVerdict> {
  const digests = [{ field: 'digest', before: was.digest, after: is.digest }]
  // An output has a path; only datasets can be arrays in memory.
  if (was.kind !== is.kind || was.kind === 'array' || is.kind === 'array') {
    const detail = `it was a ${was.kind} and is a ${is.kind}`
    return { verdict: 'different', detail, differences: digests }
  }
  const [before, after] = [was.path, is.path]
  const gone = await whyNotThere(was, algorithm, options.signal)
  if (gone !== undefined) {
    const found = await compareRecorded(run, was, is, gone, options)
    return found ?? { verdict: 'different', detail: `the bytes differ; ${gone}`, differences: digests }
  }
  if (was.kind === 'folder') return compareFolders(before, after, options)
  const found = await compareFiles(before, after, options)
  return found.differences.length > 0 ? found : { ...found, differences: digests }
}

/**
 * Compare an output whose original is not available. A run records digests of outputs, not their content, so
 * only the columns of a table and the tensors of a model can be compared.
 */
async function compareRecorded(
  { folder }: StoredRun,
  was: TrackedFile | TrackedFolder,
  is: TrackedFile | TrackedFolder,
  gone: string,
  { tolerance, signal }: Tolerance,
): Promise<FileVerdict | undefined> {
  const table = was.kind === 'file' && is.kind === 'file' ? compareRecordedTables(was, is, gone) : undefined
  if (table !== undefined) return table
  const { tensorsFile } = was
  if (tensorsFile === undefined || !isSafeRelativePath(tensorsFile)) return undefined
  const path = join(folder, tensorsFile)
  let recorded: readonly RecordedTensor[]
  let now: ModelReport
  try {
    recorded = parseTensors(await readFile(path), path)
    now = await readModel(is.path, { signal })
  } catch (error) {
    if (!LineaprintError.is(error) && errorCode(error) !== 'ENOENT') throw error
    return { verdict: 'different', detail: `the bytes differ; ${gone}; ${reasonOf(error)}`, differences: [] }
  }
  const changed = compareTensors(recorded, now.tensors)
  if (changed.length === 0) {
    const detail = `the bytes differ, every tensor is the same by its recorded digest; ${gone}`
    return { verdict: 'same-tensors', detail, differences: [] }
  }
  const unjudged = tolerance === undefined ? '' : '; the tolerance cannot be applied'
  const { detail } = named(changed, recorded.length)
  return { verdict: 'different', detail: `${detail}; ${gone}${unjudged}`, differences: changed }
}

/** Return why the content of an original cannot be compared; `undefined` if it is still as recorded. */
async function whyNotThere(
  was: TrackedFile | TrackedFolder,
  algorithm: AlgorithmChoice,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const { digest } = await readDataset(was.path, { algorithm, signal, tables: false })
    return digest.toString() === was.digest ? undefined : 'the original has changed since the run'
  } catch (error) {
    if (!LineaprintError.is(error)) throw error
    return `the original cannot be read: ${reasonOf(error)}`
  }
}
