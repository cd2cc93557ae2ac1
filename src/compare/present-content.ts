/** Comparison of a tracked file or folder with the present one, whose digest differs: what exactly differs. */
import { basename, dirname, join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { readFolderTables } from '../dataset/folder/read-tables.ts'
import { hashRecords } from '../dataset/sequence.ts'
import { hashListedArchive } from '../hash/archive.ts'
import { hashTable } from '../dataset/table.ts'
import { canHoldTensors } from '../model/families.ts'
import { locateModel } from '../model/locate.ts'
import { readWeights } from '../model/weights.ts'
import { readContents } from '../record/content-list.ts'
import { listedFolder, readFileList } from '../record/file-list.ts'
import { reasonOf } from '../record/failure.ts'
import { compareTensors, readTensorList } from '../record/tensor-list.ts'
import {
  NOTHING_LEFT_OUT,
  compareFileLists,
  compareOutputFiles,
  fileDifferences,
  filesSentence,
  leftOutSentence,
  recordedFields,
} from './file-lists.ts'
import { compareContents, contentOf } from './file-contents.ts'
import { stableDigest } from './stable-fields.ts'
import { sequenceDifference, splitsDifference, tableDifference } from './tables.ts'
import { differingTensors } from './tensor-files.ts'
import type { Difference } from '../core/component.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { JobOptions } from '../core/options.ts'
import type { ListedDataset } from '../dataset/read.ts'
import type {
  RecordedArchive,
  RecordedSequence,
  RecordedTable,
  TrackedContent,
  TrackedFolder,
} from '../record/tracked.ts'
import type { PathMatcher } from '../util/path-pattern.ts'
import type { OutputChanges } from './file-lists.ts'

/** The difference between a tracked item and the present one. */
export interface PresentDifference {
  /** True if only volatile parts of an output differ. */
  readonly isSame: boolean
  readonly detail: string
  /** Files, or tensors. */
  readonly differences: readonly Difference[]
}

/** Options of {@link presentDifference}. */
export interface PresentOptions {
  /** Folder of the run. */
  readonly folder: string
  readonly algorithm: AlgorithmChoice
  readonly signal: AbortSignal | undefined
  readonly onProgress?: JobOptions['onProgress']
  /** Selects files that are left out; only for an output. */
  readonly isVolatile?: PathMatcher | undefined
}

/**
 * Name the files, tensors and columns in which a tracked item differs from the present one.
 *
 * @param path Absolute path of the present one.
 */
export async function presentDifference(
  path: string,
  recorded: TrackedContent,
  present: ListedDataset,
  options: PresentOptions,
): Promise<PresentDifference> {
  const start = `the content of ${path} differs`
  if (recorded.kind !== present.kind)
    return {
      isSame: false,
      detail: `${start}: it was a ${recorded.kind} and is a ${present.kind}`,
      differences: [],
    }
  if (recorded.kind === 'folder') return folderDifference(start, path, recorded, present, options)
  if (recorded.kind === 'array' || recorded.kind === 'memory')
    return { isSame: false, detail: start, differences: [] }
  const [fields] = recorded.stableFields ?? []
  if (options.isVolatile !== undefined && fields !== undefined) {
    const file = { path: basename(path), size: present.bytes, digests: present.digests }
    if ((await stableDigest(dirname(path), file)) === fields.digest)
      return {
        isSame: true,
        detail: `every other field is the same; ${leftOutSentence({ files: [], fields: [file.path] })}`,
        differences: [],
      }
  }
  const tensors =
    recorded.tensorsFile === undefined ? undefined : await tensorDifference(path, recorded, options)
  const table = await compareTable(path, recorded.table, options)
  const sequence = await compareSequence(path, recorded.sequence, options)
  const archive =
    recorded.archive === undefined ? undefined : await archiveDifference(path, recorded.archive, options)
  const content = await contentDifference(path, recorded, present, options)
  const parts = [tensors, archive, content]
  return {
    isSame: false,
    detail: `${start}${tensors?.detail ?? ''}${archive?.detail ?? ''}${table}${sequence}${content?.detail ?? ''}`,
    differences: parts.flatMap((part) => part?.differences ?? []),
  }
}

/** Name the members in which an archive with other bytes differs. */
async function archiveDifference(
  path: string,
  recorded: RecordedArchive,
  { folder, algorithm, signal, onProgress }: PresentOptions,
): Promise<Pick<PresentDifference, 'detail' | 'differences'>> {
  try {
    const present = await hashListedArchive(path, { algorithm, signal, onProgress })
    if (present.archive.digest.toString() === recorded.digest)
      return { detail: ', but the files in it are the same', differences: [] }
    const list = await readFileList(folder, recorded)
    if (list === undefined) return { detail: '; the run has no list of the files in it', differences: [] }
    const files = {
      ...compareFileLists(list, listedFolder(present).entries()),
      leftOut: NOTHING_LEFT_OUT,
      isEmpty: false,
    }
    return { detail: `; ${filesSentence(files)}`, differences: fileDifferences(files.changes) }
  } catch (error) {
    if (!LineaprintError.isFinding(error)) throw error
    return { detail: `; the files in it cannot be compared: ${reasonOf(error)}`, differences: [] }
  }
}

/** Name the tensors in which an output differs whose content the run recorded. */
async function contentDifference(
  path: string,
  recorded: { readonly contentsFile?: string },
  { bytes }: ListedDataset,
  { folder, algorithm, signal }: PresentOptions,
): Promise<Pick<PresentDifference, 'detail' | 'differences'> | undefined> {
  try {
    const [before] = (await readContents(folder, recorded)).values()
    if (before === undefined) return undefined
    const verdict = compareContents(before, await contentOf(path, { algorithm, signal }, bytes))
    return verdict && { detail: `; ${verdict.detail}`, differences: verdict.differences }
  } catch (error) {
    if (!LineaprintError.isFinding(error)) throw error
    return { detail: `; its content cannot be compared: ${reasonOf(error)}`, differences: [] }
  }
}

async function folderDifference(
  start: string,
  path: string,
  recorded: TrackedFolder,
  present: ListedDataset,
  options: PresentOptions,
): Promise<PresentDifference> {
  const files = await changedFiles(path, recorded, present, options)
  if (typeof files === 'string') {
    const tensors =
      recorded.tensorsFile === undefined ? undefined : await tensorDifference(path, recorded, options)
    const detail = `${start}; its files cannot be compared: ${files}${tensors?.detail ?? ''}`
    return { isSame: false, detail, differences: tensors?.differences ?? [] }
  }
  const leftOut = leftOutSentence(files.leftOut)
  if (files.changes.length === 0 && leftOut !== '')
    return { isSame: true, detail: `every other file is the same; ${leftOut}`, differences: [] }
  const hasWeights = files.changes.some(({ path: file }) => !file.includes('/') && canHoldTensors(file))
  const tensors =
    hasWeights && recorded.tensorsFile !== undefined
      ? await tensorDifference(path, recorded, options)
      : undefined
  const contents = await contentDifferences(path, recorded, files, options)
  const tables = await folderTables(path, recorded, present, options)
  return {
    isSame: false,
    detail: `${start}; ${filesSentence(files)}${tensors?.detail ?? ''}${contents.detail}${tables}${leftOut === '' ? '' : `; ${leftOut}`}`,
    differences: [
      ...fileDifferences(files.changes),
      ...(tensors?.differences ?? []),
      ...contents.differences,
    ],
  }
}

/** Describe how the tables of a folder with other files differ. Return an empty text if none was recorded. */
async function folderTables(
  path: string,
  recorded: TrackedFolder,
  { tree }: ListedDataset,
  { algorithm, signal, onProgress }: PresentOptions,
): Promise<string> {
  const { table, sequence, splits } = recorded
  if ((table ?? sequence ?? splits) === undefined || tree === undefined) return ''
  const digest = table?.digest ?? splits?.list[0]?.table?.digest ?? ''
  const unordered = digest.startsWith('table-unordered.')
  const present = await readFolderTables(
    path,
    { tree, since: Date.now() },
    { algorithm, signal, onProgress, unordered },
    false,
  )
  if (table !== undefined && present.table !== undefined) {
    if (present.table.digest.toString() === table.digest) return '; its table is the same'
    return `; its table differs: ${tableDifference(table, present.table).detail}`
  }
  if (sequence !== undefined && present.sequence !== undefined)
    return `; the sequence of its records ${sequenceDifference(sequence, present.sequence)}`
  if (splits !== undefined && present.splits !== undefined)
    return `; ${splitsDifference(splits, present.splits)}`
  const [reason = 'its files are laid out in another way'] = present.warnings
  return `; its tables are not compared: ${reason}`
}

/** Number of changed files of a folder whose content is read again. */
const CONTENTS = 20

/** Name the columns and tensors in which files of an output folder differ. */
async function contentDifferences(
  path: string,
  recorded: TrackedFolder,
  { changes }: OutputChanges,
  { folder, algorithm, signal }: PresentOptions,
): Promise<Pick<PresentDifference, 'detail' | 'differences'>> {
  const details: string[] = []
  const differences: Difference[] = []
  try {
    const contents = await readContents(folder, recorded)
    for (const { path: file, pathAfter = file, after } of changes
      .filter((change) => contents.has(change.path))
      .slice(0, CONTENTS)) {
      if (after === undefined) continue
      const present = await contentOf(join(path, pathAfter), { algorithm, signal }, after.size)
      const verdict = compareContents(contents.get(file), present)
      if (verdict === undefined) continue
      details.push(`${file}: ${verdict.detail}`)
      differences.push(
        ...verdict.differences.map((entry) => ({ ...entry, field: `${file}: ${entry.field}` })),
      )
    }
  } catch (error) {
    if (!LineaprintError.is(error)) throw error
    details.push(`the contents of its files cannot be compared: ${reasonOf(error)}`)
  }
  const shown = [
    ...details.slice(0, 3),
    ...(details.length > 3 ? [`and ${details.length - 3} more files`] : []),
  ]
  return { detail: shown.map((detail) => `; ${detail}`).join(''), differences }
}

/** Return the files that differ, or the reason why they cannot be compared. */
async function changedFiles(
  path: string,
  recorded: TrackedFolder,
  { tree }: ListedDataset,
  { folder, isVolatile }: PresentOptions,
): Promise<OutputChanges | string> {
  try {
    const list = await readFileList(folder, recorded)
    if (list === undefined || tree === undefined) return 'the run has no list of them'
    const entries = [...listedFolder(tree).entries()]
    if (isVolatile === undefined)
      return { ...compareFileLists(list, entries), leftOut: NOTHING_LEFT_OUT, isEmpty: false }
    return await compareOutputFiles(
      { list, stable: recordedFields(recorded.stableFields) },
      { list: entries, stable: (entry) => stableDigest(path, entry) },
      isVolatile,
    )
  } catch (error) {
    if (!LineaprintError.isFinding(error)) throw error
    return reasonOf(error)
  }
}

async function tensorDifference(
  path: string,
  recorded: { readonly tensorsFile?: string },
  { folder, signal, onProgress }: PresentOptions,
): Promise<Pick<PresentDifference, 'detail' | 'differences'>> {
  try {
    const list = await readTensorList(folder, recorded)
    if (list === undefined) return { detail: '; the run has no tensor list', differences: [] }
    const { tensors } = await readWeights(await locateModel(path), { signal, onProgress })
    const differences = compareTensors(list, tensors)
    if (differences.length === 0) return { detail: ', but its tensors are the same', differences }
    return { detail: `; ${differingTensors(differences, list.length).detail}`, differences }
  } catch (error) {
    signal?.throwIfAborted()
    if (!LineaprintError.isFinding(error)) throw error
    return { detail: `; the changed tensors cannot be listed: ${reasonOf(error)}`, differences: [] }
  }
}

/** Describe how the records of a file with other bytes differ. Return an empty text if none were recorded. */
async function compareSequence(
  path: string,
  recorded: RecordedSequence | undefined,
  { algorithm, signal, onProgress }: PresentOptions,
): Promise<string> {
  if (recorded === undefined) return ''
  try {
    const sequence = await hashRecords(path, { algorithm, signal, onProgress })
    return `; the sequence of its records ${sequenceDifference(recorded, sequence)}`
  } catch (error) {
    if (!LineaprintError.isFinding(error)) throw error
    return `; its records can no longer be read: ${reasonOf(error)}`
  }
}

/**
 * Describe how the table in a file with other bytes differs. Return an empty text if no table was recorded.
 */
async function compareTable(
  path: string,
  recorded: RecordedTable | undefined,
  { algorithm, signal, onProgress }: PresentOptions,
): Promise<string> {
  if (recorded === undefined) return ''
  try {
    const table = await hashTable(path, { algorithm, signal, onProgress, table: recorded.name })
    if (table.digest.toString() === recorded.digest) return ', but its table is the same'
    return `; its table differs as well: ${tableDifference(recorded, table).detail}`
  } catch (error) {
    if (!LineaprintError.isFinding(error)) throw error
    return `; it can no longer be read as a table: ${reasonOf(error)}`
  }
}
