/** What the tests of the commands about runs share. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { RunRecord } from '../../../src/record/record.ts'

/** The records of a store, the run that started first before the others: ids of one second are in no order. */
export function recordsIn(folder: string): RunRecord[] {
  const runs = join(folder, '.lineaprint', 'runs')
  return readdirSync(runs)
    .map((id) => JSON.parse(readFileSync(join(runs, id, 'run.json'), 'utf8')) as RunRecord)
    .toSorted((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt))
}

/** The record of the only run of a store, and its folder. */
export function onlyRun(folder: string): { record: RunRecord; folder: string } {
  const [record, ...others] = recordsIn(folder)
  if (record === undefined || others.length > 0)
    throw new Error(`expected one run, found ${others.length + 1}`)
  return { record, folder: join(folder, '.lineaprint', 'runs', record.id) }
}

/** Variables that keep the captures out of a test that is not about them. */
export const FAST: Readonly<Record<string, string>> = {
  LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false',
  LINEAPRINT_ENABLE_GIT_TRACKING: 'false',
}
