/** The `tree` digest of a folder. */
import { runJob } from '../native/job.ts'
import { primary, toDigests } from '../core/digest.ts'
import { native } from '../native/load.ts'
import { checkAlgorithm, checkChoice, checkKeys, checkPath } from '../core/options.ts'
import { sampleDigests } from './sample/digests.ts'
import { checkSample, toNativePlan } from './sample/options.ts'
import { SampleReport } from './sample/report.ts'
import { cacheFolder, toCacheUsage } from './cache.ts'
import type { AlgorithmChoice, Digest, Digests } from '../core/digest.ts'
import type { NativeEntries, NativeTree } from '../native/load.ts'
import type { SampledHashOptions } from './sample/options.ts'
import type { CacheUsage } from './cache.ts'

/** Treatment of symbolic links below the root. */
export type LinkMode = 'follow' | 'record' | 'refuse'

/** Options of {@link hashTree}. */
export interface TreeOptions<A extends AlgorithmChoice = AlgorithmChoice> extends SampledHashOptions<A> {
  /** `follow`: a link counts as its target; `record`: as a link; `refuse`: as an error. @default 'follow' */
  readonly links?: LinkMode | undefined
  /** Patterns in the syntax of gitignore, relative to the root. @default none */
  readonly ignore?: readonly string[] | undefined
  /**
   * True if the patterns in files named `.lineaprintignore` apply to the folders that contain them. Those
   * files are content like any other file; `ignore` takes precedence. @default false
   */
  readonly ignoreFiles?: boolean | undefined
  /** True if entries named `.git` and `.lineaprint`, and `.cache/huggingface`, count. @default false */
  readonly includeSkipped?: boolean | undefined
  /** True if every file is listed in the result. @default false */
  readonly list?: boolean | undefined
  /** Keep digests of unchanged files: `true`, or a folder. See `docs/cache.md`. @default false */
  readonly cache?: boolean | string | undefined
}

/** A file or recorded link of a hashed folder. */
export interface TreeEntry {
  /** Path below the root, segments joined by `/`; bytes that are not UTF-8 are replaced. */
  readonly path: string
  /** The raw bytes of that path. */
  readonly pathBytes: Uint8Array
  /** Kind of entry. */
  readonly type: 'file' | 'link'
  /** Length in bytes; 0 for a link. */
  readonly size: number
  /** Plain digests; none for a link, or for a file that the sample left out. */
  readonly digests: Digests
  /** Target of a recorded link. */
  readonly target?: string | undefined
}

/** A property of a folder that does not change its digest but may cause surprises on other systems. */
export interface TreeWarning {
  readonly kind: 'link-leaves-root' | 'name-not-unicode' | 'names-collide' | 'download-state-skipped'
  readonly path: string
}

/** A hashed folder. */
export interface TreeHash<A extends AlgorithmChoice = AlgorithmChoice> {
  readonly path: string
  /** The `tree` digest; BLAKE3 if both were requested. */
  readonly digest: Digest
  readonly digests: Digests<A>
  /** Regular files that count. */
  readonly files: number
  /** Folders that contain a file at any depth. */
  readonly folders: number
  /** Recorded links. */
  readonly links: number
  /** Bytes in the files. */
  readonly bytes: number
  /** Entries excluded by patterns; a folder counts as one, whatever it contains. */
  readonly ignored: number
  /** Paths of entries that were skipped because they are bookkeeping; a folder counts as one. */
  readonly skipped: readonly string[]
  /**
   * Patterns from files named `.lineaprintignore`, relative to the root; none unless `ignoreFiles` is set.
   */
  readonly ignoreFiles: readonly string[]
  readonly warnings: readonly TreeWarning[]
  /** Sorted by path; only if `list` is set. */
  readonly entries?: readonly TreeEntry[]
  /** The effect of the cache; only if it is used. */
  readonly cache?: CacheUsage
  /** The extent of the sample; only if one was requested. */
  readonly sample?: SampleReport
}

/**
 * Hash a folder: the same relative paths with the same contents give the same digest, on any machine.
 * Permissions, times, owners and empty folders do not count; `.git`, `.lineaprint` and `.cache/huggingface` are skipped at any depth and reported.
 *
 * Cost: one read of every file, on all threads. With `sample`, a stat of every entry and a read of the chosen
 * files: every name and length counts, and the digest is a `sampled` one, unless the plan chose all files.
 *
 * @throws ERR_LINEAPRINT_LINK for a dangling or circular link, NOT_REGULAR for a FIFO, socket or device, and
 * the errors of {@link hashFile}.
 */
export async function hashTree<A extends AlgorithmChoice = 'blake3'>(
  path: string,
  options: TreeOptions<A> = {},
): Promise<TreeHash<A>> {
  return hashWholeOrSample(path, options)
}

