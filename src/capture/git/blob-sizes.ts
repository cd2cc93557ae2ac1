/** Sizes of the blobs of tracked files, from which files are found whose bytes git does not compare. */
import { NotAvailable } from '../../util/not-available.ts'
import type { Git } from './command.ts'
import type { Settings } from './describe.ts'
import type { TrackedFile } from './tracked-files.ts'

/** Sizes in bytes, by blob. */
export type BlobSizes = ReadonlyMap<string, number>

/** In a larger repository, only the sizes of files under a conversion are compared. */
export const SIZES = 5_000

/**
 * Return why git may call a file unchanged that has other bytes; `undefined` if it compares the bytes.
 *
 * @param isSizeCompared True to return `size` for a file that is under no conversion now.
 */
export function causeOf(
  { mode, hidden, attributes }: TrackedFile,
  { autocrlf, symlinks }: Settings,
  isSizeCompared: boolean,
): string | undefined {
  if (hidden !== undefined) return hidden
  if (mode === '120000') return symlinks ? undefined : 'link'
  for (const name of ['filter', 'working-tree-encoding']) {
    const value = attributes.get(name)
    if (value !== undefined && value !== 'set' && value !== 'unset') return `${name}=${value}`
  }
  if (attributes.get('ident') === 'set') return 'ident'
  const text = attributes.get('text') ?? attributes.get('crlf')
  if (text !== 'unset' && (text !== undefined || attributes.has('eol') || autocrlf)) return 'line-ends'
  // Git does not look again at a file that an earlier setting converted.
  return isSizeCompared ? 'size' : undefined
}

/** Return whether a file is found by its size, for a cause of {@link causeOf}. */
export function isBySize(cause: string | undefined): boolean {
  return cause === 'line-ends' || cause === 'size'
}

/** Return the sizes of the blobs of those tracked files that are found by them; `undefined` if git cannot say. */
export async function readSizes(
  git: Git,
  tracked: readonly TrackedFile[],
  settings: Settings,
): Promise<BlobSizes | undefined> {
  // Git would fetch a missing blob, and may not.
  if (settings.partial) return undefined
  const blobs = tracked
    .filter((file) => isBySize(causeOf(file, settings, tracked.length <= SIZES)))
    .map(({ blob }) => blob)
  const sizes = new Map<string, number>()
  if (blobs.length === 0) return sizes
  try {
    for (const [index, size] of (await blobSizes(git, blobs)).entries())
      if (size !== undefined) sizes.set(blobs[index] ?? '', size)
    return sizes
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    return undefined
  }
}

/** Return the size of each blob; `undefined` for what is none. @throws NotAvailable if git cannot say. */
export async function blobSizes(git: Git, blobs: readonly string[]): Promise<(number | undefined)[]> {
  const input = Buffer.from(blobs.map((blob) => `${blob}\n`).join(''))
  const output = await git(['cat-file', '--buffer', '--batch-check=%(objecttype) %(objectsize)'], { input })
  const lines = output.toString('latin1').split('\n')
  return blobs.map((_, index) => {
    const size = /^blob (\d+)$/.exec(lines[index] ?? '')?.[1]
    return size === undefined ? undefined : Number(size)
  })
}
