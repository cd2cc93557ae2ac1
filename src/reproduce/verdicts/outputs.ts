/** Comparison of the outputs of two runs, one by one. */
import { readDataset } from '../../dataset/read.ts'
import { LineaprintError } from '../../core/errors.ts'
import { reasonOf } from '../../record/failure.ts'
import { recordedAlgorithm } from '../../record/configuration.ts'
import { parseTracked } from '../../record/tracked.ts'
import { leftOutSentence, volatileFiles } from '../../compare/file-lists.ts'
import { compareRecordedTensors, haveSameFields } from '../../compare/recorded-content.ts'
import { compareRecordedTables } from '../../compare/table-files.ts'
import { compareFiles, differingTensors } from '../../compare/tensor-files.ts'
import { compareContents, hasContent } from '../../compare/file-contents.ts'
import { readContents } from '../../record/content-list.ts'
import { compareFolders } from './folders.ts'
import { item } from '../types.ts'
import type { Tolerance } from '../../compare/file-verdict.ts'
import type { RecordedSide } from '../../compare/recorded-content.ts'
import type { TrackedFile } from '../../record/tracked.ts'
import type { StoredRun } from '../../store/runs.ts'
import type { OutputOptions, OutputVerdict } from './folders.ts'
import type { ReproduceItem } from '../types.ts'

/**
 * Compare every output of a run with that of the same name in the new run.
 *
 * @param outputIgnore Patterns of files of folders that are left out, in addition to the built-in ones.
 */
export async function compareOutputs(
  before: StoredRun,
  after: StoredRun,
  tolerance: Tolerance,
  outputIgnore: readonly string[] = [],
): Promise<ReproduceItem[]> {
  const items: ReproduceItem[] = []
  const options: OutputOptions = {
    ...tolerance,
    algorithm: recordedAlgorithm(before.record),
    isVolatile: volatileFiles(outputIgnore),
  }
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
      const { verdict, detail, differences, maxDifference } = await compareContent(
        { folder: before.folder, content: outputBefore },
        { folder: after.folder, content: outputAfter },
        options,
      )
      items.push(item('outputs', name, verdict, detail, differences, maxDifference))
    }
  }
  return items
}

async function compareContent(
  before: RecordedSide,
  after: RecordedSide,
  options: OutputOptions,
): Promise<OutputVerdict> {
  const [outputBefore, outputAfter] = [before.content, after.content]
  const digests = [{ field: 'digest', before: outputBefore.digest, after: outputAfter.digest }]
  const [folderBefore, folderAfter] = [before.folder, after.folder]
  if (outputBefore.kind === 'folder' && outputAfter.kind === 'folder')
    return compareFolders(
      { folder: folderBefore, content: outputBefore },
      { folder: folderAfter, content: outputAfter },
      options,
    )
  // An output has a path; only datasets can be arrays in memory.
  if (outputBefore.kind !== 'file' || outputAfter.kind !== 'file') {
    const detail = `it was a ${outputBefore.kind} and is a ${outputAfter.kind}`
    return { verdict: 'different', detail, differences: digests }
  }
  const result = await compareTwoFiles(
    { folder: folderBefore, content: outputBefore },
    { folder: folderAfter, content: outputAfter },
    options,
  )
  return result.differences.length > 0 || result.verdict === 'same'
    ? result
    : { ...result, differences: digests }
}

type FileSide = RecordedSide<TrackedFile>

async function compareTwoFiles(
  before: FileSide,
  after: FileSide,
  options: OutputOptions,
): Promise<OutputVerdict> {
  const { path } = after.content
  if (haveSameFields(before.content, after.content)) {
    const name = before.content.stableFields?.[0]?.path ?? path
    const detail = `every other field is the same; ${leftOutSentence({ files: [], fields: [name] })}`
    return { verdict: 'same', detail, differences: [] }
  }
  if (!hasContent(path)) return { verdict: 'different', detail: 'the bytes differ', differences: [] }
  const reason = await unavailableReason(before.content, options)
  if (reason === undefined) return compareFiles(before.content.path, path, options)
  return compareRecorded(before, after, reason, options)
}

/**
 * Compare a file whose original is not available. A run records digests of outputs, not their content, so only the
 * columns of a table and the tensors of a model can be compared.
 */
async function compareRecorded(
  before: FileSide,
  after: FileSide,
  reason: string,
  { tolerance }: OutputOptions,
): Promise<OutputVerdict> {
  const unjudged = tolerance === undefined ? '' : '; the tolerance cannot be applied'
  const withUnjudged = (result: OutputVerdict): OutputVerdict =>
    result.verdict === 'different' ? { ...result, detail: `${result.detail}${unjudged}` } : result
  const table = compareRecordedTables(before.content, after.content, reason)
  if (table !== undefined) return withUnjudged(table)
  let tensors
  try {
    tensors = await compareRecordedTensors(before, after)
  } catch (error) {
    if (!LineaprintError.isFinding(error)) throw error
    const detail = `the bytes differ; ${reason}; ${reasonOf(error)}`
    return { verdict: 'not-compared', detail, differences: [] }
  }
  if (tensors === undefined) {
    const content = await compareRecordedContents(before, after)
    if (content !== undefined) return withUnjudged({ ...content, detail: `${content.detail}; ${reason}` })
    const detail = `the bytes differ; its content cannot be compared: ${reason}`
    return { verdict: 'different', detail, differences: [] }
  }
  const { differences } = tensors
  if (differences.length === 0) {
    const detail = `the bytes differ, every tensor is the same by its recorded digest; ${reason}`
    return { verdict: 'same-tensors', detail, differences: [] }
  }
  const { detail } = differingTensors(differences, tensors.before.length)
  return withUnjudged({ verdict: 'different', detail: `${detail}; ${reason}`, differences })
}

/** Compare two files of arrays or tensors by their recorded digests; `undefined` if one of the runs recorded none. */
async function compareRecordedContents(
  before: FileSide,
  after: FileSide,
): Promise<OutputVerdict | undefined> {
  const [contentBefore] = (await readContents(before.folder, before.content)).values()
  const [contentAfter] = (await readContents(after.folder, after.content)).values()
  return compareContents(contentBefore, contentAfter)
}

/** Return why the content of an original cannot be compared; `undefined` if it is still as recorded. */
async function unavailableReason(
  { path, digest: recorded }: TrackedFile,
  { algorithm, signal, onProgress }: OutputOptions,
): Promise<string | undefined> {
  try {
    const { digest } = await readDataset(path, { algorithm, signal, onProgress, tables: false })
    return digest.toString() === recorded ? undefined : 'the original has changed since the run'
  } catch (error) {
    signal?.throwIfAborted()
    if (!LineaprintError.isFinding(error)) throw error
    return `the original cannot be read: ${reasonOf(error)}`
  }
}
