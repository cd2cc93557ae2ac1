/** Comparison of the digests of datasets and models that programs of two runs reported, by name. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { reasonOf } from '../../record/failure.ts'
import { isSafeRelativePath } from '../../util/paths.ts'
import { parseTracked } from '../../record/tracked.ts'
import { compareTensors, parseTensors } from '../../record/tensor-list.ts'
import { isReported } from '../../record/reported-by.ts'
import { item } from '../types.ts'
import { plural } from '../../util/plural.ts'
import type { Difference } from '../../core/component.ts'
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
        const [digestBefore, digestAfter] = [
          parseTracked(section, name, entryBefore).digest,
          parseTracked(section, name, entryAfter).digest,
        ]
        const differences =
          digestBefore === digestAfter ? [] : [{ field: 'digest', before: digestBefore, after: digestAfter }]
        items.push(
          differences.length === 0
            ? item(section, name, 'same', 'the same content')
            : item(section, name, 'different', 'the content differs', differences),
        )
      }
    }
  }
  return items
}

async function compareModels(
  name: string,
  [before, modelBefore]: readonly [StoredRun, TrackedModel],
  [after, modelAfter]: readonly [StoredRun, TrackedModel],
): Promise<ReproduceItem> {
  const differences = (['weights', 'architecture'] as const).flatMap((field): Difference[] =>
    modelBefore[field] === modelAfter[field]
      ? []
      : [{ field, before: modelBefore[field], after: modelAfter[field] }],
  )
  if (differences.length === 0) return item('models', name, 'same', 'the same tensors')
  try {
    const tensors = compareTensors(await tensorsOf(before, modelBefore), await tensorsOf(after, modelAfter))
    const detail = `${tensors.length} of ${plural(modelBefore.tensorCount, 'tensor')} ${modelBefore.tensorCount === 1 ? 'differs' : 'differ'}`
    return item('models', name, 'different', detail, [...differences, ...tensors])
  } catch (error) {
    if (!LineaprintError.is(error)) throw error
    const detail = `the differing tensors cannot be listed: ${reasonOf(error)}`
    return item('models', name, 'different', detail, differences)
  }
}

async function tensorsOf(
  { folder }: StoredRun,
  { tensorsFile: file }: TrackedModel,
): Promise<readonly RecordedTensor[]> {
  if (file === undefined || !isSafeRelativePath(file))
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the run has no tensor list', { path: folder })
  const path = join(folder, file)
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the tensor list cannot be read', { path, cause })
  })
  return parseTensors(bytes, path)
}
