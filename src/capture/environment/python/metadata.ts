/**
 * Packages of a Python installation, read as data from the metadata folders below its prefix. Nothing is
 * started, and nothing outside of the prefix is read: both the prefix and its content may come from a
 * stranger.
 */
import { constants, open, readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isInside } from '../../../util/paths.ts'
import { isFolder, isMissing, systemReason } from '../../../util/fs.ts'
import { NotAvailable } from '../../../util/not-available.ts'
import { mapConcurrently } from '../../../util/concurrency.ts'

/** Packages below a prefix. */
export interface PrefixPackages {
  /** Sorted pairs of normalised name and version. */
  readonly packages: readonly (readonly [name: string, version: string])[]
  /** Origins of packages that are not from an index, as JSON of PEP 610, by name. */
  readonly direct: Readonly<Record<string, string>>
  /** Version of Python according to `pyvenv.cfg`; `undefined` if the file does not state it. */
  readonly version: string | undefined
  /**
   * Why packages can also lie outside of the prefix; `undefined` if all packages of this Python are below it.
   */
  readonly incomplete: string | undefined
  /** Number of metadata entries without a readable name or version. */
  readonly broken: number
}

/** More packages than this are refused: no installation has them. */
const PACKAGE_LIMIT = 20_000
/** Name and version are at the head of a metadata file, which may include a long description. */
const HEAD_LIMIT = 64 << 10
const AT_ONCE = 16

/**
 * Read the packages below a prefix.
 *
 * @param version Version of the Python, such as `3.11.7`, which selects the folder.
 * @throws NotAvailable if the prefix or its packages cannot be read; {@link PrefixMissing} if it is gone.
 */
export async function readPrefixPackages(
  prefix: string,
  version: string | null,
  signal: AbortSignal | undefined,
): Promise<PrefixPackages> {
  const root = await resolvePrefix(prefix)
  const settings = parseSettings(await readHead(root, join(root, 'pyvenv.cfg')))
  // The version of uv, of virtualenv (with a suffix such as `.final.0`), or of venv.
  const stated = settings.get('version_info') ?? settings.get('version') ?? ''
  const own = /^\d+\.\d+\.\d+/.exec(stated)?.[0]
  const folders = await packageFolders(root, own ?? version)
  if (folders.length === 0) throw new NotAvailable(`there are no packages of this Python below ${prefix}`)
  const { hasPaths, ...installed } = await readFolders(root, folders, signal)
  return { ...installed, version: own, incomplete: incompleteness(settings, hasPaths) }
}

/** Packages in the folders of a module path. */
export type FolderPackages = Pick<PrefixPackages, 'packages' | 'direct' | 'broken'>

/**
 * Read the packages in folders that a program of this user reported as its module path. Folders that do not exist are
 * skipped, as Python skips them.
 *
 * @throws NotAvailable if a folder has too many packages.
 */
export async function readPathPackages(
  folders: readonly string[],
  signal: AbortSignal | undefined,
): Promise<FolderPackages> {
  const resolved = await Promise.all(folders.map((folder) => realpath(folder).catch(() => undefined)))
  const existing: string[] = []
  for (const folder of new Set(resolved))
    if (folder !== undefined && (await isFolder(folder))) existing.push(folder)
  const { packages, direct, broken } = await readFolders('/', existing, signal)
  return { packages, direct, broken }
}

/** Read the packages of folders, in the order in which Python searches them. */
async function readFolders(
  root: string,
  folders: readonly string[],
  signal: AbortSignal | undefined,
): Promise<FolderPackages & { readonly hasPaths: boolean }> {
  const seen = new Map<string, string>()
  const direct: Record<string, string> = {}
  let broken = 0
  let hasPaths = false
  for (const folder of folders) {
    const names = (await readdir(folder)).toSorted()
    const entries = names.filter((name) => /\.(?:dist|egg)-info$/.test(name))
    if (entries.length > PACKAGE_LIMIT) throw new NotAvailable(`${folder} has over ${PACKAGE_LIMIT} packages`)
    const read = await mapConcurrently(entries, AT_ONCE, async (name) => {
      signal?.throwIfAborted()
      return readEntry(root, join(folder, name))
    })
    for (const entry of read) {
      if (entry === undefined) broken++
      // As in Python, the first folder wins.
      else if (!seen.has(entry.name)) {
        seen.set(entry.name, entry.version)
        if (entry.origin !== undefined) direct[entry.name] = entry.origin
      }
    }
    for (const name of names.filter((candidate) => /\.(?:pth|egg-link)$/.test(candidate)))
      hasPaths ||= addsPaths(await readHead(root, join(folder, name)))
  }
  return {
    packages: [...seen].toSorted(([a], [b]) => (a < b ? -1 : 1)),
    direct,
    broken,
    hasPaths,
  }
}

