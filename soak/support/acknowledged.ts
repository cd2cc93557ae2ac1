/** Comparison of a program's reports before its end with the run in the store. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readRun } from '../../src/store/runs.ts'
import { JOURNAL_FILE } from '../../src/store/store.ts'
import type { RunStatus } from '../../src/record/record.ts'
import type { Store } from '../../src/store/store.ts'

/** The reports of a program. */
export interface Reports {
  /** The last event acknowledged, 0 for the start, -1 for none. */
  readonly last: number
  /** The statuses that the run may have. */
  readonly expected: readonly RunStatus[]
}

/** Return the contradiction between the run in the store and the reports, if there is one. */
export async function faultOf(
  store: Store,
  id: string,
  { last, expected }: Reports,
): Promise<string | undefined> {
  const folder = join(store.runs, id)
  if (!existsSync(folder)) return last >= 0 ? `${id}: an acknowledged run is lost` : undefined
  const { status, record, journal } = await readRun(folder).catch((error: unknown) => {
    throw new Error(`${id} cannot be read`, { cause: error })
  })
  if (!expected.includes(status)) return `${id}: reads as ${status}`
  if (journal !== undefined && journal.problems.length > 0) return `${id}: ${journal.problems.join('; ')}`
  const metric = record.metrics['event']
  const count = metric?.count ?? 0
  const seen = Number(metric?.last ?? 0)
  if (seen < last) return `${id}: event ${last} was acknowledged and is lost, the last is ${seen}`
  if (count !== seen) return `${id}: ${count} events up to number ${seen}`
  const own = eventsOf(join(folder, JOURNAL_FILE))
  if (own !== count) return `${id}: the journal holds ${own} events, the record ${count}`
  return undefined
}

/** Count the events of a journal, read line by line without code of lineaprint. */
function eventsOf(path: string): number {
  if (!existsSync(path)) return 0
  const text = readFileSync(path, 'utf8')
  const events = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { seq: number; type: string; name?: string })
  for (const [index, { seq }] of events.entries()) {
    if (seq !== index + 1) throw new Error(`${path}: event ${seq} in the place of ${index + 1}`)
  }
  return events.filter(({ type, name }) => type === 'metric' && name === 'event').length
}
