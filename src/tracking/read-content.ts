/** Reading of datasets and outputs, with the files of a folder in the same read. */
import { readListedDataset } from '../dataset/read.ts'
import { listedFolder } from '../record/file-list.ts'
import type { DatasetOptions, DatasetReport, DatasetSource } from '../dataset/read.ts'
import type { ListedFolder } from '../record/file-list.ts'

/** A dataset or output that was read. */
export interface ContentReport extends DatasetReport {
  /** The files of a folder, or of an archive; absent if only a sample of it was read. */
  readonly folder?: ListedFolder
}

/** Digest a dataset as `readDataset` does, and list its files. */
export async function readContent(source: DatasetSource, options: DatasetOptions): Promise<ContentReport> {
  const { tree, ...report } = await readListedDataset(source, options)
  return { ...report, ...(tree && { folder: listedFolder(tree) }) }
}
