/**
 * A run is taken: its files are put together beside the runs, everything that its seal covers is checked, and then the
 * folder gets its name. Nobody sees a part of it.
 */
import { lstat, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { LineaprintError } from '../../core/errors.ts'
import { hashFile } from '../../hash/file.ts'
import { ANNOTATIONS_FOLDER, isAnnotationPath } from '../../store/annotations.ts'
import { addAnnotated } from '../../store/annotated.ts'
import { piecesOf, writtenOf } from '../../store/objects/layout.ts'
import { withWriterLease } from '../../store/objects/lease.ts'
import { readRecord } from '../../store/read.ts'
import { removeRunFolder } from '../../store/remove-folder.ts'
import { RECORD_FILE, runFolder } from '../../store/store.ts'
import { checkArrived, keptContents } from '../../transfer/arrived.ts'
import { checkRunPaths } from '../../transfer/wire.ts'
import { isMissing, makeFolders, pathExists, syncFolder } from '../../util/fs.ts'
import { OWNER_MODES } from '../../util/modes.ts'
import { copyDurably } from './incoming.ts'
import { replacedName } from './project.ts'
import type { RunId } from '../../core/run-id.ts'
import type { RunRecord } from '../../record/record.ts'
import type { Store } from '../../store/store.ts'
import type { CommitBody, RunFile } from '../../transfer/wire.ts'
import type { Project } from './project.ts'

/** Told of a change before it is made, so that none is made of which nobody is told. */
export type Announce = (action: 'run.start' | 'run.push' | 'run.annotate') => Promise<void>

/**
 * Take a run whose contents have arrived.
 *
 * @param announce Called once everything is checked; a kill can keep the change from following.
 * @returns What is missing, or how the run was taken.
 * @throws ERR_LINEAPRINT_RECORD if anything of it is not as it was sealed, ERR_LINEAPRINT_STATE if another run has its id.
 */
export async function commitRun(
  project: Project,
  id: RunId,
  files: readonly RunFile[],
  announce: Announce,
  signal: AbortSignal,
): Promise<CommitBody> {
  checkRunPaths(files)
  const record = files.find(({ path }) => path === RECORD_FILE)
  if (record === undefined)
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the run has no record', {
      field: 'files',
      expected: RECORD_FILE,
      received: `${files.length} other files`,
    })
  return project.changes.run(id, async () => {
    const present = await recordPresent(project.store, id)
    if (present === undefined || present.seal === null)
      return takeRun({ project, id, files, announce }, present, signal)
    return addToRun({ project, id, files, announce }, record)
  })
}

/** Return the record of the run of an id; `undefined` if there is none. */
async function recordPresent(store: Store, id: RunId): Promise<RunRecord | undefined> {
  const folder = runFolder(store, id)
  return (await pathExists(folder, 'keep')) ? (await readRecord(folder)).record : undefined
}

interface Commit {
  readonly project: Project
  readonly id: RunId
  readonly files: readonly RunFile[]
  readonly announce: Announce
}

