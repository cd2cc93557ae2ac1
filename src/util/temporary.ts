/**
 * Folders of this process in the temporary folder of the system. Each holds a file with the identity of its process,
 * by which a later run finds and removes what a killed one left.
 */
import { rmSync } from 'node:fs'
import { lstat, mkdtemp, readFile, readdir, realpath, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stateOfName } from './own-file.ts'
import { isMarkedAlive, processMark } from './process-identity.ts'
import type { Stats } from 'node:fs'

/** A new folder that only this user can enter. */
export interface TemporaryFolder {
  /** Absolute, without links. */
  readonly path: string
  /** Keep the folder when this process has ended. */
  keep(): void
  /** Remove the folder with everything in it. */
  remove(): Promise<void>
}

/** Purposes of folders, as they begin their names. */
export type TemporaryPurpose = 'lineaprint-' | 'lineaprint-diff-' | 'lineaprint-reproduce-'

/** Names of such folders: `mkdtemp` appends six characters. */
const NAME = /^lineaprint-(?:diff-|reproduce-)?[A-Za-z0-9]{6}$/

/** Name of the file with the identity of the process. */
const OWNER_FILE = '.lineaprint-owner'

/** Characters of the longest identity. */
const MARK_LIMIT = 256

/** Folders that one sweep examines and removes at most. */
const EXAMINED_LIMIT = 10_000
const REMOVED_LIMIT = 100

/** Writing the identity takes milliseconds; younger folders without one are never removed. */
const SAFE_AGE_MS = 3_600_000

/** Git may still be writing its last file when the work is stopped. */
const REMOVE = { recursive: true, force: true, maxRetries: 5 } as const

/**
 * Make a folder with a name that nobody can predict. An existing folder is never used.
 *
 * @param parent An existing folder. @default the temporary folder of the system
 * @throws The system's error, or an error if other users can enter the folder.
 */
export async function makeTemporary(
  purpose: TemporaryPurpose,
  parent: string = tmpdir(),
): Promise<TemporaryFolder> {
  const path = await realpath(await mkdtemp(join(parent, purpose)))
  const owner = join(path, OWNER_FILE)
  try {
    if (!isPrivate(await lstat(path))) throw new Error(`other users can enter the new folder ${path}`)
    await writeFile(owner, processMark(), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    await rm(path, REMOVE).catch(() => undefined)
    throw error
  }
  return { path, keep: () => rmSync(owner, { force: true }), remove: () => rm(path, REMOVE) }
}

/** Check that a folder belongs to this user, and that nobody else can enter it. */
function isPrivate(info: Stats): boolean {
  const user = process.geteuid?.()
  if (user === undefined) return info.isDirectory()
  return info.isDirectory() && info.uid === user && (info.mode & 0o077) === 0
}

/**
 * Check whether other users can rename or remove a folder in this one: they can if all may write to it and it has no
 * sticky bit.
 */
export async function isShelter(parent: string): Promise<boolean> {
  const info = await stat(parent).catch(() => undefined)
  return info?.isDirectory() === true && ((info.mode & 0o002) === 0 || (info.mode & 0o1000) !== 0)
}

/**
 * Remove the folders that killed processes of this user and machine left. A folder is kept if its process runs or
 * cannot be checked, for example in another container. Never rejects: what cannot be removed is left to a later run.
 */
export async function sweepTemporary(parent: string = tmpdir()): Promise<void> {
  if (!(await isShelter(parent))) return
  const names = (await readdir(parent).catch(() => [])).filter((name) => NAME.test(name))
  let removed = 0
  for (const name of names.slice(0, EXAMINED_LIMIT)) {
    if (await sweep(join(parent, name)).catch(() => false)) removed++
    if (removed >= REMOVED_LIMIT) return
  }
}

async function sweep(path: string): Promise<boolean> {
  const info = await lstat(path)
  if (!isPrivate(info)) return false
  const owner = join(path, OWNER_FILE)
  const state = stateOfName(owner)
  if (state === 'missing' && Date.now() - info.mtimeMs > SAFE_AGE_MS) {
    // The process was killed before it wrote its identity. A folder with content belongs to somebody else.
    await rmdir(path)
    return true
  }
  if (state !== 'own' || (await lstat(owner)).size > MARK_LIMIT) return false
  if (isMarkedAlive(await readFile(owner, 'utf8')) !== 'gone') return false
  await rm(path, REMOVE)
  return true
}
