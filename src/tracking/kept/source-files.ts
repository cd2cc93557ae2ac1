/** The files of an input or output that the store may keep. */
import { isUtf8 } from 'node:buffer'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isIndexPath, isPartName } from '../../model/families.ts'

/** A file to copy. */
export interface SourceFile {
  /** Path below the input or output; empty for one that is a file. */
  readonly path: string
  /** Absolute path. */
  readonly source: string
  readonly size: number
  readonly isExecutable: boolean
}

/** Longest path below an input, in characters. */
const LONGEST = 4096

/**
 * List the files of an input or output, links followed as digests follow them.
 *
 * @param limit Most files and folders.
 * @returns Sorted by path; `undefined` beyond the limit, and where a name is not UTF-8.
 */
export async function listSourceFiles(path: string, limit: number): Promise<SourceFile[] | undefined> {
  const isIndex = isIndexPath(path)
  const info = await stat(path)
  if (info.isFile() && !isIndex) return [sourceOf('', path, info)]
  const root = isIndex ? dirname(path) : path
  const files: SourceFile[] = []
  const folders = ['']
  let count = 0
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const nameBytes of await readdir(join(root, folder), { encoding: 'buffer' })) {
      if (!isUtf8(nameBytes)) return undefined
      const name = nameBytes.toString()
      const below = folder === '' ? name : `${folder}/${name}`
      if (name === '.git' || name === '.lineaprint') continue
      if (name === 'huggingface' && basename(folder) === '.cache') continue
      const source = join(root, below)
      const entry = await stat(source)
      // A sharded model is the files at the top of the folder of its index.
      if (isIndex && (!entry.isFile() || !isPartName(name))) continue
      if (entry.isDirectory()) folders.push(below)
      else if (entry.isFile()) files.push(sourceOf(below, source, entry))
      // Links to folders above them never end.
      if (++count > limit || below.length > LONGEST) return undefined
    }
  }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

function sourceOf(path: string, source: string, { size, mode }: { size: number; mode: number }): SourceFile {
  return { path, source, size, isExecutable: (mode & 0o100) !== 0 }
}
