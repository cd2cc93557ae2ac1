/** Comparison of two tracked items by what their runs recorded about them. Nothing is read again. */
import { compareFileLists, compareOutputFiles, recordedFields, NOTHING_LEFT_OUT } from './file-lists.ts'
import { compareTensors, readTensorList } from '../record/tensor-list.ts'
import { readFileList } from '../record/file-list.ts'
import type { Difference } from '../core/component.ts'
import type { TrackedContent, TrackedFile, TrackedFolder } from '../record/tracked.ts'
import type { PathMatcher } from '../util/path-pattern.ts'
import type { FileList } from '../record/file-list.ts'
import type { RecordedTensor } from '../record/tensor-list.ts'
import type { OutputChanges } from './file-lists.ts'

/** A tracked item and the folder of its run. */
export interface RecordedSide<C = TrackedContent> {
  readonly folder: string
  readonly content: C
}

/** A tracked folder, or what is in an archive. */
type WithFiles = Pick<TrackedFolder, 'digest' | 'filesFile' | 'stableFields'>

/**
 * Compare the files of two folders or archives.
 *
 * @param isVolatile Selects files that are left out; absent for inputs, of which nothing is.
 * @returns The reason, if one of the runs has no list.
 * @throws ERR_LINEAPRINT_RECORD for a damaged list.
 */
export async function compareRecordedFiles(
  before: RecordedSide<WithFiles>,
  after: RecordedSide<WithFiles>,
  isVolatile: PathMatcher | undefined,
): Promise<OutputChanges | string> {
  const lists: FileList[] = []
  for (const [side, { folder, content }] of [
    ['first', before],
    ['second', after],
  ] as const) {
    const list = await readFileList(folder, content)
    if (list === undefined) return `the ${side} run has no list of its files`
    lists.push(list)
  }
  const [listBefore = [], listAfter = []] = lists
  if (isVolatile === undefined)
    return { ...compareFileLists(listBefore, listAfter), leftOut: NOTHING_LEFT_OUT, isEmpty: false }
  return compareOutputFiles(
    { list: listBefore, stable: recordedFields(before.content.stableFields) },
    { list: listAfter, stable: recordedFields(after.content.stableFields) },
    isVolatile,
  )
}

/** The tensors of two outputs by their recorded digests. */
export interface RecordedTensors {
  readonly before: readonly RecordedTensor[]
  readonly after: readonly RecordedTensor[]
  readonly differences: readonly Difference[]
}

/**
 * Compare the tensors of two outputs.
 *
 * @returns `undefined` if one of them has no tensor list.
 * @throws ERR_LINEAPRINT_RECORD for a damaged list.
 */
export async function compareRecordedTensors(
  before: RecordedSide<TrackedFile | TrackedFolder>,
  after: RecordedSide<TrackedFile | TrackedFolder>,
): Promise<RecordedTensors | undefined> {
  const listBefore = await readTensorList(before.folder, before.content)
  const listAfter = listBefore && (await readTensorList(after.folder, after.content))
  if (listBefore === undefined || listAfter === undefined) return undefined
  return { before: listBefore, after: listAfter, differences: compareTensors(listBefore, listAfter) }
}

/** Check whether two outputs that are files differ in volatile fields alone. */
export function haveSameFields(before: TrackedFile, after: TrackedFile): boolean {
  const [fieldsBefore] = before.stableFields ?? []
  const [fieldsAfter] = after.stableFields ?? []
  return fieldsBefore !== undefined && fieldsBefore.digest === fieldsAfter?.digest
}
