/**
 * The digests that entries and tensors come to, computed again from a manifest alone: a manifest whose root is
 * not that of its entries was damaged or edited.
 *
 * The rules are those of `docs/format.md`, sections 2 and 3.
 */
import { toDigests } from '../digest.ts'
import { native } from '../native.ts'
import { Cbor } from './cbor.ts'
import { bytesOf, keyOf } from './names.ts'
import type { Algorithm, Digests } from '../digest.ts'
import type { ManifestEntry, ManifestTensor } from './document.ts'

/** A folder as the paths of entries imply it. Names and paths are keys: one character per byte. */
export interface Folder {
  readonly path: string
  readonly children: Map<string, Folder | ManifestEntry>
}

/**
 * The folders of these entries, each before those in it. No recursion: a path from a stranger may be deep.
 *
 * @param conflict Called with an entry whose path needs a folder where a file is, or the other way round.
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

/** The `tree` digests of the first of these folders. */
export function treeOf(folders: readonly Folder[], algorithms: readonly Algorithm[]): Digests {
  return each(algorithms, (algorithm) => {
    const done = new Map<Folder, Uint8Array>()
    let digest = new Uint8Array()
    for (const folder of folders.toReversed()) {
      digest = hash(describe(folder, algorithm, done), algorithm)
      done.set(folder, digest)
    }
    return toDigests({ [algorithm]: digest }, 'tree')
  })
}

function describe(
  { children }: Folder,
  algorithm: Algorithm,
  done: ReadonlyMap<Folder, Uint8Array>,
): Uint8Array {
  const named = [...children].map(([key, child]) => ({ name: Buffer.from(key, 'latin1'), child }))
  const cbor = new Cbor().array(2).text('lineaprint/tree/v1').array(named.length)
  for (const { name, child } of named.toSorted((a, b) => Buffer.compare(a.name, b.name))) {
    if ('children' in child) {
      cbor
        .array(3)
        .bytes(name)
        .text('dir')
        .bytes(done.get(child) ?? new Uint8Array())
    } else if (child.type === 'link') {
      cbor.array(3).bytes(name).text('link').bytes(targetOf(child))
    } else {
      const digest = child.digests[algorithm]?.bytes ?? new Uint8Array()
      cbor.array(4).bytes(name).text('file').integer(child.size).bytes(digest)
    }
  }
  return cbor.finish()
}

/** The raw bytes of a link's target. */
export function targetOf({ target = '', targetBytes }: ManifestEntry): Buffer {
  return bytesOf({ path: target, ...(targetBytes !== undefined && { pathBytes: targetBytes }) })
}

/** The `weights` digests of tensors that are sorted by name, for the algorithm their own digests have. */
export function weightsOf(tensors: readonly ManifestTensor[], algorithms: readonly Algorithm[]): Digests {
  return each(algorithms, (algorithm) => {
    if (tensors.some(({ digest }) => digest.algorithm !== algorithm)) return {}
    const cbor = new Cbor().array(2).text('lineaprint/weights/v1').array(tensors.length)
    for (const { name, dtype, shape, digest } of tensors) {
      cbor.array(4).text(name).text(dtype).array(shape.length)
      for (const dimension of shape) cbor.integer(dimension)
      cbor.bytes(digest.bytes)
    }
    return toDigests({ [algorithm]: hash(cbor.finish(), algorithm) }, 'weights')
  })
}

function each(algorithms: readonly Algorithm[], one: (algorithm: Algorithm) => Digests): Digests {
  return Object.assign({}, ...algorithms.map((algorithm) => one(algorithm))) as Digests
}

function hash(bytes: Uint8Array, algorithm: Algorithm): Uint8Array<ArrayBuffer> {
  // On this thread: most folders are small, and waking the others takes longer than hashing one.
  const hasher = new native.NativeHasher(algorithm)
  hasher.update(bytes)
  return new Uint8Array(hasher.finish()[algorithm] ?? [])
}
