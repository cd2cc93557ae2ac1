/**
 * The bundle of commits that no remote has. Without it, a commit that was never pushed is lost with its
 * clone.
 */
import { join } from 'node:path'
import { hashFile } from '../../hash/file.ts'
import { keepOutput } from './kept-output.ts'
import { writeDigests } from '../../core/digest.ts'
import type { AlgorithmChoice } from '../../core/digest.ts'
import type { Git } from './command.ts'
import type { KeptBundle } from './types.ts'

/** Name of the file in the folder of the capture. */
export const BUNDLE_FILE = 'unpushed.bundle'

/** Options for writing a bundle. */
export interface BundleOptions {
  readonly folder: string
  /** Limit of the size in bytes; a larger bundle is not written. */
  readonly limit: number
  /**
   * Number of commits that no remote is known to have; `null` if there is no remote. If it is 0, no bundle is
   * needed.
   */
  readonly unpushed: number | null
  readonly algorithm: AlgorithmChoice
  readonly signal?: AbortSignal | undefined
}

/**
 * Write `unpushed.bundle`: the commit and its ancestors that no remote is known to have, or the whole history
 * if there is no remote. Secrets in commits are kept unchanged.
 *
 * @returns Its entry for the record: `written`, `empty`, or `absent` with the reason.
 */
export async function writeBundle(git: Git, options: BundleOptions, warnings: string[]): Promise<KeptBundle> {
  const { folder, limit, unpushed, algorithm, signal } = options
  if (unpushed === 0) return { status: 'empty' }
  const path = join(folder, BUNDLE_FILE)
  const args = ['bundle', 'create', '--quiet', '-', 'HEAD', '--not', '--remotes']
  const kept = await keepOutput(git, args, { path, label: 'a bundle', limit })
  if (kept.status === 'absent') warnings.push(`${BUNDLE_FILE} was not written: ${kept.reason}`)
  if (kept.status !== 'written') return kept
  const { size } = kept
  const { digests } = await hashFile(path, { algorithm, signal })
  return { status: 'written', file: BUNDLE_FILE, size, commits: unpushed, digests: writeDigests(digests) }
}
