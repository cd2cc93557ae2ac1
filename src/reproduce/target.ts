/** The folder into which a work tree is restored. */
import { mkdir, readdir, realpath, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { errorCode, makeFolders, storeError } from '../util/fs.ts'
import { isInside } from '../util/paths.ts'
import { makeTemporary, sweepTemporary } from '../util/temporary.ts'

/** An empty folder that this reproduction may fill. */
export interface Target {
  /** Absolute, without links. */
  readonly path: string
  /** Keep the folder when this process has ended, however it ends. */
  keep(): void
  /**
   * Remove everything that was created: a reproduction that stops before its command leaves nothing behind.
   */
  remove(): Promise<void>
}

/** Options of removal. Git may still be writing its last file when the work is stopped. */
const REMOVE = { recursive: true, force: true, maxRetries: 5 } as const

/**
 * Create the folder.
 *
 * @param into Path of a folder that does not exist or is empty; if absent, a new temporary folder.
 * @param source The repository, in which nothing may be written.
 * @throws ERR_LINEAPRINT_ARGUMENT for any other folder, ERR_LINEAPRINT_STORE if it cannot be created.
 */
export async function makeTarget(into: string | undefined, source: string): Promise<Target> {
  if (into === undefined) {
    await sweepTemporary()
    const folder = await makeTemporary('lineaprint-reproduce-')
    // The tree must be empty, and the folder holds the identity of this process.
    const path = join(folder.path, 'tree')
    await mkdir(path)
    return { path, keep: () => folder.keep(), remove: () => folder.remove() }
  }
  const parent = dirname(resolve(into))
  try {
    await makeFolders(parent)
    const path = join(await realpath(parent), basename(resolve(into)))
    if (isInside(source, path)) throw refusal(into, 'it is inside the repository of the run')
    const isNew = await makeFolder(path)
    return { path: await realpath(path), keep: () => undefined, remove: () => empty(path, isNew) }
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    throw storeError(into, 'the folder for the work tree cannot be created', cause)
  }
}

/** Create a folder. Return true if it did not exist before. */
async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path)
    return true
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    if (!(await stat(path)).isDirectory()) throw refusal(path, 'it exists and is not a folder')
    if ((await readdir(path)).length > 0) throw refusal(path, 'it is not empty')
    return false
  }
}

async function empty(path: string, isNew: boolean): Promise<void> {
  if (isNew) return rm(path, REMOVE)
  for (const name of await readdir(path)) await rm(join(path, name), REMOVE)
}

function refusal(path: string, reason: string): LineaprintError {
  return new LineaprintError(
    'ERR_LINEAPRINT_ARGUMENT',
    `the folder cannot be used for the work tree: ${reason}`,
    {
      path,
      field: 'into',
      hint: 'choose a folder that does not exist',
    },
  )
}
