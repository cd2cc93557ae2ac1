/** The files in a run's folder other than its record, with the digests by which the seal covers them. */
import { lstat, open, readdir, readlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { hashFiles } from '../hash/file.ts'
import { errorCode, storeError, syncFolder, syncHandle } from '../util/fs.ts'
import { ANNOTATIONS_FOLDER } from './annotations.ts'
import { RECORD_FILE } from './store.ts'
import type { FileHandle } from 'node:fs/promises'
import type { FileRecord } from '../record/record.ts'

/** A file or link below a run's folder; segments joined by `/`. */
interface FolderEntry {
  readonly path: string
  readonly type: 'file' | 'link' | 'other'
}

/**
 * Digest every file of a run's folder but the record itself.
 *
 * @param derived Names of files that are written after the record and derived from it.
 * @returns Entries sorted by path, and a sentence about each file that the seal does not cover.
 */
export async function describeFiles(
  folder: string,
  derived: readonly string[],
): Promise<{ files: FileRecord[]; warnings: string[] }> {
  const entries = await findFiles(folder, derived)
  const warnings = entries
    .filter(({ type }) => type === 'other')
    .map(({ path }) => notCovered(path, 'it is not a regular file'))
  const regular = entries.filter(({ type }) => type === 'file').map(({ path }) => path)
  await syncAll(folder, regular)
  const hashes = await hashFiles(
    regular.map((path) => join(folder, path)),
    { algorithm: 'both' },
  )
  const files: FileRecord[] = []
  for (const { path, type } of entries) {
    if (type === 'link') files.push({ path, link: await readlink(join(folder, path)) })
  }
  regular.forEach((path, index) => {
    const hash = hashes[index]
    if (hash instanceof LineaprintError) warnings.push(notCovered(path, hash.message))
    else if (hash?.digests.blake3 && hash.digests.sha256) {
      const { blake3, sha256 } = hash.digests
      files.push({ path, size: hash.size, blake3: blake3.toString(), sha256: sha256.toString() })
    }
  })
  return { files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)), warnings }
}

/** Sync all files: a record must not survive a power failure that its files do not. */
async function syncAll(folder: string, paths: readonly string[]): Promise<void> {
  const folders = new Set(paths.map((path) => dirname(join(folder, path))))
  for (const path of paths) await syncing(join(folder, path), syncFile)
  for (const path of folders) await syncing(path, syncFolder)
}

async function syncing(path: string, sync: (path: string) => Promise<void>): Promise<void> {
  try {
    await sync(path)
  } catch (cause) {
    throw storeError(path, 'it cannot be flushed to disk', cause)
  }
}

async function syncFile(path: string): Promise<void> {
  // Windows only syncs files open for writing, and these are opened read-only.
  if (process.platform === 'win32') return
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (error) {
    // Hashing reports missing and unreadable files. Other errors may be temporary.
    if (['ENOENT', 'EACCES', 'EPERM', 'ELOOP'].includes(errorCode(error) ?? '')) return
    throw error
  }
  try {
    await syncHandle(file)
  } finally {
    await file.close()
  }
}

function notCovered(path: string, reason: string): string {
  return `the file ${path} of the run is not covered by the seal: ${reason}`
}

/** List the entries of a run's folder, except the record, annotations, and files written after it. */
export async function findFiles(folder: string, derived: readonly string[]): Promise<FolderEntry[]> {
  const excluded = new Set([RECORD_FILE, ANNOTATIONS_FOLDER, ...derived])
  const entries: FolderEntry[] = []
  const visit = async (below: string): Promise<void> => {
    for (const name of await readdir(join(folder, below))) {
      const path = below === '' ? name : `${below}/${name}`
      if (excluded.has(path)) continue
      const info = await lstat(join(folder, path)).catch(() => undefined)
      if (info?.isDirectory()) await visit(path)
      // A name that is not UTF-8 cannot be reopened by its text, so it is `other` as well.
      else entries.push({ path, type: info?.isFile() ? 'file' : info?.isSymbolicLink() ? 'link' : 'other' })
    }
  }
  try {
    await visit('')
    return entries
  } catch (cause) {
    throw storeError(folder, 'the folder of the run cannot be read', cause)
  }
}
