/** Collection of garbage: removal of objects that no run names. */
import { lstat, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { checkKnown } from '../../core/options.ts'
import { errorCode, isMissing, storeError } from '../../util/fs.ts'
import { sweepRemoved } from '../remove-folder.ts'
import { TEMPORARY } from './commit.ts'
import { LEASES_FOLDER, acquireCollector } from './lease.ts'
import { OBJECT_ALGORITHMS, PARTS_ENDING, objectsFolder, readList } from './layout.ts'
import { NamedDigests } from './named.ts'
import { checkStore } from '../store.ts'
import type { Stats } from 'node:fs'
import type { Store } from '../store.ts'
import type { Lease } from './lease.ts'

/** A number of files, and their bytes. */
export interface ObjectTotal {
  readonly count: number
  readonly bytes: number
}

/** The result of a collection. */
export interface Collection {
  /** True if nothing was removed. */
  readonly isDryRun: boolean
  /** Objects that runs name. */
  readonly kept: ObjectTotal
  /** Objects that no run names, which were removed, or would be. */
  readonly removed: ObjectTotal
  /** Temporary files of writers that were killed, likewise. */
  readonly temporary: ObjectTotal
  /** Paths in the folder of objects that are none. They are never removed. */
  readonly foreign: readonly string[]
}

/** Options of {@link collectObjects}. */
export interface CollectOptions {
  /** True to remove nothing. @default true */
  readonly dryRun?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Milliseconds for which to wait for runs that are keeping files. @default 60000 */
  readonly patience?: number | undefined
}

interface ObjectFile {
  readonly path: string
  readonly hex: string
  readonly size: number
  readonly isList: boolean
}

interface Listing {
  readonly objects: readonly ObjectFile[]
  readonly temporary: readonly ObjectFile[]
  readonly foreign: readonly string[]
}

/**
 * Remove the objects that no run names. Runs may be running meanwhile: a run that is about to name an object holds a
 * lease, and the call waits for it.
 *
 * Cost: one listing of the objects, and one read of every record. Writers wait only while what changed since is read
 * again, and while files are removed.
 *
 * @throws ERR_LINEAPRINT_STORE if a run cannot be read, or if writers do not end in time. Nothing is removed then.
 */
export async function collectObjects(store: Store, options: CollectOptions = {}): Promise<Collection> {
  checkStore(store)
  checkKnown(options, ['dryRun', 'signal', 'patience'])
  const { dryRun = true, signal, patience } = options
  const listing = await listObjects(store)
  if (listing.objects.length === 0 && listing.temporary.length === 0)
    return totals(listing, new Set(), dryRun)
  const known = new Set(listing.objects.map(({ hex }) => hex))
  const named = new NamedDigests(store, (hex) => known.has(hex))
  await named.read(signal)
  if (dryRun) return totals(listing, await keptOf(listing, named), true)
  const lease = await acquireCollector(store, { signal, patience })
  try {
    // What runs named since then.
    await named.read(signal)
    const kept = await keptOf(listing, named)
    await sweepRemoved(store.runs)
    await removeAll(lease, [...listing.temporary, ...garbageOf(listing, kept)], signal)
    return totals(listing, kept, false)
  } finally {
    await lease.release()
  }
}

/** Return the garbage, lists before the parts that they name: a list without its parts would be useless. */
function garbageOf({ objects }: Listing, kept: ReadonlySet<string>): ObjectFile[] {
  const garbage = objects.filter(({ hex }) => !kept.has(hex))
  return [...garbage.filter(({ isList }) => isList), ...garbage.filter(({ isList }) => !isList)]
}

/** Return the digests that runs name, with the parts of those that have some. */
async function keptOf({ objects }: Listing, { digests }: NamedDigests): Promise<Set<string>> {
  const kept = new Set(digests)
  for (const { path, hex, isList } of objects) {
    if (!isList || !digests.has(hex)) continue
    // Every digest of a damaged list counts, too.
    for (const [part] of (await readNamedList(path)).matchAll(/[0-9a-f]{64}/g)) kept.add(part)
  }
  return kept
}

async function readNamedList(path: string): Promise<string> {
  try {
    return await readList(path)
  } catch (cause) {
    // Another collection may have removed it.
    if (isMissing(cause)) return ''
    throw storeError(path, 'the parts of an object are not known', cause)
  }
}

async function removeAll(
  lease: Lease,
  files: readonly ObjectFile[],
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const { path } of files) {
    signal?.throwIfAborted()
    if (!(await lease.isHeld()))
      throw new LineaprintError('ERR_LINEAPRINT_STORE', 'the lease of the collection was lost', {
        path,
        hint: 'try again; the objects that remain are unchanged',
      })
    try {
      await unlink(path)
    } catch (cause) {
      if (!isMissing(cause)) throw storeError(path, 'an object cannot be removed', cause)
    }
  }
}

function totals(listing: Listing, kept: ReadonlySet<string>, isDryRun: boolean): Collection {
  const isKept = ({ hex }: ObjectFile): boolean => kept.has(hex)
  return {
    isDryRun,
    kept: totalOf(listing.objects.filter(isKept)),
    removed: totalOf(listing.objects.filter((file) => !isKept(file))),
    temporary: totalOf(listing.temporary),
    foreign: listing.foreign,
  }
}

function totalOf(files: readonly ObjectFile[]): ObjectTotal {
  return { count: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) }
}

/** List the folder of objects. Links are never followed. */
async function listObjects(store: Store): Promise<Listing> {
  const root = objectsFolder(store)
  const objects: ObjectFile[] = []
  const temporary: ObjectFile[] = []
  const foreign: string[] = []
  const algorithms = new Set<string>(OBJECT_ALGORITHMS)
  for (const [name, path] of await entriesIn(root)) {
    const info = await infoOf(path)
    // A temporary file got its final name, or a folder is gone.
    if (info === undefined) continue
    if (name === LEASES_FOLDER && info.isDirectory()) continue
    if (TEMPORARY.test(name) && info.isFile())
      temporary.push({ path, hex: '', size: info.size, isList: false })
    else if (!algorithms.has(name) || !info.isDirectory()) foreign.push(path)
    else
      for (const [prefix, folder] of await entriesIn(path)) {
        if (!/^[0-9a-f]{2}$/.test(prefix) || (await infoOf(folder))?.isDirectory() !== true)
          foreign.push(folder)
        else await listPrefix(prefix, folder, objects, foreign)
      }
  }
  return { objects, temporary, foreign }
}

async function listPrefix(
  prefix: string,
  folder: string,
  objects: ObjectFile[],
  foreign: string[],
): Promise<void> {
  for (const [name, path] of await entriesIn(folder)) {
    const isList = name.endsWith(PARTS_ENDING)
    const rest = isList ? name.slice(0, -PARTS_ENDING.length) : name
    const info = await infoOf(path)
    if (info === undefined) continue
    if (!/^[0-9a-f]{62}$/.test(rest) || !info.isFile()) foreign.push(path)
    else objects.push({ path, hex: prefix + rest, size: info.size, isList })
  }
}

async function infoOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: unknown) => {
    if (isMissing(error)) return undefined
    throw storeError(path, 'an object cannot be examined', error)
  })
}

async function entriesIn(folder: string): Promise<(readonly [name: string, path: string])[]> {
  try {
    if (!(await lstat(folder)).isDirectory())
      throw Object.assign(new Error('it is not a folder'), { code: 'ENOTDIR' })
    return (await readdir(folder)).map((name) => [name, join(folder, name)] as const)
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return []
    throw storeError(folder, 'the objects cannot be listed', cause)
  }
}
