/** The runs of a store, as its folders have them. */
import { readdir } from 'node:fs/promises'
import { LineaprintError } from '../core/errors.ts'
import { errorCode, pathExists, storeError } from '../util/fs.ts'
import { isRunId } from '../core/run-id.ts'
import type { RunId } from '../core/run-id.ts'
import type { Store } from './store.ts'

export { readRun } from './read.ts'
export type { StoredRun } from './read.ts'
export type { ListedLaunch, ListedRun } from './listed-run.ts'

/** A folder of the store that cannot be read as a run. */
export interface DamagedRun {
  readonly id: RunId
  /** Absolute path. */
  readonly folder: string
  readonly error: LineaprintError
}

/** Return whether a store has a folder of runs. @throws ERR_LINEAPRINT_STORE if that cannot be found out. */
export async function hasRuns({ runs }: Store): Promise<boolean> {
  try {
    return await pathExists(runs)
  } catch (cause) {
    throw storeError(runs, 'the store cannot be read', cause)
  }
}

/** Return the ids of the folders of a store. A missing store has none. */
export async function runIds(store: Store): Promise<RunId[]> {
  try {
    const entries = await readdir(store.runs, { withFileTypes: true })
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .filter(isRunId)
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return []
    throw storeError(store.runs, 'the store cannot be read', cause)
  }
}
