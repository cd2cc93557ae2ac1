/** Entries of a hashed folder in the form of a manifest. */
import { readlink } from 'node:fs/promises'
import { bytesOf, namedOf, textOf } from './names.ts'
import type { TreeEntry } from '../hash/tree.ts'
import type { ManifestEntry } from './document.ts'

/** Convert the entries of a walk, with exact bytes if text cannot represent a name or target. */
export async function entriesOf(root: string, listed: readonly TreeEntry[]): Promise<ManifestEntry[]> {
  const entries: ManifestEntry[] = []
  for (const { pathBytes, type, size, digests, target } of listed) {
    const named = namedOf(pathBytes)
    if (target === undefined) entries.push({ ...named, type, size, digests })
    else {
      const [text, targetBytes] = target.includes('\ufffd')
        ? textOf(await readlink(absoluteOf(root, named), { encoding: 'buffer' }))
        : [target]
      entries.push({
        ...named,
        type,
        size,
        digests,
        target: text,
        ...(targetBytes !== undefined && { targetBytes }),
      })
    }
  }
  return entries
}

/** Return the absolute path of an entry as bytes that the system accepts. */
export function absoluteOf(root: string, named: { path: string; pathBytes?: string }): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), bytesOf(named)])
}
