/**
 * Fingerprints of files and folders: they show that something was written, using `stat` alone, without
 * reading content.
 */
import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { mapConcurrently } from '../../util/concurrency.ts'
import { stampText } from '../../util/file-stamp.ts'
import { errorCode } from '../../util/fs.ts'
import type { BigIntStats } from 'node:fs'

/**
 * Largest number of files in a folder that gets a fingerprint. A fingerprint must cost little compared with
 * reading the files.
 */
const FILE_LIMIT = 200_000

/** Links can multiply folders: without this limit the time could be exponential in the number of links. */
const REPEAT_LIMIT = 10_000

const CONCURRENCY = 32

/** Check whether a digest skips an entry: bookkeeping changes although no data changes. */
function isSkipped(folder: string, name: string): boolean {
  if (name === '.git' || name === '.lineaprint') return true
  return name === 'huggingface' && basename(folder) === '.cache'
}

/** The state of a path, as `stat` reports it. */
export type Fingerprint = { readonly status: 'absent' } | PresentFingerprint

/** The state of a path that leads to a file or folder. */
export interface PresentFingerprint {
  readonly status: 'present'
  /** Text that is equal only if no file was written, replaced, renamed, added or removed. */
  readonly text: string
  /** Milliseconds since 1970 of the last change to any file or folder in it. */
  readonly newest: number
}

/**
 * Compute the fingerprint of a file or folder. Links are followed, as digests follow them.
 *
 * Cost: one `stat` per file.
 *
 * @param keep Selects the files of the folder that count, by their path relative to it. @default all
 * @returns `undefined` for a folder with more than 200,000 files, or in which links lead to folders again more than
 * 10,000 times.
 * @throws The system error if `stat` fails for another reason than a missing path.
 */
export async function fingerprint(
  path: string,
  keep: (relativePath: string) => boolean = () => true,
): Promise<Fingerprint | undefined> {
  const top = await statOf(path)
  if (top === undefined) return { status: 'absent' }
  const lines: string[] = []
  let newest = 0
  const visited = new Set<string>()
  let repeats = 0
  const add = (relativePath: string, info: BigIntStats): void => {
    lines.push(`${relativePath}\0${stampText(info)}`)
    newest = Math.max(newest, Number(info.mtimeMs), Number(info.ctimeMs))
  }
  const visit = async (
    relativePath: string,
    folder: BigIntStats,
    parents: readonly string[] = [],
  ): Promise<boolean> => {
    const identity = `${folder.dev} ${folder.ino}`
    // A link can lead back to a parent folder. A folder that several links lead to counts once for each of them, as
    // in a digest.
    if (parents.includes(identity)) {
      lines.push(`${relativePath}\0parent`)
      return lines.length <= FILE_LIMIT
    }
    newest = Math.max(newest, Number(folder.mtimeMs))
    const names = (await readdir(join(path, relativePath)))
      .filter((name) => !isSkipped(relativePath, name))
      .toSorted()
    if (visited.has(identity)) repeats++
    visited.add(identity)
    if (lines.length + names.length > FILE_LIMIT || repeats > REPEAT_LIMIT) return false
    const paths = names.map((name) => (relativePath === '' ? name : `${relativePath}/${name}`))
    const infos = await mapConcurrently(paths, CONCURRENCY, (entryPath) => statOf(join(path, entryPath)))
    for (const [index, entryPath] of paths.entries()) {
      const info = infos[index]
      if (info?.isDirectory() === true) {
        if (!(await visit(entryPath, info, [...parents, identity]))) return false
      } else if (info !== undefined && keep(entryPath)) add(entryPath, info)
    }
    return true
  }
  if (!top.isDirectory()) add('', top)
  else if (!(await visit('', top))) return undefined
  return { status: 'present', text: createHash('sha256').update(lines.join('\n')).digest('hex'), newest }
}

async function statOf(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? '')) return undefined
    throw error
  }
}