/** Take a run that is new, or that came live until now. */
async function takeRun(
  { project, id, files, announce }: Commit,
  live: RunRecord | undefined,
  signal: AbortSignal,
): Promise<CommitBody> {
  const { store, incoming } = project
  const target = runFolder(store, id)
  const arrived: RunFile[] = []
  const present: RunFile[] = []
  const missing = new Set<string>()
  for (const file of files) {
    if (await incoming.has(file)) arrived.push(file)
    else if (live !== undefined && (await isSame(join(target, file.path), file))) present.push(file)
    else missing.add(file.blake3)
  }
  if (missing.size > 0) return { state: 'missing', blobs: [...missing] }
  const folder = await incoming.newFolder()
  try {
    for (const { path } of present) {
      await makeFolders(dirname(join(folder, path)), OWNER_MODES.folder)
      await copyDurably(join(target, path), join(folder, path))
    }
    if (!(await incoming.moveTo(folder, arrived)))
      return { state: 'missing', blobs: [...new Set(arrived.map(({ blake3 }) => blake3))] }
    const { record } = await checkArrived(folder, id, signal)
    checkContinues(live, record, target)
    await syncFolders(folder)
    await makeFolders(store.runs, OWNER_MODES.folder)
    await announce('run.push')
    return await withWriterLease(store, async () => {
      if (live !== undefined) await rename(target, join(store.runs, replacedName(id)))
      await rename(folder, target)
      await syncFolder(store.runs)
      if (live !== undefined) await removeRunFolder(join(store.runs, replacedName(id)))
      project.index.invalidate()
      return { state: 'committed', missingObjects: await missingObjects(store, record) }
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Return what the first and the last record of a run have in common. */
function identity({ name, startedAt, process }: RunRecord): unknown {
  return { name, startedAt, process }
}

/** Check that a finished run is the one that came live. */
function checkContinues(live: RunRecord | undefined, record: RunRecord, path: string): void {
  if (live === undefined) return
  if (!isDeepStrictEqual(identity(live), identity(record))) throw otherRun(path, live, record)
}

function otherRun(
  path: string,
  known: RunRecord,
  { startedAt }: Pick<RunRecord, 'startedAt'>,
): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_STATE', 'the project has another run of this id', {
    path,
    field: 'id',
    expected: `the run that started at ${known.startedAt}`,
    received: `one that started at ${JSON.stringify(startedAt)}`,
    hint: 'an admin can delete the one on the server',
  })
}

/** Add annotations to a run that is there. */
async function addToRun(
  { project: { store, incoming, index }, id, files, announce }: Commit,
  { bytes, blake3 }: RunFile,
): Promise<CommitBody> {
  const folder = runFolder(store, id)
  const { record } = await readRecord(folder)
  if (!(await isSame(join(folder, RECORD_FILE), { bytes, blake3 })))
    throw new LineaprintError('ERR_LINEAPRINT_STATE', 'the project has another run of this id', {
      path: folder,
      field: 'id',
      expected: `a record with the seal ${record.seal}`,
      received: 'another record',
      hint: 'an admin can delete the one on the server',
    })
  const annotations: RunFile[] = []
  for (const file of files)
    if (isAnnotationPath(file.path) && !(await pathExists(join(folder, file.path), 'keep')))
      annotations.push(file)
  const missing: string[] = []
  for (const file of annotations) if (!(await incoming.has(file))) missing.push(file.blake3)
  if (missing.length > 0) return { state: 'missing', blobs: [...new Set(missing)] }
  if (annotations.length > 0) {
    await announce('run.annotate')
    if (!(await incoming.moveTo(folder, annotations)))
      return { state: 'missing', blobs: [...new Set(annotations.map((file) => file.blake3))] }
    await syncFolder(join(folder, ANNOTATIONS_FOLDER))
    await addAnnotated(folder)
    index.invalidate()
  }
  return {
    state: 'unchanged',
    annotations: annotations.length,
    missingObjects: await missingObjects(store, record),
  }
}

/** Check whether a file has a content. */
async function isSame(path: string, { bytes, blake3 }: Pick<RunFile, 'bytes' | 'blake3'>): Promise<boolean> {
  try {
    const info = await lstat(path)
    if (!info.isFile() || info.size !== bytes) return false
    return (await hashFile(path)).digest.hex === blake3
  } catch (error) {
    if (isMissing(error) || LineaprintError.isFinding(error)) return false
    throw error
  }
}

/** Return the contents that a run kept and that the store does not have. */
async function missingObjects(store: Store, record: RunRecord): Promise<string[]> {
  const missing: string[] = []
  for (const content of keptContents(record))
    if ((await piecesOf(store, content)) === undefined) missing.push(writtenOf(content))
  return missing
}

/** Make the entries of a folder and of those in it durable. Its files are already. */
async function syncFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await syncFolders(join(folder, entry.name))
  await syncFolder(folder)
}

/** Return files of a run with their digests. */
export async function digestsOf(
  folder: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<RunFile[]> {
  const files: RunFile[] = []
  for (const path of paths) {
    const { size, digest } = await hashFile(join(folder, path), { signal })
    files.push({ path, bytes: size, blake3: digest.hex })
  }
  return files
}
