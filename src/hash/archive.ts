/** The `tree` digest of what is in an archive, without unpacking it. */
import { runJob } from '../native/job.ts'
import { primary, toDigests } from '../core/digest.ts'
import { native } from '../native/load.ts'
import { checkAlgorithm, checkKeys, checkPath } from '../core/options.ts'
import { entriesOf, toTreeHash } from './tree.ts'
import type { AlgorithmChoice, Digest, Digests } from '../core/digest.ts'
import type { NativeArchive } from '../native/load.ts'
import type { HashOptions } from '../core/options.ts'
import type { ListedTree, TreeHash } from './tree.ts'

/** Formats of archives. A compressed tar is one format with its compression. */
export type ArchiveFormat = 'zip' | 'tar' | 'tar.gz' | 'tar.zst'

/** The samples of an archive in the order of its members, as WebDataset groups them. */
export interface ArchiveSamples {
  /** Digest of kind `sequence`. */
  readonly digest: Digest
  readonly digests: Digests
  /** Number of samples. */
  readonly records: number
}

/** A hashed archive. Its `path` is that of the archive, everything else is about what is inside. */
export interface ArchiveHash<A extends AlgorithmChoice = AlgorithmChoice> extends Omit<
  TreeHash<A>,
  'cache' | 'sample'
> {
  readonly format: ArchiveFormat
  /** Bytes of the archive itself. */
  readonly archiveBytes: number
  /** Absent in a zip, and where a member is no file of a sample. */
  readonly samples?: ArchiveSamples
}

/** Options of {@link hashArchive}. */
export interface ArchiveOptions<A extends AlgorithmChoice = AlgorithmChoice> extends HashOptions<A> {
  /** True if every file is listed in the result. @default false */
  readonly list?: boolean | undefined
}

const ARCHIVE_FILES = /\.(?:zip|tar|tar\.gz|tgz|tar\.zst|tzst)$/i

/** Check whether a path has the extension of an archive. */
export function isArchiveFile(path: string): boolean {
  return ARCHIVE_FILES.test(path)
}

/**
 * Hash what is in a zip or tar: its digest is that of a folder with the same files. Permissions, times, owners, the order
 * of the members, compression and entries of folders do not count. Links inside are followed.
 *
 * Cost: one read; a compressed tar is decompressed on one thread. Nothing is written. Memory holds what is known of each
 * member and a piece of its data, whatever its size.
 *
 * @throws ERR_LINEAPRINT_FORMAT for a member whose path leaves the archive or occurs twice, whose data is cut off or has
 * another checksum, or of which two readers could see different things; LINK for a link that leaves the archive or leads
 * nowhere; UNSUPPORTED for encrypted members, devices, and archives that decompress to too much; and the errors of
 * `hashFile`.
 */
export async function hashArchive<A extends AlgorithmChoice = 'blake3'>(
  path: string,
  options: ArchiveOptions<A> = {},
): Promise<ArchiveHash<A>> {
  return hashed(path, options)
}

async function hashed(path: string, options: ArchiveOptions): Promise<ArchiveHash> {
  checkKeys(options, ['list'])
  const { list = false, ...rest } = options
  const { archive, entries } = await hashListedArchive(path, rest)
  return { ...archive, ...(list && { entries: [...entries()] }) }
}

/** A hashed archive, and its files. */
export interface ListedArchive extends ListedTree {
  readonly archive: ArchiveHash
}

/** Hash an archive, and list its files without holding all of them as objects. */
export async function hashListedArchive(path: string, options: HashOptions = {}): Promise<ListedArchive> {
  checkKeys(options)
  const file = checkPath(path)
  const algorithm = checkAlgorithm(options.algorithm)
  const answer = await runJob(options, (job, threads) => native.hashArchive(job, file, algorithm, threads))
  const { entries, ...own } = answer.tree
  const tree = toTreeHash(file, own, toDigests(own.digests, 'tree'))
  const samples = answer.samples && samplesOf(answer.samples)
  return {
    archive: { ...tree, format: answer.format, archiveBytes: answer.size, ...(samples && { samples }) },
    tree,
    entries: () => (entries === undefined ? [] : entriesOf(entries)),
  }
}

function samplesOf({ digests: raw, records }: NonNullable<NativeArchive['samples']>): ArchiveSamples {
  const digests = toDigests(raw, 'sequence')
  return { digest: primary(digests), digests, records }
}
