/** The content of an archive, as the report of a dataset shows it. */
import { hashListedArchive } from '../hash/archive.ts'
import { WARNINGS } from '../hash/tree-warnings.ts'
import type { Digest, Digests } from '../core/digest.ts'
import type { HashOptions } from '../core/options.ts'
import type { ArchiveFormat } from '../hash/archive.ts'
import type { ListedTree } from '../hash/tree.ts'
import type { DatasetSequence } from './describe-sequence.ts'

/** The files in an archive. */
export interface DatasetArchive {
  readonly format: ArchiveFormat
  /** Digest of kind `tree`: that of a folder with the same files. */
  readonly digest: Digest
  readonly digests: Digests
  /** Bytes of the files. */
  readonly bytes: number
  readonly files: number
  /** Folders that contain a file. */
  readonly folders: number
}

/** An archive, its samples if it has some, and its files. */
export interface DescribedArchive {
  readonly archive: DatasetArchive
  readonly sequence?: DatasetSequence
  readonly tree: ListedTree
  readonly warnings: readonly string[]
}

/** Hash what is in an archive, and return what a report shows of it. */
export async function describeArchive(path: string, options: HashOptions): Promise<DescribedArchive> {
  const { archive, ...tree } = await hashListedArchive(path, options)
  const { format, digest, digests, bytes, files, folders, samples, warnings } = archive
  return {
    archive: { format, digest, digests, bytes, files, folders },
    ...(samples && { sequence: { format: 'webdataset', ...samples } }),
    tree,
    warnings: warnings.map(({ kind, path: at }) => `${at}: ${WARNINGS[kind]}`),
  }
}
