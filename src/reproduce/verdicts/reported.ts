/** Comparison of the digests of datasets and models that programs of two runs reported, by name. */
import { LineaprintError } from '../../core/errors.ts'
import { reasonOf } from '../../record/failure.ts'
import { parseTracked } from '../../record/tracked.ts'
import { fileDifferences, filesSentence } from '../../compare/file-lists.ts'
import { compareRecordedFiles } from '../../compare/recorded-content.ts'
import { compareTensors, readTensorList } from '../../record/tensor-list.ts'
import { isReported } from '../../record/reported-by.ts'
import { item } from '../types.ts'
import { plural } from '../../util/plural.ts'
import type { Difference } from '../../core/component.ts'
import type { RecordedSide } from '../../compare/recorded-content.ts'
import type { TrackedModel } from '../../record/tracked.ts'
import type { StoredRun } from '../../store/runs.ts'
import type { RecordedTensor } from '../../record/tensor-list.ts'
import type { ReproduceItem } from '../types.ts'

/** Compare what programs reported, except failed calls. */
export async function compareReported(before: StoredRun, after: StoredRun): Promise<ReproduceItem[]> {
  const items: ReproduceItem[] = []
  for (const section of ['datasets', 'models'] as const) {
    for (const [name, entryBefore] of Object.entries(before.record[section])) {
      if (entryBefore.status !== 'tracked' || !isReported(entryBefore)) continue
      const entryAfter = after.record[section][name]
      if (entryAfter?.status !== 'tracked') {
        const reason = entryAfter?.status === 'failed' ? entryAfter.reason : 'the program did not record it'
        items.push(item(section, name, 'missing', reason))
      } else if (section === 'models') {
        const [modelBefore, modelAfter] = [
          parseTracked(section, name, entryBefore),
          parseTracked(section, name, entryAfter),
        ]
        items.push(await compareModels(name, [before, modelBefore], [after, modelAfter]))
      } else {
        items.push(
          await compareDatasets(
            name,
            { folder: before.folder, content: parseTracked(section, name, entryBefore) },
            { folder: after.folder, content: parseTracked(section, name, entryAfter) },
          ),
        )
      }
    }
  }
  return items
}

async function compareDatasets(
  name: string,
  { folder: folderBefore, content: before }: RecordedSide,
  { folder: folderAfter, content: after }: RecordedSide,
): Promise<ReproduceItem> {
  if (before.digest === after.digest) return item('datasets', name, 'same', 'the same content')
  const digests = { field: 'digest', before: before.digest, after: after.digest }
  if (before.kind !== 'folder' || after.kind !== 'folder')
    return item('datasets', name, 'different', 'the content differs', [digests])
  const files = await compareRecordedFiles(
    { folder: folderBefore, content: before },
    { folder: folderAfter, content: after },
    undefined,
  )
  if (typeof files === 'string')
    return item('datasets', name, 'different', `the content differs; ${files}`, [digests])
  const differences = [digests, ...fileDifferences(files.changes)]
  return item('datasets', name, 'different', `the content differs; ${filesSentence(files)}`, differences)
}

async function compareModels(
  name: string,
  [before, modelBefore]: readonly [StoredRun, TrackedModel],
  [after, modelAfter]: readonly [StoredRun, TrackedModel],
): Promise<ReproduceItem> {
  const differences = (['weights', 'architecture', 'graph', 'pipeline', 'adapter'] as const).flatMap(
    (field): Difference[] => {
      const [first, second] = [modelBefore[field], modelAfter[field]]
      if (first === second || first === undefined || second === undefined) return []
      return [{ field, before: first, after: second }]
    },
  )
  if (differences.length === 0) return item('models', name, 'same', 'the same tensors')
  try {
    const tensors = compareTensors(await tensorsOf(before, modelBefore), await tensorsOf(after, modelAfter))
    const detail = `${tensors.length} of ${plural(modelBefore.tensorCount, 'tensor')} ${modelBefore.tensorCount === 1 ? 'differs' : 'differ'}`
    return item('models', name, 'different', detail, [...differences, ...tensors])
  } catch (error) {
    if (!LineaprintError.isFinding(error)) throw error
    const detail = `the differing tensors cannot be listed: ${reasonOf(error)}`
    return item('models', name, 'different', detail, differences)
  }
}

async function tensorsOf({ folder }: StoredRun, model: TrackedModel): Promise<readonly RecordedTensor[]> {
  const tensors = await readTensorList(folder, model)
  if (tensors !== undefined) return tensors
  throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the run has no tensor list', { path: folder })
}