async function hashWholeOrSample(path: string, options: TreeOptions): Promise<TreeHash> {
  checkKeys(options, TREE_OPTIONS)
  const root = checkPath(path)
  const plan = checkSample(options.sample, { cache: options.cache })
  const wanted = nativeOptions(options)
  if (plan === undefined) {
    const tree = await runJob(options, (job, threads) => native.hashTree(job, root, wanted, threads))
    return toTreeHash(root, tree, toDigests(tree.digests, 'tree'))
  }
  const { tree, extent } = await runJob(options, (job, threads) =>
    native.sampleTree(job, root, toNativePlan(plan), wanted, threads),
  )
  const digests = sampleDigests('tree', plan, extent, tree.digests)
  return { ...toTreeHash(root, tree, digests), sample: new SampleReport('tree', extent) }
}

const TREE_OPTIONS = ['links', 'ignore', 'ignoreFiles', 'includeSkipped', 'list', 'cache', 'sample'] as const

function nativeOptions(options: TreeOptions): NativeTreeOptions {
  const cache = cacheFolder(options.cache)
  return {
    algorithm: checkAlgorithm(options.algorithm),
    links: checkChoice('links', options.links ?? 'follow', ['follow', 'record', 'refuse']),
    ignore: [...(options.ignore ?? [])],
    ignoreFiles: options.ignoreFiles ?? false,
    includeSkipped: options.includeSkipped ?? false,
    list: options.list ?? false,
    ...(cache !== undefined && { cache }),
  }
}

type NativeTreeOptions = Parameters<typeof native.hashTree>[2]

/** A hashed folder, and its entries. */
export interface ListedTree {
  readonly tree: TreeHash
  /** Decode the entries one at a time, sorted by path: a million of them as objects take a gigabyte. */
  readonly entries: () => Iterable<TreeEntry>
}

/** Hash a folder, all of it, and list its entries without holding all of them as objects. */
export async function hashListedTree(
  path: string,
  options: Omit<TreeOptions, 'list' | 'sample'> = {},
): Promise<ListedTree> {
  checkKeys(options, TREE_OPTIONS)
  const root = checkPath(path)
  const wanted = nativeOptions({ ...options, list: true })
  const { entries, ...tree } = await runJob(options, (job, threads) =>
    native.hashTree(job, root, wanted, threads),
  )
  return {
    tree: toTreeHash(root, tree, toDigests(tree.digests, 'tree')),
    entries: () => (entries === undefined ? [] : entriesOf(entries)),
  }
}

/** Return a hashed folder as the addon describes it. */
export function toTreeHash(root: string, tree: NativeTree, digests: Digests): TreeHash {
  return {
    path: root,
    digest: primary(digests),
    digests,
    files: tree.files,
    folders: tree.folders,
    links: tree.links,
    bytes: tree.bytes,
    ignored: tree.ignored,
    skipped: tree.skipped,
    ignoreFiles: tree.ignoreFiles,
    warnings: [
      ...tree.warnings.map(({ kind, path: at }) => ({ kind, path: at })),
      ...tree.skipped.filter((at) => !isExpected(at)).map((at) => skippedWarning(at)),
    ],
    ...(tree.entries && { entries: [...entriesOf(tree.entries)] }),
    ...(tree.cache && { cache: toCacheUsage(tree.cache) }),
  }
}

/** Repositories and stores are skipped without a warning: most folders of a project have them. */
function isExpected(path: string): boolean {
  return /(?:^|\/)\.(?:git|lineaprint)$/.test(path)
}

function skippedWarning(path: string): TreeWarning {
  return { kind: 'download-state-skipped', path }
}

/** Decode the entries of a folder one at a time. */
export function* entriesOf(entries: NativeEntries): Generator<TreeEntry> {
  const kinds: { readonly File: number; readonly Link: number } = native.NativeEntryKind
  const targets = splitByNul(entries.targets)
  let [index, files, read] = [0, 0, 0]
  for (const pathBytes of splitByNul(entries.paths)) {
    const path = Buffer.from(pathBytes).toString()
    const kind = entries.kinds[index++]
    if (kind === kinds.Link) {
      const target = Buffer.from(targets.next().value ?? []).toString()
      yield { path, pathBytes, type: 'link', size: 0, digests: {}, target }
    } else {
      const size = entries.sizes[files++] ?? 0
      const digests = kind === kinds.File ? toDigests(entries.digests, undefined, read++) : {}
      yield { path, pathBytes, type: 'file', size, digests }
    }
  }
}

function* splitByNul(joined: Uint8Array): Generator<Uint8Array, undefined> {
  let start = 0
  for (let end = joined.indexOf(0); end >= 0; end = joined.indexOf(0, start)) {
    yield joined.subarray(start, end)
    start = end + 1
  }
}
