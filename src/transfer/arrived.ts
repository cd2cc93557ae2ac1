/** The check of a run that came from elsewhere: nothing that fails is taken into a store. */
import { LineaprintError } from '../core/errors.ts'
import { verifyFiles, verifyRecord } from '../compare/run-files.ts'
import { keptCopyOf } from '../record/overwritten.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { contentOf, writtenOf } from '../store/objects/layout.ts'
import { readRun } from '../store/read.ts'
import type { RunId } from '../core/run-id.ts'
import type { RunRecord } from '../record/record.ts'
import type { ObjectContent } from '../store/objects/layout.ts'
import type { StoredRun } from '../store/read.ts'

/**
 * Check a run: the schema of its record, its id, its seal, and every file that the seal covers.
 *
 * @param folder Absolute path of its folder, in which nobody else writes.
 * @throws ERR_LINEAPRINT_RECORD that tells what is wrong.
 */
export async function checkArrived(folder: string, id: RunId, signal?: AbortSignal): Promise<StoredRun> {
  const run = await readRun(folder)
  if (run.record.id !== id)
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the record is of another run', {
      field: 'id',
      expected: id,
      received: JSON.stringify(run.record.id),
    })
  if (run.record.seal === null)
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the run has no seal', {
      field: 'seal',
      expected: 'the seal of a run that has ended',
      received: `none; its status is ${run.status}`,
    })
  const items = [...verifyRecord(run), ...(await verifyFiles(run, { signal }))]
  // Also one that is not checked: what the record does not list would seem to be of the run.
  const wrong = items.find(({ status }) => status !== 'same')
  if (wrong === undefined) return run
  const [difference] = wrong.differences
  throw new LineaprintError(
    'ERR_LINEAPRINT_RECORD',
    `the run is not as it was sealed: ${wrong.section} ${JSON.stringify(wrong.name)}: ${wrong.detail || wrong.status}`,
    {
      field: wrong.name,
      expected: difference?.before ?? 'what the seal covers',
      received: difference?.after ?? wrong.status,
    },
  )
}

/** Return the contents that a run kept in the folder of objects, each once. A damaged entry keeps none. */
export function keptContents(record: RunRecord): ObjectContent[] {
  const contents = new Map<string, ObjectContent>()
  for (const section of TRACKED_SECTIONS)
    for (const [name, entry] of Object.entries(record[section]))
      for (const { digests, size } of filesOf(section, name, entry)) {
        const content = contentOf(digests, size)
        if (content !== undefined) contents.set(writtenOf(content), content)
      }
  return [...contents.values()]
}

function filesOf(...[section, name, entry]: Parameters<typeof keptCopyOf>) {
  try {
    const copy = keptCopyOf(section, name, entry)
    return copy?.status === 'kept' ? copy.files : []
  } catch (error) {
    if (LineaprintError.isFinding(error)) return []
    throw error
  }
}
