/** The store: a folder `.lineaprint` with one folder per run. */
import { mkdir, rename, rmdir, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { checkObject, checkText } from '../core/options.ts'
import { unfinishedName } from './abandoned.ts'
import { OWNER_MODES } from '../util/modes.ts'
import { errorCode, makeFolders, pathExists, storeError, syncFolder, writeAtomic } from '../util/fs.ts'
import { formatRecord } from '../record/seal.ts'
import type { Modes } from '../util/modes.ts'
import type { RunId } from '../core/run-id.ts'
import type { RunRecord } from '../record/record.ts'

/** The location of runs. Its folders need not exist yet. */
export interface Store {
  /** Absolute path of the `.lineaprint` folder. */
  readonly root: string
  /** Absolute path of the folder that holds one folder per run. */
  readonly runs: string
}

/** Name of the record in the folder of a run. */
export const RECORD_FILE = 'run.json'

/** Name of the journal in the folder of a run. */
export const JOURNAL_FILE = 'events.jsonl'

/** Return the store `.lineaprint` in a folder, which need not exist. Nothing is read or created. */
export function storeIn(folder: string): Store {
  checkText(folder, 'folder')
  const root = resolve(folder, '.lineaprint')
  return { root, runs: join(root, 'runs') }
}

/** Throw if an argument of a public function is not a store. */
export function checkStore(store: unknown): void {
  checkObject(store, 'store')
  const { root, runs } = store as Partial<Store>
  if (typeof root === 'string' && typeof runs === 'string') return
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'store is not a store', {
    field: 'store',
    expected: 'a store that storeIn returned',
  })
}

/** Return the store that holds the folder of a run. */
export function storeOf(folder: string): Store {
  const runs = dirname(folder)
  return { root: dirname(runs), runs }
}

/** Return the absolute path of the folder of a run. An id is one path segment, so the folder is in the store. */
export function runFolder(store: Store, id: RunId): string {
  return join(store.runs, id)
}

/**
 * Create the folder of a new run, with its first record in it. The folder appears under its name atomically:
 * no reader sees one without a record.
 *
 * @param modes Modes of the folder, and of folders of the store that do not exist. Files of the run follow it.
 * @returns Absolute path of the folder.
 * @throws ERR_LINEAPRINT_STORE if it cannot be created, ERR_LINEAPRINT_RUN if a run of that id exists.
 */
export async function createRun(
  store: Store,
  record: RunRecord,
  modes: Modes = OWNER_MODES,
): Promise<string> {
  await createStore(store, modes)
  const folder = runFolder(store, record.id)
  const temporary = join(store.runs, unfinishedName())
  try {
    await mkdir(temporary, { mode: modes.folder })
    await writeAtomic(join(temporary, RECORD_FILE), formatRecord(record), modes.file)
    await rename(temporary, folder)
  } catch (cause) {
    await removeRun(temporary)
    if (LineaprintError.is(cause)) throw cause
    // An existing folder contains at least a record, and a rename never replaces a folder that is not empty.
    const taken = ['EEXIST', 'ENOTEMPTY', 'EPERM', 'ENOTDIR'].includes(errorCode(cause) ?? '')
    if (taken && (await pathExists(folder, 'keep').catch(() => false))) {
      throw new LineaprintError('ERR_LINEAPRINT_RUN', `a run with the id ${record.id} already exists`, {
        path: folder,
        field: 'experimentId',
        hint: 'use another experimentId, or omit it',
        cause,
      })
    }
    throw storeError(folder, 'the folder of the run cannot be created', cause)
  }
  try {
    await syncFolder(store.runs)
    return folder
  } catch (cause) {
    await removeRun(folder)
    throw storeError(folder, 'the folder of the run cannot be created', cause)
  }
}

/** Remove a run that could not be started. It was just created, so it holds no data. */
export async function removeRun(folder: string): Promise<void> {
  // The original failure is reported, so failures here are ignored. Removal is by name: it works even if no
  // more files can be opened.
  await Promise.allSettled([JOURNAL_FILE, RECORD_FILE].map((name) => unlink(join(folder, name))))
  await Promise.allSettled([rmdir(folder)])
}

/** Create the folders of a store that do not exist. @throws ERR_LINEAPRINT_STORE. */
export async function createStore({ root, runs }: Store, modes: Modes): Promise<void> {
  try {
    // Folders above the store are not those of a run.
    const above = await makeFolders(dirname(root))
    const below = await makeFolders(runs, modes.folder)
    const first = above ?? below
    // A run is only as durable as the folders above it.
    if (first !== undefined) await syncDown(dirname(first), runs)
    // Runs are not part of the work tree: without this file, git would report each as a change.
    const ignore = join(root, '.gitignore')
    if (!(await pathExists(ignore, 'keep')))
      await writeAtomic(ignore, '# Written by lineaprint: runs stay out of git.\n*\n', modes.file)
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    throw storeError(root, 'the store cannot be created', cause)
  }
}

/** Sync the entries of a folder, and of those below it on the path to another. */
async function syncDown(top: string, bottom: string): Promise<void> {
  for (let folder = dirname(bottom); ; folder = dirname(folder)) {
    await syncFolder(folder).catch((error: unknown) => {
      // A folder with write permission only cannot be opened for a sync.
      if (errorCode(error) !== 'EACCES') throw error
    })
    if (folder === top || folder === dirname(folder)) return
  }
}