/** The prefix does not exist any more. */
export class PrefixMissing extends NotAvailable {}

async function resolvePrefix(prefix: string): Promise<string> {
  try {
    const root = await realpath(prefix)
    if ((await stat(root)).isDirectory()) return root
  } catch (error) {
    if (!isMissing(error)) throw new NotAvailable(`${prefix} cannot be read: ${systemReason(error)}`)
  }
  throw new PrefixMissing(`the folder ${prefix} is not there any more`)
}

/** Return the folders of packages, in the order in which Python searches them. */
async function packageFolders(root: string, version: string | null): Promise<string[]> {
  const [, short] = /^(\d+\.\d+)/.exec(version ?? '') ?? []
  const paths: string[] = []
  for (const library of ['local/lib', 'lib', 'lib64', 'Lib']) {
    const names = await readdir(join(root, library)).catch((): string[] => [])
    const versions = names.filter((name) => {
      const [, number] = /^(?:python|pypy)(\d+(?:\.\d+)?)t?$/.exec(name) ?? []
      return (
        number !== undefined && (short === undefined || number === short || number === short.split('.')[0])
      )
    })
    const candidates = [
      ...versions
        .toSorted()
        .toReversed()
        .map((name) => join(library, name)),
      library,
    ]
    for (const candidate of candidates) {
      for (const name of ['site-packages', 'dist-packages']) paths.push(join(root, candidate, name))
    }
  }
  const resolved = await Promise.all(paths.map((path) => realpath(path).catch(() => undefined)))
  const inside = resolved.filter((path) => path !== undefined && isInside(root, path)) as string[]
  return [...new Set(inside)]
}

async function readEntry(
  root: string,
  path: string,
): Promise<{ name: string; version: string; origin?: string } | undefined> {
  const texts = [join(path, 'METADATA'), join(path, 'PKG-INFO'), path]
  for (const file of texts) {
    const head = await readHead(root, file)
    if (head === undefined) continue
    const name = headerOf(head, 'name')
    const version = headerOf(head, 'version')
    if (name === undefined || version === undefined) return undefined
    const origin = await readHead(root, join(path, 'direct_url.json'))
    return {
      name: name.replace(/[-_.]+/g, '-').toLowerCase(),
      version,
      ...(origin !== undefined && origin !== '' && { origin }),
    }
  }
  return undefined
}

/** Return the first header of a name, in any case of letters. */
function headerOf(text: string, name: string): string | undefined {
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') return undefined
    const colon = line.indexOf(':')
    if (colon > 0 && line.slice(0, colon).toLowerCase() === name) {
      const value = line.slice(colon + 1).trim()
      return value === '' ? undefined : value
    }
  }
  return undefined
}

/**
 * Return the head of a file; `undefined` if it is not a regular file, lies outside of the root after links are
 * followed, or cannot be read. Never waits for a FIFO.
 */
async function readHead(root: string, path: string): Promise<string | undefined> {
  try {
    if (!isInside(root, await realpath(path))) return undefined
    await using handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    if (!(await handle.stat()).isFile()) return undefined
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_LIMIT), 0, HEAD_LIMIT, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } catch {
    // The caller counts it as an entry that cannot be read.
    return undefined
  }
}

/** Parse `pyvenv.cfg`; no settings if there is no such file. */
function parseSettings(text: string | undefined): Map<string, string> {
  const pairs = (text ?? '').split(/\r?\n/).flatMap((line) => {
    const [, key, value] = /^\s*([\w-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    return key === undefined || value === undefined ? [] : [[key.toLowerCase(), value] as const]
  })
  return new Map(pairs)
}

function incompleteness(settings: ReadonlyMap<string, string>, hasPaths: boolean): string | undefined {
  if (settings.get('include-system-site-packages')?.toLowerCase() !== 'false')
    return 'this Python also uses packages of the user or the system'
  return hasPaths ? 'a .pth file of this Python adds other folders' : undefined
}

/** Return whether a `.pth` file names folders; its other lines are code or comments. */
function addsPaths(text: string | undefined): boolean {
  return (text ?? '').split(/\r?\n/).some((line) => line.trim() !== '' && !/^(?:import[ \t]|#)/.test(line))
}
