/** Folders of shards that `mosaicml-streaming` wrote (MDS): which samples they have is said by `index.json`. */
import { join } from 'node:path'
import { runJob } from '../../native/job.ts'
import { primary, toDigests } from '../../core/digest.ts'
import { LineaprintError } from '../../core/errors.ts'
import { native } from '../../native/load.ts'
import { checkAlgorithm } from '../../core/options.ts'
import { nameList } from '../../util/name-list.ts'
import { plural } from '../../util/plural.ts'
import { damaged, isObject, readObject } from './description-file.ts'
import { splitOfPath } from './splits.ts'
import type { HashOptions } from '../../core/options.ts'
import type { NativeMdsFile, NativeMdsShard } from '../../native/load.ts'
import type { DatasetSequence } from '../describe-sequence.ts'

/** A folder with an index of shards. */
export interface ShardFolder {
  /** Name of the split; absent if the folder names none. */
  readonly split?: string
  /** Path of the folder below the root, with `/` behind it unless it is the root. */
  readonly folder: string
}

/** The folders with an index in a folder with shards, or why it cannot be told which samples belong together. */
export type ShardLayout =
  | { readonly kind: 'folders'; readonly folders: readonly ShardFolder[] }
  | { readonly kind: 'unclear'; readonly reason: string }

/** The samples of a folder of shards. */
export interface ShardContent {
  readonly sequence: DatasetSequence
  /** Paths below the root of the files that were read. */
  readonly files: readonly string[]
  readonly warnings: readonly string[]
}

const SHARD = /\.mds(?:\.(?:br|bz2|gz|snappy|zstd))?$/

const INDEX = 'index.json'

/** The most bytes of an index: those of 100,000 shards have some 100 MB. */
const INDEX_BYTES = 256 << 20

/** Bytes of the values of encodings that have one size. */
const SIZES: ReadonlyMap<string, number> = new Map([
  ['int', 8],
  ...[8, 16, 32, 64].flatMap((bits): [string, number][] => [
    [`int${bits}`, bits / 8],
    [`uint${bits}`, bits / 8],
    [`float${bits}`, bits / 8],
  ]),
])

/** Find the folders with an index of shards; nothing if no file has the name of a shard. */
export function shardLayout(paths: () => Iterable<string>): ShardLayout | undefined {
  const indexes = new Set<string>()
  let hasShards = false
  for (const path of paths()) {
    hasShards ||= SHARD.test(path)
    if (path === INDEX || path.endsWith(`/${INDEX}`)) indexes.add(path.slice(0, -INDEX.length))
  }
  if (!hasShards) {
    // A dataset without samples has an index and no shards; nothing tells it from another file of that name.
    return undefined
  }
  // An index of several folders lies above theirs, and lists the same shards.
  if (indexes.has('')) return { kind: 'folders', folders: [{ folder: '' }] }
  const used = new Set<string>()
  for (const path of paths()) {
    if (!SHARD.test(path)) continue
    const folder = [...parents(path)].find((parent) => indexes.has(parent))
    if (folder === undefined)
      return { kind: 'unclear', reason: `${path} is a shard, and no ${INDEX} is beside it` }
    used.add(folder)
  }
  const folders = [...used].map((folder): ShardFolder | undefined => {
    const split = splitOfPath(folder)
    if (split.kind === 'several') return undefined
    return split.kind === 'one' ? { folder, split: split.name } : { folder }
  })
  const named = folders.filter((folder) => folder !== undefined)
  const splits = named.map(({ split }) => split)
  if (named.length < folders.length || (named.length > 1 && new Set(splits).size < named.length))
    return {
      kind: 'unclear',
      reason: `which split each ${INDEX} is of is not told by its folder: ${nameList([...used])}`,
    }
  if (named.length > 1 && splits.includes(undefined))
    return { kind: 'unclear', reason: `some folders of shards name a split and others do not` }
  return { kind: 'folders', folders: named }
}

/** Return the folders above a file, from the outermost, each with `/` behind it. */
function* parents(path: string): Iterable<string> {
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) yield path.slice(0, at + 1)
}

/**
 * Hash the samples of the shards that an index lists, in its order.
 *
 * @param root The folder.
 * @param folder Path of the folder with the index, as in {@link ShardFolder}.
 * @param paths Paths of all files below the root.
 * @throws ERR_LINEAPRINT_FORMAT for an index that is none or does not fit its shards, and for a sample that does not fit
 * its columns; UNSUPPORTED for a compression that is not read.
 */
