/**
 * The files with which a run moves: its record, what the record lists, the copies of the record, and annotations. Nothing
 * else does: what the seal does not cover could be from anybody, and would seem to be of the run.
 */
import { join } from 'node:path'
import { unlistedFiles } from '../compare/run-files.ts'
import { ANNOTATIONS_FOLDER, isAnnotationPath } from '../store/annotations.ts'
import { findFiles } from '../store/run-files.ts'
import { RECORD_FILE } from '../store/store.ts'
import { pathExists } from '../util/fs.ts'
import type { StoredRun } from '../store/read.ts'

/** The files in the folder of a run. */
export interface FilesOfRun {
  /** Paths below the folder of regular files that move with the run. */
  readonly paths: readonly string[]
  /** Paths that the record does not list. */
  readonly unlisted: readonly string[]
}

/** Return the files of a run that has ended; of one that goes on, all that it has. */
export async function filesOfRun(run: Pick<StoredRun, 'folder' | 'record'>): Promise<FilesOfRun> {
  const { folder } = run
  const others = await unlistedFiles(run)
  const isUnlisted = new Set(others)
  const paths: string[] = []
  for (const { path, type } of await findFiles(folder, []))
    if (type === 'file' && !isUnlisted.has(path)) paths.push(path)
  const unlisted = [...others]
  const annotations = join(folder, ANNOTATIONS_FOLDER)
  const added = (await pathExists(annotations, 'keep')) ? await findFiles(annotations, []) : []
  for (const { path: name, type } of added) {
    const path = `${ANNOTATIONS_FOLDER}/${name}`
    if (type === 'file' && isAnnotationPath(path)) paths.push(path)
    else unlisted.push(path)
  }
  return { paths: [RECORD_FILE, ...paths], unlisted }
}
