/** Removal of runs: what goes, who builds on it, and the removal itself. */
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { checkArray, checkText } from '../core/options.ts'
import { checkRunId } from '../core/run-id.ts'
import { keptCopyOf } from '../record/overwritten.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { identityDigests } from '../record/tracked.ts'
import { isMissing, storeError } from '../util/fs.ts'
import { checkRun, readRecord } from '../store/read.ts'
import { removeRunFolder } from '../store/remove-folder.ts'
import { listRuns } from './runs.ts'
import { checkStore, runFolder } from '../store/store.ts'
import type { RunId } from '../core/run-id.ts'
import type { RunRecord, TrackedSection } from '../record/record.ts'
import type { ListedRun } from '../store/listed-run.ts'
import type { StoredRun } from '../store/read.ts'
import type { Store } from '../store/store.ts'

/** A run that builds on one that is to be removed. */
export interface DependentRun {
  readonly id: RunId
  readonly name: string
  /** `parent`: the other one started it. `continues`: its series begin with those of the other one. `input`: it read what the other one made. */
  readonly reason: 'parent' | 'continues' | 'input'
  /** Name of the input; only for that reason. */
  readonly input?: string
}

/** A run that is to be removed. */
export interface RemovableRun {
  readonly id: RunId
  readonly name: string
  readonly folder: string
  readonly status: StoredRun['status']
  readonly files: number
  readonly bytes: number
  /** Names of what the store keeps for it; the objects stay until the next gc. */
  readonly kept: readonly string[]
  /** Runs that build on it and are not removed themselves. */
  readonly dependents: readonly DependentRun[]
}

/** A plan of a removal. */
export interface RemovalPlan {
  readonly runs: readonly RemovableRun[]
  /** False if there are too many runs to read the inputs of all: only parents were compared. */
  readonly areInputsChecked: boolean
}

/** Number of runs up to which every record is read for its inputs. */
const RECORDS_LIMIT = 5000

/**
 * Find out what a removal would remove. Nothing is removed.
 *
 * @throws ERR_LINEAPRINT_STATE for a run that is running, or may be: its process cannot be checked from here.
 */
export async function planRemoval(store: Store, runs: readonly StoredRun[]): Promise<RemovalPlan> {
  checkStore(store)
  checkArray(runs, 'runs')
  for (const run of runs) {
    checkRun(run)
    refuseRunning(run)
  }
  const removed = new Set<string>(runs.map(({ id }) => id))
  const listed = (await listRuns(store)).runs.filter(({ id }) => !removed.has(id))
  const areInputsChecked = listed.length <= RECORDS_LIMIT
  const readers = areInputsChecked ? await inputReaders(store, listed) : new Map<string, Reader[]>()
  const plans: RemovableRun[] = []
  for (const { id, folder, record, status } of runs) {
    const { name } = record
    const children = listed.flatMap((run): DependentRun[] => {
      if (run.continues === id) return [{ id: run.id, name: run.name, reason: 'continues' }]
      return run.parent === id ? [{ id: run.id, name: run.name, reason: 'parent' }] : []
    })
    const consumers = digestsOf(record, ['outputs']).flatMap(({ digest }) => readers.get(digest) ?? [])
    const known = new Set<string>(children.map((child) => child.id))
    const dependents = [...children]
    for (const { run, input } of consumers) {
      // What is older has the same content by another way.
      if (known.has(run.id) || run.startedAt < record.startedAt) continue
      known.add(run.id)
      dependents.push({ id: run.id, name: run.name, reason: 'input', input })
    }
    plans.push({ id, name, folder, status, ...(await sizeOf(folder)), kept: keptNames(record), dependents })
  }
  return { runs: plans, areInputsChecked }
}

/**
 * Remove a run with its folder. The objects that it kept stay until the next gc.
 *
 * @throws ERR_LINEAPRINT_STATE if it is running, ERR_LINEAPRINT_STORE if it cannot be removed.
 */
export async function removeStoredRun(store: Store, id: RunId): Promise<void> {
  checkStore(store)
  checkText(id, 'id')
  const folder = runFolder(store, checkRunId(id))
  const { record, status } = await readRecord(folder, { quick: true })
  refuseRunning({ id, folder, record, status })
  await removeRunFolder(folder)
}

function refuseRunning({
  id,
  folder,
  record,
  status,
}: Pick<StoredRun, 'id' | 'folder' | 'record' | 'status'>): void {
  if (status !== 'running') return
  const { pid, host } = record.process
  throw new LineaprintError('ERR_LINEAPRINT_STATE', `the run ${id} has not ended`, {
    path: folder,
    expected: 'a run that has ended',
    received: `one of process ${pid} on ${host}`,
    hint: 'wait until it has ended; whether it has is only known on its own machine',
  })
}

interface Reader {
  readonly run: ListedRun
  readonly input: string
}

/** Return the runs that read something, by its digest. */
async function inputReaders(store: Store, runs: readonly ListedRun[]): Promise<Map<string, Reader[]>> {
  const readers = new Map<string, Reader[]>()
  for (const run of runs) {
    const record = await readRecord(runFolder(store, run.id), { quick: true }).then(
      (read) => read.record,
      (error: unknown) => {
        // One that is damaged or was removed in the meantime cannot be asked; the list reports it.
        if (LineaprintError.isFinding(error)) return undefined
        throw error
      },
    )
    if (record === undefined) continue
    for (const { digest, name } of digestsOf(record, ['datasets', 'models', 'tokenizers'])) {
      const known = readers.get(digest) ?? []
      readers.set(digest, [...known, { run, input: name }])
    }
  }
  return readers
}

/** Return the digests of sections, those of a model one by one. Damaged entries have none. */
function digestsOf(
  record: RunRecord,
  sections: readonly TrackedSection[],
): { readonly name: string; readonly digest: string }[] {
  return sections.flatMap((section) =>
    Object.entries(record[section]).flatMap(([name, entry]) => {
      if (entry.status !== 'tracked') return []
      try {
        const identity = identityDigests(section, name, entry)
        const own = typeof identity === 'string' ? identity : identity.weights
        const tree = 'tree' in entry && typeof entry['tree'] === 'string' ? [entry['tree']] : []
        return [own, ...tree].map((digest) => ({ name, digest }))
      } catch (error) {
        if (LineaprintError.isFinding(error)) return []
        throw error
      }
    }),
  )
}

function keptNames(record: RunRecord): string[] {
  return TRACKED_SECTIONS.flatMap((section) =>
    Object.entries(record[section]).flatMap(([name, entry]) => {
      try {
        return keptCopyOf(section, name, entry)?.status === 'kept' ? [name] : []
      } catch (error) {
        if (LineaprintError.isFinding(error)) return []
        throw error
      }
    }),
  )
}

/** Return the number and bytes of the files of a folder. Links count as files and are not followed. */
async function sizeOf(folder: string): Promise<{ files: number; bytes: number }> {
  let [files, bytes] = [0, 0]
  const visit = async (path: string): Promise<void> => {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const below = join(path, entry.name)
      if (entry.isDirectory()) await visit(below)
      else {
        files++
        bytes += (await lstat(below)).size
      }
    }
  }
  try {
    await visit(folder)
    return { files, bytes }
  } catch (cause) {
    if (isMissing(cause)) return { files, bytes }
    throw storeError(folder, 'the folder of the run cannot be read', cause)
  }
}
