/** Datasets and models that programs of two runs reported themselves, by name: their digests are compared. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { reasonOf } from '../../record/failure.ts'
import { isSafeRelativePath } from '../../util/paths.ts'
import { fieldText } from '../../json/copy.ts'
import { compareTensors, parseTensors } from '../../record/tensor-list.ts'
import { isReported } from '../../record/reported-by.ts'
import { item } from '../types.ts'
import type { Difference } from '../../core/component.ts'
import type { TrackedRecord } from '../../record/record.ts'
import type { StoredRun } from '../../store/runs.ts'
import type { RecordedTensor } from '../../record/tensor-list.ts'
import type { ReproduceItem } from '../types.ts'

type Tracked = Extract<TrackedRecord, { status: 'tracked' }>

/** Compare them; what a failed call left is not compared. */
export async function compareReported(before: StoredRun, after: StoredRun): Promise<ReproduceItem[]> {
  const items: ReproduceItem[] = []
  for (const section of ['datasets', 'models'] as const) {
    for (const [name, was] of Object.entries(before.record[section])) {
      if (was.status !== 'tracked' || !isReported(was)) continue
      const is = after.record[section][name]
      if (is?.status === 'tracked') items.push(await compareOne(section, name, [before, was], [after, is]))
      else {
        const why = is?.status === 'failed' ? is.reason : 'the program did not say it'
        items.push(item(section, name, 'missing', why))
      }
    }
  }
  return items
}

async function compareOne(
  section: 'datasets' | 'models',
  name: string,
  [before, was]: readonly [StoredRun, Tracked],
  [after, is]: readonly [StoredRun, Tracked],
): Promise<ReproduceItem> {
  const fields = section === 'models' ? ['weights', 'architecture'] : ['digest']
  const differences = fields.flatMap((field): Difference[] => {
    const [old, now] = [fieldText(was[field]), fieldText(is[field])]
    return old === now ? [] : [{ field, before: old, after: now }]
  })
  if (differences.length === 0) return item(section, name, 'same', SAME[section])
  if (section === 'datasets') return item(section, name, 'different', 'the content differs', differences)
  try {
    const tensors = compareTensors(await tensorsOf(before, was), await tensorsOf(after, is))
    const detail = `${tensors.length} of ${fieldText(was['tensorCount'])} tensors differ`
    return item(section, name, 'different', detail, [...differences, ...tensors])
  } catch (error) {
    if (!LineaprintError.is(error)) throw error
    const detail = `which tensors differ cannot be told: ${reasonOf(error)}`
    return item(section, name, 'different', detail, differences)
  }
}

const SAME = { datasets: 'the same content', models: 'the same tensors' } as const

async function tensorsOf({ folder }: StoredRun, entry: Tracked): Promise<readonly RecordedTensor[]> {
  const file = entry['tensorsFile']
  if (typeof file !== 'string' || !isSafeRelativePath(file))
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the run has no list of its tensors', { path: folder })
  const path = join(folder, file)
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the list of tensors cannot be read', { path, cause })
  })
  return parseTensors(bytes, path)
}
