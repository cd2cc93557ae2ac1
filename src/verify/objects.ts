/** Checks of the copies that the store keeps for a run: each is read again. */
import { gitOf } from '../capture/records.ts'
import { item } from '../compare/check-item.ts'
import { LineaprintError } from '../core/errors.ts'
import { reasonOf } from '../record/failure.ts'
import { keptCopyOf } from '../record/overwritten.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { checkCopy } from '../store/objects/read.ts'
import { storeOf } from '../store/store.ts'
import { plural } from '../util/plural.ts'
import type { CheckedItem } from '../compare/check-item.ts'
import type { ReadLimits } from '../compare/tracked.ts'
import type { KeptCopy } from '../record/overwritten.ts'
import type { TrackedRecord, TrackedSection } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'

/** Check every copy that a run kept, one item for each input or output. */
export async function verifyObjects(run: StoredRun, limits: ReadLimits): Promise<CheckedItem[]> {
  const items: CheckedItem[] = await verifyCode(run, limits)
  for (const section of TRACKED_SECTIONS)
    for (const [name, entry] of Object.entries(run.record[section])) {
      const checked = await verifyCopy(run, section, name, entry, limits)
      if (checked !== undefined) items.push(checked)
    }
  return items
}

async function verifyCopy(
  run: StoredRun,
  section: TrackedSection,
  name: string,
  entry: TrackedRecord,
  limits: ReadLimits,
): Promise<CheckedItem | undefined> {
  const label = `${section}.${name}`
  let copy: KeptCopy | undefined
  try {
    copy = keptCopyOf(section, name, entry)
  } catch (error) {
    if (!LineaprintError.isFinding(error)) throw error
    return item('objects', label, 'changed', reasonOf(error))
  }
  return copy && verifyFiles(run, label, copy, limits)
}

/** Check the pack with the code. */
async function verifyCode(run: StoredRun, limits: ReadLimits): Promise<CheckedItem[]> {
  let copy: KeptCopy | undefined
  try {
    const repository = gitOf(run.record)
    copy = repository?.available === true ? repository.code : undefined
  } catch (error) {
    if (!LineaprintError.isFinding(error)) throw error
    return [item('objects', 'code', 'changed', reasonOf(error))]
  }
  return copy === undefined ? [] : [await verifyFiles(run, 'code', copy, limits)]
}

async function verifyFiles(
  run: StoredRun,
  label: string,
  copy: KeptCopy,
  limits: ReadLimits,
): Promise<CheckedItem> {
  if (copy.status === 'failed')
    return item('objects', label, 'not-checked', `no copy was kept: ${copy.reason}`)
  const files = await checkCopy(storeOf(run.folder), copy.files, limits)
  const broken = files.filter(({ state }) => state !== 'same')
  if (broken.length === 0) return item('objects', label, 'same', plural(files.length, 'file'))
  const differences = broken.map(({ path, expected, state, reason }) => ({
    field: path === '' ? 'digest' : path,
    before: expected,
    after: reason ?? state,
  }))
  const isMissing = broken.every(({ state }) => state === 'missing')
  const detail = `${broken.length} of ${plural(files.length, 'kept file')} ${isMissing ? 'missing' : 'damaged or missing'}`
  return item('objects', label, isMissing ? 'missing' : 'changed', detail, differences)
}
