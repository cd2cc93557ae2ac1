/**
 * Comparison of two output folders whose digests differ, file by file. What a run recorded about its files decides,
 * so that the verdict does not depend on whether the original still exists. The original adds only what no record
 * holds: the content of tables, arrays and nested models, and numbers for a tolerance.
 */
import { join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { hashFile } from '../../hash/file.ts'
import { hashListedTree } from '../../hash/tree.ts'
import {
  compareOutputFiles,
  fileDifferences,
  haveSameDigests,
  leftOutSentence,
  recordedFields,
} from '../../compare/file-lists.ts'
import { compareContents, hasContent } from '../../compare/file-contents.ts'
import { compareRecordedTensors } from '../../compare/recorded-content.ts'
import { compareFiles, compareWeights, differingTensors } from '../../compare/tensor-files.ts'
import { readContents } from '../../record/content-list.ts'
import { listedFolder, readFileList } from '../../record/file-list.ts'
import { reasonOf } from '../../record/failure.ts'
import { isIndexPath } from '../../model/families.ts'
import type { FileChange, OutputChanges } from '../../compare/file-lists.ts'
import type { Difference } from '../../core/component.ts'
import type { FileVerdict, Tolerance } from '../../compare/file-verdict.ts'
import type { RecordedSide, RecordedTensors } from '../../compare/recorded-content.ts'
import type { AlgorithmChoice } from '../../core/digest.ts'
import type { ContentList } from '../../record/content-list.ts'
import type { FileList } from '../../record/file-list.ts'
import type { TrackedFolder } from '../../record/tracked.ts'
import type { PathMatcher } from '../../util/path-pattern.ts'
import type { ReproduceVerdict } from '../types.ts'

/** The verdict about an output: `not-compared` if something in it could not be compared, and nothing differs. */
export type OutputVerdict = Omit<FileVerdict, 'verdict'> & {
  readonly verdict: FileVerdict['verdict'] | 'not-compared'
}

/** Options of the comparison of outputs. */
export interface OutputOptions extends Tolerance {
  readonly algorithm: AlgorithmChoice
  /** Selects the files of folders that are left out. */
  readonly isVolatile: PathMatcher
}

type Side = RecordedSide<TrackedFolder>

/** Verdicts from best to worst. The verdict of a folder is that of its worst file. */
const ORDER: readonly ReproduceVerdict[] = [
  'same',
  'same-tensors',
  'same-table',
  'within-tolerance',
  'not-compared',
  'different',
]

/** Compare two folders whose digests differ. */
export async function compareFolders(
  before: Side,
  after: Side,
  options: OutputOptions,
): Promise<OutputVerdict> {
  const files = await changedFiles(before, after, options)
  if (typeof files === 'string') return withoutLists(before, after, files)
  const leftOut = leftOutSentence(files.leftOut)
  if (files.isEmpty)
    return {
      verdict: 'not-compared',
      detail: `all files are volatile, so none was compared; ${leftOut}`,
      differences: [],
    }
  if (files.changes.length === 0)
    return { verdict: 'same', detail: `every other file is the same; ${leftOut}`, differences: [] }
  const tensors = await compareRecordedTensors(before, after)
  const [weights, others] = partition(
    files.changes,
    ({ path }) => tensors !== undefined && isCovered(path, tensors),
  )
  const verdicts: NamedVerdict[] = []
  if (tensors !== undefined && weights.length > 0)
    verdicts.push({ ...(await judgeWeights(before, after, weights, tensors, options)) })
  const contents = [
    await readContents(before.folder, before.content),
    await readContents(after.folder, after.content),
  ] as const
  for (const change of others)
    verdicts.push({ name: change.path, ...(await judgeFile(before, after, change, contents, options)) })
  return worst(verdicts, files, leftOut)
}

/** The verdict about a file, or about all weights of a model, which has no name. */
type NamedVerdict = OutputVerdict & { readonly name?: string }

function worst(verdicts: readonly NamedVerdict[], files: OutputChanges, leftOut: string): OutputVerdict {
  let [verdict, largest]: [OutputVerdict['verdict'], number | undefined] = ['same', undefined]
  // The worst come first: only the first few are shown.
  const sorted = verdicts.toSorted((a, b) => ORDER.indexOf(b.verdict) - ORDER.indexOf(a.verdict))
  for (const result of sorted) {
    if (ORDER.indexOf(result.verdict) > ORDER.indexOf(verdict)) verdict = result.verdict
    if (result.maxDifference !== undefined) largest = Math.max(largest ?? 0, result.maxDifference)
  }
  const details = sorted.map(({ name, detail }) => (name === undefined ? detail : `${name}: ${detail}`))
  return {
    verdict,
    detail: [
      ...details.slice(0, 3),
      ...(details.length > 3 ? [`and ${details.length - 3} more files`] : []),
      ...(leftOut === '' ? [] : [leftOut]),
    ].join('; '),
    differences: [
      ...fileDifferences(files.changes),
      ...verdicts.flatMap(({ name, differences }): readonly Difference[] =>
        name === undefined
          ? differences
          : differences.map((difference) => ({ ...difference, field: `${name}: ${difference.field}` })),
      ),
    ],
    ...(largest !== undefined && { maxDifference: largest }),
  }
}

/** Compare the lists of both folders. Return the reason, if one of them is not known. */
async function changedFiles(
  before: Side,
  after: Side,
  options: OutputOptions,
): Promise<OutputChanges | string> {
  const listBefore = await filesOf(before, options, 'original')
  if (typeof listBefore === 'string') return listBefore
  const listAfter = await filesOf(after, options, 'new folder')
  if (typeof listAfter === 'string') return listAfter
  return compareOutputFiles(
    { list: listBefore, stable: recordedFields(before.content.stableFields) },
    { list: listAfter, stable: recordedFields(after.content.stableFields) },
    options.isVolatile,
  )
}

/** Return the recorded list of a folder. If there is none, list the folder itself, if it is as recorded. */
async function filesOf(
  { folder, content }: Side,
  { algorithm, signal }: OutputOptions,
  noun: string,
): Promise<FileList | string> {
  try {
    const recorded = await readFileList(folder, content)
    if (recorded !== undefined) return recorded
    const tree = await hashListedTree(content.path, { algorithm, signal })
    if (tree.tree.digest.toString() === content.digest) return [...listedFolder(tree).entries()]
    return `the run has no list of its files, and the ${noun} has changed since the run`
  } catch (error) {
    signal?.throwIfAborted()
    if (!LineaprintError.isFinding(error)) throw error
    return `the run has no list of its files, and the ${noun} cannot be read: ${reasonOf(error)}`
  }
}

/** Return the verdict about folders whose files are not known. Tensors that differ are named. */
async function withoutLists(before: Side, after: Side, reason: string): Promise<OutputVerdict> {
  const tensors = await compareRecordedTensors(before, after)
  if (tensors === undefined || tensors.differences.length === 0) {
    const rest = tensors === undefined ? '' : ', every tensor of the model is the same'
    const detail = `the digests differ${rest}; the files cannot be compared: ${reason}`
    const { digest } = before.content
    return {
      verdict: 'not-compared',
      detail,
      differences: [{ field: 'digest', before: digest, after: after.content.digest }],
    }
  }
  const { detail, ...verdict } = differingTensors(tensors.differences, tensors.before.length)
  return { ...verdict, detail: `${detail}; the other files cannot be compared: ${reason}` }
}

/**
 * Check whether the tensor lists cover a file: the same tensors in other shards are other files. An index at the top
 * of a folder is the one through which its tensors were found.
 */
function isCovered(path: string, { before, after }: RecordedTensors): boolean {
  return (!path.includes('/') && isIndexPath(path)) || [...before, ...after].some(({ file }) => file === path)
}

async function judgeWeights(
  before: Side,
  after: Side,
  weights: readonly FileChange[],
  { before: tensorsBefore, differences }: RecordedTensors,
  options: OutputOptions,
): Promise<OutputVerdict> {
  if (differences.length === 0)
    return { verdict: 'same-tensors', detail: 'the bytes differ, every tensor is the same', differences }
  const named = differingTensors(differences, tensorsBefore.length)
  if (options.tolerance === undefined) return named
  const reasons = await Promise.all(weights.map((change) => unavailable(before, change, options)))
  const reason = reasons.find((text) => text !== undefined)
  if (reason === undefined) {
    const verdict = await compareWeights(before.content.path, after.content.path, options)
    if (!LineaprintError.is(verdict)) return verdict
  }
  return { ...named, detail: `${named.detail}; ${reason ?? ''}; the tolerance cannot be applied` }
}

async function judgeFile(
  before: Side,
  after: Side,
  change: FileChange,
  [contentsBefore, contentsAfter]: readonly [ContentList, ContentList],
  options: OutputOptions,
): Promise<OutputVerdict> {
  if (change.before === undefined || change.after === undefined)
    return { verdict: 'different', detail: change.before === undefined ? 'new' : 'gone', differences: [] }
  if (!hasContent(change.path)) return { verdict: 'different', detail: 'the bytes differ', differences: [] }
  const reason = await unavailable(before, change, options)
  if (reason === undefined)
    return compareFiles(
      join(before.content.path, change.path),
      join(after.content.path, change.pathAfter ?? change.path),
      options,
    )
  const recorded = compareContents(
    contentsBefore.get(change.path),
    contentsAfter.get(change.pathAfter ?? change.path),
  )
  if (recorded !== undefined) {
    const isUnjudged = options.tolerance !== undefined && recorded.verdict === 'different'
    const rest = isUnjudged ? '; the tolerance cannot be applied' : ''
    return { ...recorded, detail: `${recorded.detail}; ${reason}${rest}` }
  }
  // The recorded digests of the file decide. Only its original could show that the content is the same.
  const detail = `the bytes differ; its content cannot be compared: ${reason}`
  return { verdict: 'different', detail, differences: [] }
}

/** Return why a file of the original cannot be compared; `undefined` if it is still as recorded. */
async function unavailable(
  { content }: Side,
  { path, before }: FileChange,
  { algorithm, signal }: OutputOptions,
): Promise<string | undefined> {
  if (before === undefined) return undefined
  // The text of such a path names another file.
  if (before.pathBytes !== undefined) return 'its name is not UTF-8'
  try {
    const { digests } = await hashFile(join(content.path, path), { algorithm, signal })
    return haveSameDigests(digests, before.digests) ? undefined : 'the original has changed since the run'
  } catch (error) {
    signal?.throwIfAborted()
    if (!LineaprintError.isFinding(error)) throw error
    return `the original cannot be read: ${reasonOf(error)}`
  }
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((entry) => !test(entry))]
}
