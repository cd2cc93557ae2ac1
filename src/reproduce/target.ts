/** The folder that a work tree is brought back into. */
import { mkdir, mkdtemp, readdir, realpath, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { errorCode, makeFolders, storeError } from '../util/fs.ts'
import { isInside } from '../util/paths.ts'

/** An empty folder that this reproduction may fill. */
export interface Target {
  /** Absolute, without links. */
  readonly path: string
  /** Takes back whatever was made: a reproduction that stops before its command leaves nothing half-made. */
  remove(): Promise<void>
}

/** Git may be writing its last file when the work is stopped. */
const REMOVE = { recursive: true, force: true, maxRetries: 5 } as const

/**
 * Makes the folder.
 *
 * @param into One that does not exist or is empty; absent, a new temporary folder.
 * @param source The repository, which must not get anything into it.
 * @throws ERR_LINEAPRINT_ARGUMENT for any other folder, ERR_LINEAPRINT_STORE if it cannot be made.
 */
export async function makeTarget(into: string | undefined, source: string): Promise<Target> {
  if (into === undefined) {
    const path = await realpath(await mkdtemp(join(tmpdir(), 'lineaprint-reproduce-')))
    return { path, remove: () => rm(path, REMOVE) }
  }
  const parent = dirname(resolve(into))
  try {
    await makeFolders(parent)
    const path = join(await realpath(parent), basename(resolve(into)))
    if (isInside(source, path)) throw refusal(into, 'it is inside the repository of the run')
    const isNew = await makeFolder(path)
    return { path: await realpath(path), remove: () => empty(path, isNew) }
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    throw storeError(into, 'the folder for the work tree cannot be created', cause)
  }
}

/** Whether the folder is a new one. */
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

function refusal(path: string, why: string): LineaprintError {
  return new LineaprintError(
    'ERR_LINEAPRINT_ARGUMENT',
    `the folder cannot be used for the work tree: ${why}`,
    {
      path,
      field: 'into',
      hint: 'choose a folder that does not exist',
    },
  )
}
