/** Commits that no remote has, as a bundle: without it a commit that was never pushed is gone with its clone. */
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../../errors.ts'
import { hashFile } from '../../hash/file.ts'
import { Absent } from '../absent.ts'
import { writeDigests } from '../fields.ts'
import type { AlgorithmChoice } from '../../digest.ts'
import type { JsonObject } from '../../json/value.ts'
import type { Git } from './command.ts'

/** Name of the file in the folder of the capture. */
export const BUNDLE_FILE = 'unpushed.bundle'

/** How a bundle is written. */
export interface BundleOptions {
  readonly folder: string
  /** Bytes over which it is given up. */
  readonly limit: number
  /** Commits that no remote is known to have, `null` where there is none; without any, no bundle is needed. */
  readonly unpushed: number | null
  readonly algorithm: AlgorithmChoice
  readonly signal?: AbortSignal | undefined
}

/**
 * Writes `unpushed.bundle`: the commit and what leads to it from what remotes are known to have. The whole history
 * where there is no remote. Secrets in commits are in it as they are in the repository.
 *
 * @returns Its entry for the record: `written`, `empty`, or `absent` with the reason.
 */
export async function writeBundle(git: Git, options: BundleOptions, warnings: string[]): Promise<JsonObject> {
  const { folder, limit, unpushed, algorithm, signal } = options
  if (unpushed === 0) return { status: 'empty' }
  const path = join(folder, BUNDLE_FILE)
  const temporary = `${path}.partial`
  const file = await inStore(path, open(temporary, 'wx'))
  let size = 0
  try {
    await git(['bundle', 'create', '--quiet', '-', 'HEAD', '--not', '--remotes'], {
      onOutput: async (piece) => {
        size += piece.length
        if (size > limit) throw new Absent(`it is larger than ${limit} bytes`)
        await inStore(path, file.writeFile(piece))
      },
    })
  } catch (error) {
    await file.close()
    await rm(temporary, { force: true })
    if (!(error instanceof Absent)) throw error
    warnings.push(`${BUNDLE_FILE} was not written: ${error.message}`)
    return { status: 'absent', reason: error.message }
  }
  await inStore(path, file.close())
  await inStore(path, rename(temporary, path))
  const { digests } = await hashFile(path, { algorithm, signal })
  return { status: 'written', file: BUNDLE_FILE, size, commits: unpushed, digests: writeDigests(digests) }
}

async function inStore<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throw new LineaprintError('ERR_LINEAPRINT_STORE', 'a bundle could not be written', { path, cause })
  }
}
