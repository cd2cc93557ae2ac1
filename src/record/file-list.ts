/**
 * The list of the files of a tracked folder: a manifest in a file of the run's folder, so that a later check can
 * name the file that changed.
 */
import { parseManifest } from '../manifest/manifest.ts'
import { MANIFEST_SCHEMA, manifestParts } from '../manifest/document.ts'
import { namedOf } from '../manifest/names.ts'
import { LineaprintError } from '../core/errors.ts'
import { readRunFile } from './run-file.ts'
import type { AlgorithmChoice, Digests } from '../core/digest.ts'
import type { ListedTree, TreeWarning } from '../hash/tree.ts'
import type { ManifestEntry } from '../manifest/document.ts'

/**
 * Largest number of files that are listed. A list of so many takes about 80 MB on disk, and a gigabyte of memory
 * when it is compared.
 */
export const FILES_LIMIT = 500_000

/** The files of a folder as they were hashed. Links were followed, so every entry is a file. */
export type FileList = readonly ManifestEntry[]

/** A folder that was digested with links followed, and its files, which need not all be in memory. */
export interface ListedFolder {
  readonly digests: Digests
  readonly warnings: readonly TreeWarning[]
  /** Sorted by the bytes of their paths. */
  readonly entries: () => Iterable<ManifestEntry>
}

/** Return a hashed folder in the form of a list. */
export function listedFolder({ tree, entries }: ListedTree): ListedFolder {
  return {
    digests: tree.digests,
    warnings: tree.warnings,
    entries: function* () {
      for (const { pathBytes, type, size, digests } of entries())
        yield { ...namedOf(pathBytes), type, size, digests }
    },
  }
}

/** Return the content of the file, a manifest as `lineaprint manifest` writes it, in small parts. */
export function fileListParts(
  { digests, warnings, entries }: ListedFolder,
  algorithm: AlgorithmChoice,
): Iterable<string> {
  return manifestParts({
    schema: MANIFEST_SCHEMA,
    type: 'folder',
    algorithm,
    links: 'follow',
    ignore: [],
    includeSkipped: false,
    digests,
    warnings,
    entries: entries(),
  })
}

/**
 * Read the list of a tracked folder.
 *
 * @param folder The folder of the run.
 * @returns `undefined` if the run has none.
 * @throws ERR_LINEAPRINT_RECORD if it is damaged, or is not the list of the recorded digest.
 */
export async function readFileList(
  folder: string,
  { digest, filesFile }: { readonly digest: string; readonly filesFile?: string },
): Promise<FileList | undefined> {
  const file = await readRunFile(folder, filesFile, 'list of files', 'filesFile')
  if (file === undefined) return undefined
  const { path, bytes } = file
  try {
    const { digests, entries } = parseManifest(bytes, path)
    if (Object.values(digests).some((root) => String(root) === digest)) return entries
  } catch (cause) {
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the list of files is damaged', { path, cause })
  }
  throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the list of files belongs to another digest', {
    path,
    expected: digest,
  })
}
