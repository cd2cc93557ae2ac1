/** Every input and output of the runs of a store with its digests: what lineage links across runs. */
import { checkStore, runFolder } from '../store/store.ts'
import { hasRuns, readRun } from '../store/runs.ts'
import { LineaprintError } from '../core/errors.ts'
import { mapConcurrently } from '../util/concurrency.ts'
import { factsOf } from './facts.ts'
import { readFolders } from './folders.ts'
import type { RunId } from '../core/run-id.ts'
import type { ListedRun } from '../store/listed-run.ts'
import type { StoredRun } from '../store/read.ts'
import type { Store } from '../store/store.ts'
import type { ContentList, StoredContent } from './stored-contents.ts'

/** The inputs and outputs of all runs of a store. */
export interface StoredContents extends ContentList {
  /** The reason why every record had to be read, one sentence; the answer is the same. */
  readonly slow?: string
}

/**
 * Return every input and output of the runs of a store: from its index where there can be one, otherwise from the records.
 * Of runs that have not ended, the journals are read.
 *
 * Cost: that of listing the runs, and memory for each digest.
 *
 * @throws ERR_LINEAPRINT_STORE if the store cannot be read.
 */
export async function readStoredContents(store: Store): Promise<StoredContents> {
  checkStore(store)
  if (!(await hasRuns(store))) return { runs: [], contents: [], damaged: [] }
  const { contentsIndexed } = await import('./indexed.ts')
  const indexed = await contentsIndexed(store)
  const read = 'reason' in indexed ? await fromFolders(store) : indexed
  const slow = 'reason' in indexed && indexed.reason !== undefined ? indexed.reason : undefined
  return {
    ...(await withJournals(read, async (id) => readRun(runFolder(store, id)))),
    ...(slow !== undefined && { slow: `${store.root} has no index: ${slow}` }),
  }
}

/** Journals that are read at a time. */
const PARALLEL = 16

/**
 * Return contents with those of runs that have not ended: their records have nothing yet, the journals do.
 *
 * @param read Reads a run as it is now.
 */
export async function withJournals(
  { runs, contents, damaged }: ContentList,
  read: (id: RunId) => Promise<StoredRun>,
): Promise<ContentList> {
  const open = runs.filter(hasNotEnded)
  if (open.length === 0) return { runs, contents, damaged }
  const isOpen = new Set<RunId>(open.map(({ id }) => id))
  const journals = await mapConcurrently(open, PARALLEL, async ({ id }) => ofJournal(id, read))
  return { runs, contents: [...contents.filter(({ run }) => !isOpen.has(run)), ...journals.flat()], damaged }
}

/** Check whether a run has no record of what it read and made: it goes on, or its process has ended without one. */
export function hasNotEnded({ status }: ListedRun): boolean {
  return status === 'running' || status === 'lost'
}

async function fromFolders(store: Store): Promise<ContentList> {
  const { runs, damaged } = await readFolders(store)
  return {
    runs: runs.map(({ run }) => run),
    contents: runs.flatMap(({ run: { id }, facts }) =>
      facts.contents.map((content) => ({ run: id, ...content })),
    ),
    damaged,
  }
}

async function ofJournal(id: RunId, read: (id: RunId) => Promise<StoredRun>): Promise<StoredContent[]> {
  try {
    const { record } = await read(id)
    const { contents } = factsOf(record, { runName: record.runName ?? null, tags: record.tags })
    return contents.map((content) => ({ run: id, ...content }))
  } catch (error) {
    // It was removed, or ends in this moment: the list has named what cannot be read.
    if (LineaprintError.is(error)) return []
    throw error
  }
}