export async function readShards(
  root: string,
  folder: string,
  paths: ReadonlySet<string>,
  options: HashOptions,
): Promise<ShardContent> {
  const file = `${folder}${INDEX}`
  const index = await readObject(root, file, INDEX_BYTES)
  if (index['version'] !== 2) throw damaged(root, file, 'version 2', index['version'])
  const listed = index['shards']
  if (!Array.isArray(listed)) throw damaged(root, file, 'a list of shards', listed)
  const files: string[] = []
  const unchecked = new Set<string>()
  const shards = listed.map((shard: unknown) => {
    const parsed = new ShardEntry(root, file, shard)
    const raw = parsed.file('raw_data')
    const stored = parsed.file('zip_data')
    // The reader of the package takes the uncompressed file as well where both are there.
    const read = [raw, stored].find((item) => item !== undefined && paths.has(`${folder}${item.name}`))
    if (raw === undefined || read === undefined)
      throw damaged(root, file, 'shards that are in the folder', (stored ?? raw)?.name)
    for (const name of [...raw.unchecked, ...(read === raw ? [] : read.unchecked)]) unchecked.add(name)
    files.push(`${folder}${read.name}`)
    return parsed.native(join(root, folder, read.name), raw.stated, read === raw ? undefined : read.stated)
  })
  const algorithm = checkAlgorithm(options.algorithm)
  const { records, digests: hashed } = await runJob(options, (job, threads) =>
    native.hashShards(job, shards, algorithm, threads),
  )
  const digests = toDigests(hashed, 'sequence')
  const lost = [...paths].filter(
    (path) => path.startsWith(folder) && SHARD.test(path) && !isListed(path, files),
  )
  return {
    sequence: { format: 'mds', digest: primary(digests), digests, records, files: files.length },
    files: [file, ...files],
    warnings: [
      ...(unchecked.size === 0
        ? []
        : [`${file} states hashes that are not checked: ${nameList([...unchecked].toSorted())}`]),
      ...(lost.length === 0
        ? []
        : [
            `${plural(lost.length, 'shard')} ${lost.length === 1 ? 'is' : 'are'} not listed in ${file}, for example ${lost[0]}`,
          ]),
    ],
  }
}

/** Check whether a shard is read, or is the compressed form of one. */
function isListed(path: string, files: readonly string[]): boolean {
  return files.some((file) => path === file || path.startsWith(`${file}.`) || file.startsWith(`${path}.`))
}

interface ShardFile {
  /** Path below the folder of the index. */
  readonly name: string
  readonly stated: NativeMdsFile
  /** Names of hashes that are not known. */
  readonly unchecked: readonly string[]
}

/** A shard in an index, checked field by field. */
class ShardEntry {
  readonly #root: string
  readonly #index: string
  readonly #fields: Readonly<Record<string, unknown>>

  constructor(root: string, index: string, value: unknown) {
    this.#root = root
    this.#index = index
    if (!isObject(value)) throw damaged(root, index, 'a shard', value)
    this.#fields = value
    if (value['version'] !== 2) throw this.#damaged('shards of version 2', value['version'])
    if (value['format'] !== 'mds')
      throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', 'a shard has a format that is not read', {
        path: join(root, index),
        expected: 'mds',
        received: (JSON.stringify(value['format']) ?? 'nothing').slice(0, 80),
      })
  }

  /** Read the statements about a file. */
  file(field: 'raw_data' | 'zip_data'): ShardFile | undefined {
    const value = this.#fields[field]
    if (value === undefined || value === null) return undefined
    const { basename, bytes, hashes = {} } = isObject(value) ? value : {}
    if (typeof basename !== 'string' || !isPathBelow(basename))
      throw this.#damaged('the name of a file in the folder', basename)
    if (!isCount(bytes)) throw this.#damaged('a number of bytes', bytes)
    const pairs = isObject(hashes) ? Object.entries(hashes) : []
    if (!isObject(hashes) || !pairs.every(([, hex]) => typeof hex === 'string'))
      throw this.#damaged('hashes', hashes)
    return {
      name: basename,
      stated: { bytes, hashes: pairs.flatMap(([name, hex]) => [name, String(hex)]) },
      unchecked: pairs.map(([name]) => name).filter((name) => !native.isCheckedHash(name)),
    }
  }

  /** Return the shard as the addon takes it. */
  native(path: string, raw: NativeMdsFile, stored: NativeMdsFile | undefined): NativeMdsShard {
    const { column_names: names, column_encodings: encodings, column_sizes: sizes, samples } = this.#fields
    if (!isCount(samples)) throw this.#damaged('a number of samples', samples)
    if (!isTexts(names) || new Set(names).size < names.length)
      throw this.#damaged('different names of columns', names)
    if (!isTexts(encodings) || encodings.length !== names.length)
      throw this.#damaged('an encoding for each column', encodings)
    if (!Array.isArray(sizes) || sizes.length !== names.length || !sizes.every(isSize))
      throw this.#damaged('a size for each column', sizes)
    for (const [index, encoding] of encodings.entries()) {
      const expected = SIZES.get(encoding)
      if (expected !== undefined && sizes[index] !== expected)
        throw this.#damaged(`${expected} bytes for ${encoding}`, sizes[index])
    }
    return {
      path,
      samples,
      names,
      encodings,
      sizes: sizes.map((size) => size ?? 0),
      raw,
      ...(stored && { stored }),
      zstd: stored !== undefined && this.#compression() === 'zstd',
    }
  }

  #compression(): string {
    const { compression } = this.#fields
    const name = typeof compression === 'string' ? (compression.split(':')[0] ?? '') : ''
    if (name === 'zstd' || name === 'gz') return name
    throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', 'a shard has a compression that is not read', {
      path: join(this.#root, this.#index),
      expected: 'zstd or gz',
      received: (JSON.stringify(compression) ?? 'nothing').slice(0, 80),
      hint: 'decompress the shards beside their index',
    })
  }

  #damaged(expected: string, received: unknown): LineaprintError {
    return damaged(this.#root, this.#index, expected, received)
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

/** Check for the size of each value of a column; null if the samples state it. */
function isSize(value: unknown): value is number | null {
  return value === null || (isCount(value) && value > 0 && value < 2 ** 32)
}

/** Check for a relative path that stays below its folder. */
function isPathBelow(path: string): boolean {
  return !/[\\\0]/.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}
