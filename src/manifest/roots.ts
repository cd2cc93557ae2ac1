/**
 * The root digests of entries and tensors, computed from a manifest alone: if the recorded root differs, the
 * manifest was damaged or edited.
 *
 * The rules are those of `docs/format.md`, sections 2 and 3.
 */
import { toDigests } from '../core/digest.ts'
import { native } from '../native/load.ts'
import { bytesOf, keyOf } from './names.ts'
import type { Algorithm, Digests } from '../core/digest.ts'
import type { NativeTreeItem } from '../native/load.ts'
import type { ManifestEntry, ManifestTensor } from './document.ts'

/** A folder, derived from the paths of entries. Names and paths are keys: one character per byte. */
export interface Folder {
  readonly path: string
  readonly children: Map<string, Folder | ManifestEntry>
}

/**
 * Return the folders of these entries, each before its children. No recursion: an untrusted path may be deep.
 *
 * @param conflict Called with an entry whose path requires a folder at the path of a file, or the other way
 * round.
 */
export function foldersOf(
  entries: readonly ManifestEntry[],
  conflict: (entry: ManifestEntry) => never,
): Folder[] {
  const root: Folder = { path: '', children: new Map() }
  const folders = [root]
  for (const entry of entries) {
    const names = keyOf(entry).split('/')
    const last = names.pop() ?? ''
    let folder = root
    for (const name of names) {
      let child = folder.children.get(name)
      if (child === undefined) {
        child = { path: folder === root ? name : `${folder.path}/${name}`, children: new Map() }
        folder.children.set(name, child)
        folders.push(child)
      }
      if (!('children' in child)) conflict(entry)
      folder = child
    }
    if (folder.children.has(last)) conflict(entry)
    folder.children.set(last, entry)
  }
  return folders
}

/** Compute the `tree` digests of the first of these folders. */
export function treeOf(folders: readonly Folder[], algorithms: readonly Algorithm[]): Digests {
  return each(algorithms, (algorithm) => {
    const done = new Map<Folder, Uint8Array>()
    let digest = new Uint8Array()
    for (const folder of folders.toReversed()) {
      const items = [...folder.children].map(([key, child]) => itemOf(key, child, algorithm, done))
      digest = new Uint8Array(native.treeDigest(items, algorithm)[algorithm] ?? [])
      done.set(folder, digest)
    }
    return toDigests({ [algorithm]: digest }, 'tree')
  })
}

function itemOf(
  key: string,
  child: Folder | ManifestEntry,
  algorithm: Algorithm,
  done: ReadonlyMap<Folder, Uint8Array>,
): NativeTreeItem {
  const name = Buffer.from(key, 'latin1')
  if ('children' in child) {
    return { name, content: { kind: 'folder', digest: done.get(child) ?? new Uint8Array() } }
  }
  if (child.type === 'link') return { name, content: { kind: 'link', target: targetOf(child) } }
  const digest = child.digests[algorithm]?.bytes ?? new Uint8Array()
  return { name, content: { kind: 'file', size: child.size, digest } }
}

/** Return the raw bytes of a link's target. */
export function targetOf({ target = '', targetBytes }: ManifestEntry): Buffer {
  return bytesOf({ path: target, ...(targetBytes !== undefined && { pathBytes: targetBytes }) })
}

/**
 * Compute the `weights` digests of tensors that are sorted by name, for the algorithm of their own digests.
 */
export function weightsOf(tensors: readonly ManifestTensor[], algorithms: readonly Algorithm[]): Digests {
  return each(algorithms, (algorithm) => {
    if (tensors.some(({ digest }) => digest.algorithm !== algorithm)) return {}
    const items = tensors.map(({ name, dtype, shape, digest: { bytes } }) => ({
      name,
      dtype,
      shape: [...shape],
      digest: bytes,
    }))
    return toDigests(native.weightsDigest(items, algorithm), 'weights')
  })
}

function each(algorithms: readonly Algorithm[], compute: (algorithm: Algorithm) => Digests): Digests {
  return Object.assign({}, ...algorithms.map((algorithm) => compute(algorithm))) as Digests
}
