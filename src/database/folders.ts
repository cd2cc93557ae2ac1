/** The slow reader: the records of all folders of a store, without an index. */
import { LineaprintError } from '../core/errors.ts'
import { readLabels } from '../store/annotations.ts'
import { readRecord } from '../store/read.ts'
import { runIds } from '../store/runs.ts'
import { runFolder } from '../store/store.ts'
import { listedRun } from '../store/listed-run.ts'
import { byStart, compareRuns, isTrueOf } from './evaluate.ts'
import { factsOf } from './facts.ts'
import type { DamagedRun } from '../store/runs.ts'
import type { Store } from '../store/store.ts'
import type { FoundRun } from './evaluate.ts'
import type { RunQuery } from './query.ts'

/** The runs of all folders. */
export interface FolderRuns {
  /** Oldest first. */
  readonly runs: readonly FoundRun[]
  readonly damaged: readonly DamagedRun[]
}

/** Folders read at a time. */
const PARALLEL = 16

/** Read every record of a store. @throws ERR_LINEAPRINT_STORE if the store cannot be read. */
export async function readFolders(store: Store): Promise<FolderRuns> {
  const runs: FoundRun[] = []
  const damaged: DamagedRun[] = []
  const queue = (await runIds(store)).values()
  const work = async (): Promise<void> => {
    for (const id of queue) {
      const folder = runFolder(store, id)
      try {
        const { record, status } = await readRecord(folder, { quick: true })
        const facts = factsOf(record, await readLabels(folder, record))
        runs.push({ run: listedRun(id, folder, facts.entry, status), facts })
      } catch (error) {
        if (!LineaprintError.is(error)) throw error
        damaged.push({ id, folder, error })
      }
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  return { runs: runs.toSorted((a, b) => byStart(a.run, b.run)), damaged }
}

/** Return the runs that a query selects: in the order of its keys, without keys the oldest first. */
export function selectRuns(runs: readonly FoundRun[], { where, sort, limit }: RunQuery): readonly FoundRun[] {
  const chosen = runs.filter((run) => isTrueOf(where, run))
  if (sort.length > 0) return chosen.toSorted((a, b) => compareRuns(sort, a, b)).slice(0, limit)
  const inOrder = chosen.toSorted((a, b) => byStart(a.run, b.run))
  return limit === undefined || limit >= inOrder.length ? inOrder : inOrder.slice(inOrder.length - limit)
}
