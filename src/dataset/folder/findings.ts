/** Findings about the files of a folder or archive that are no part of a digest: labels, and files worth a warning. */
import { compareUtf8 } from '../../util/text-order.ts'
import { plural } from '../../util/plural.ts'
import { splitOfPath } from './splits.ts'
import type { TreeEntry } from '../../hash/tree.ts'

/** A label of images: the name of the folder that they are in. */
export interface LabelCount {
  readonly label: string
  /** Name of the split; absent if the folders name none. */
  readonly split?: string
  /** Number of images. */
  readonly files: number
}

/** The findings of {@link findingsOf}. */
export interface FolderFindings {
  /** Sorted by split and label; only of a folder whose images are all in folders of labels. */
  readonly labels?: readonly LabelCount[]
  readonly warnings: readonly string[]
}

const IMAGES = /\.(?:jpe?g|png|ppm|bmp|pgm|tiff?|webp)$/i

/** Files that programs write beside data: `_SUCCESS` and `.gitkeep` for their names alone, descriptions for each split. */
const NO_DATA = /(?:^|\/)(?:[._][^/]*|(?:dataset_info|dataset_dict|state)\.json)$/

/** The most files that are compared with each other: a million takes some 100 MB. */
const COMPARED = 1_000_000

/** Read the findings from a list of files, without reading the files again. */
export function findingsOf(entries: Iterable<TreeEntry>): FolderFindings {
  const seen = new Map<string, string>()
  const labels = new Map<string, { label: string; split?: string; files: number }>()
  let areLabelled = true
  let count = 0
  let duplicates: readonly [files: number, path: string, original: string] | undefined
  let empty: readonly [files: number, path: string] | undefined
  for (const { path, type, size, digests } of entries) {
    if (type !== 'file') continue
    count++
    if (areLabelled && IMAGES.test(path)) areLabelled = addImage(labels, path)
    if (NO_DATA.test(path)) continue
    if (size === 0) {
      empty = [(empty?.[0] ?? 0) + 1, empty?.[1] ?? path]
      continue
    }
    if (count > COMPARED) continue
    const key = (digests.blake3 ?? digests.sha256)?.hex ?? path
    const original = seen.get(key)
    if (original === undefined) seen.set(key, path)
    else duplicates = [(duplicates?.[0] ?? 0) + 1, duplicates?.[1] ?? path, duplicates?.[2] ?? original]
  }
  const warnings: string[] = []
  if (duplicates !== undefined) {
    const [files, path, original] = duplicates
    const verb = files === 1 ? 'has' : 'have'
    warnings.push(
      `${plural(files, 'file')} ${verb} the content of another, for example ${path} and ${original}`,
    )
  }
  if (empty !== undefined) {
    const [files, path] = empty
    warnings.push(`${plural(files, 'file')} ${files === 1 ? 'is' : 'are'} empty, for example ${path}`)
  }
  const counted = [...labels.values()].toSorted(
    (a, b) => compareUtf8(a.split ?? '', b.split ?? '') || compareUtf8(a.label, b.label),
  )
  return { ...(areLabelled && counted.length > 0 && { labels: counted }), warnings }
}

/**
 * Count an image under its label: `label/image`, or `split/label/image`.
 *
 * @returns False if it is in neither place.
 */
function addImage(
  labels: Map<string, { label: string; split?: string; files: number }>,
  path: string,
): boolean {
  const segments = path.split('/')
  const [first = '', second = ''] = segments
  const split = segments.length === 3 ? splitOfPath(first) : undefined
  if (segments.length !== 2 && split?.kind !== 'one') return false
  const label = segments.length === 2 ? first : second
  const key = JSON.stringify([split, label])
  const known = labels.get(key)
  if (known === undefined)
    labels.set(key, { label, ...(split?.kind === 'one' && { split: split.name }), files: 1 })
  else known.files++
  return true
}
