/** The patterns of a sparse checkout. */
import { constants, open } from 'node:fs/promises'
import { join } from 'node:path'
import { isUtf8 } from 'node:buffer'
import type { SparsePatterns } from './types.ts'

/** Path of the file of patterns below the git folder of a work tree. */
export const SPARSE_FILE = 'info/sparse-checkout'

/** Limit of the file in bytes. */
const LIMIT = 1 << 20

/**
 * Read the patterns, which decide what a checkout writes.
 *
 * @param gitFolder The git folder of this work tree.
 * @returns `null` if there is no file, or if it is too large or not UTF-8.
 */
export async function readSparsePatterns(gitFolder: string, cone: boolean): Promise<SparsePatterns | null> {
  try {
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
    await using handle = await open(join(gitFolder, SPARSE_FILE), flags)
    const stat = await handle.stat()
    if (!stat.isFile() || stat.size > LIMIT) return null
    const bytes = await handle.readFile()
    return isUtf8(bytes) ? { cone, patterns: bytes.toString() } : null
  } catch {
    // Git then checks out everything.
    return null
  }
}
