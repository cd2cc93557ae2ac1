/** Walk of a folder for a check: an entry that cannot be read does not hide the others. */
import { constants } from 'node:fs'
import { access, lstat } from 'node:fs/promises'
import { errorCode } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import { hashTree } from '../hash/tree.ts'
import { absoluteOf, entriesOf } from './entries.ts'
import { literalPattern } from './names.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { JobOptions } from '../core/options.ts'
import type { TreeWarning } from '../hash/tree.ts'
import type { Manifest, ManifestEntry } from './document.ts'

/** The result of the walk. */
export interface Walked {
  readonly entries: readonly ManifestEntry[]
  /** Errors by the path below the root at which they occurred. */
  readonly errors: ReadonlyMap<string, LineaprintError>
  readonly warnings: readonly TreeWarning[]
}

/** A folder with more broken entries than this is given up: each costs another pass. */
const PASSES = 64

/** Number of entries that are probed at once. */
const PROBES = 64

/** Errors that concern one entry; the others can still be read. */
const LOCAL: ReadonlySet<ErrorCode> = new Set([
  'ERR_LINEAPRINT_CHANGED',
  'ERR_LINEAPRINT_LINK',
  'ERR_LINEAPRINT_NOT_FOUND',
  'ERR_LINEAPRINT_NOT_REGULAR',
  'ERR_LINEAPRINT_UNREADABLE',
])

/**
 * Hash the folder by the rules of the manifest. An entry that fails is excluded and the walk repeated, so the
 * usual cost is one read of everything, and one more for every broken entry that the probe does not find.
 *
 * @param skip Path of an entry below the root that does not count: the manifest itself.
 */
export async function walk(
  root: string,
  manifest: Manifest,
  skip: string | undefined,
  options: JobOptions,
): Promise<Walked> {
  const { algorithm, links, includeSkipped } = manifest
  const skipped = skip === undefined ? [] : [literalPattern(skip)]
  const errors = new Map<string, LineaprintError>()
  for (let pass = 0; ; pass++) {
    const ignore = [...manifest.ignore, ...skipped, ...[...errors.keys()].map((path) => literalPattern(path))]
    try {
      const tree = await hashTree(root, { ...options, algorithm, links, ignore, includeSkipped, list: true })
      return { entries: await entriesOf(root, tree.entries ?? []), errors, warnings: tree.warnings }
    } catch (error) {
      options.signal?.throwIfAborted()
      const path = LineaprintError.is(error) && LOCAL.has(error.code) ? below(root, error.path) : undefined
      if (!(error instanceof LineaprintError) || path === undefined || errors.has(path)) throw error
      if (pass >= PASSES) throw tooMany(root, error)
      // A removed entry is missing, and the next pass will not reach it.
      if (error.code !== 'ERR_LINEAPRINT_NOT_FOUND') errors.set(path, error)
      if (pass === 0) await probe(root, manifest, errors)
    }
  }
}

/** Return the path below the root, with `/`. */
function below(root: string, path: string | undefined): string | undefined {
  if (path === undefined || path === root || !path.startsWith(root)) return undefined
  const rest = path.slice(root.length)
  return (process.platform === 'win32' ? rest.replaceAll('\\', '/') : rest).replace(/^\/+/, '')
}

/**
 * Find the listed entries that will fail without reading them, so that a thousand unreadable files take two
 * passes and not a thousand. Paths from the manifest are never opened.
 */
async function probe(root: string, manifest: Manifest, errors: Map<string, LineaprintError>): Promise<void> {
  const { entries, links } = manifest
  for (let start = 0; start < entries.length; start += PROBES) {
    const batch = entries.slice(start, start + PROBES)
    for (const error of await Promise.all(batch.map((entry) => probeEntry(root, entry, links)))) {
      if (error?.path !== undefined && !errors.has(error.path)) errors.set(error.path, error)
    }
  }
}

async function probeEntry(
  root: string,
  entry: ManifestEntry,
  links: Manifest['links'],
): Promise<LineaprintError | undefined> {
  const { path } = entry
  const absolute = absoluteOf(root, entry)
  const isLink = await lstat(absolute).then((info) => info.isSymbolicLink(), errorCode)
  // The folder, not the entry, denies access.
  if (isLink === 'EACCES' && path.includes('/')) return closed(path.slice(0, path.lastIndexOf('/')))
  // A recorded link is never followed; a removed entry is missing, which is not an error.
  if (typeof isLink !== 'boolean' || (isLink && links === 'record')) return undefined
  if (isLink && links === 'refuse')
    return new LineaprintError('ERR_LINEAPRINT_LINK', 'symbolic links are refused', {
      path,
    })
  const code = await access(absolute, constants.R_OK).then(() => undefined, errorCode)
  if (isLink && (code === 'ENOENT' || code === 'ELOOP' || code === 'ENOTDIR'))
    return new LineaprintError('ERR_LINEAPRINT_LINK', 'broken symbolic link', { path })
  return code === 'EACCES' ? closed(path) : undefined
}

function closed(path: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_UNREADABLE', 'permission denied', { path })
}

function tooMany(root: string, last: LineaprintError): LineaprintError {
  return new LineaprintError(last.code, 'too many entries cannot be read', {
    path: root,
    expected: `at most ${PASSES} of them`,
    received: `another one: ${last.message}`,
    hint: 'make the entries readable, or remove them',
    cause: last,
  })
}
