/** A check that files are still those that a folder's digest was computed from. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { hashFile } from '../../hash/file.ts'
import type { HashOptions } from '../../core/options.ts'
import type { ListedTree } from '../../hash/tree.ts'

/** Milliseconds by which the clock of a file system may be behind ours. */
const CLOCK_SLACK = 5000

/**
 * Check that files have the content that the tree was read with. Only files that were written to since are read.
 *
 * @param files Paths below the root.
 * @param since When the read of the tree began, in milliseconds since the epoch.
 * @throws ERR_LINEAPRINT_CHANGED for the first file with another content.
 */
export async function checkUnchanged(
  root: string,
  files: readonly string[],
  { tree, since }: { readonly tree: ListedTree; readonly since: number },
  options: HashOptions,
): Promise<void> {
  const recent = new Set<string>()
  for (const file of files) {
    const { ctimeMs } = await stat(join(root, file))
    if (ctimeMs >= since - CLOCK_SLACK) recent.add(file)
  }
  if (recent.size === 0) return
  for (const { path, type, digests } of tree.entries()) {
    if (type !== 'file' || !recent.has(path)) continue
    const file = join(root, path)
    const { digest } = await hashFile(file, { ...options, algorithm: digests.blake3 ? 'blake3' : 'sha256' })
    if (digest.equals(digests.blake3 ?? digests.sha256 ?? digest)) continue
    throw new LineaprintError('ERR_LINEAPRINT_CHANGED', 'it changed while the folder was read', {
      path: file,
    })
  }
}
