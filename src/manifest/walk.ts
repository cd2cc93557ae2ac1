/** What lies in a folder now, for a check: one entry that cannot be read does not hide the others. */
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

/** What was found. */
export interface Walked {
  readonly entries: readonly ManifestEntry[]
  /** Errors by the path below the root they happened at. */
  readonly troubles: ReadonlyMap<string, LineaprintError>
  readonly warnings: readonly TreeWarning[]
}

/** A folder with more broken entries than this is given up: each costs another pass. */
const PASSES = 64

/** Looks at this many entries at once. */
const PROBES = 64

/** Errors about one entry, beside which the others can be read. */
const LOCAL: ReadonlySet<ErrorCode> = new Set([
  'ERR_LINEAPRINT_CHANGED',
  'ERR_LINEAPRINT_LINK',
  'ERR_LINEAPRINT_NOT_FOUND',
  'ERR_LINEAPRINT_NOT_REGULAR',
  'ERR_LINEAPRINT_UNREADABLE',
])

/**
 * Hashes the folder by the rules of the manifest. An entry that fails is left out and the walk done again, so the
 * usual cost is one read of everything, and one more for every broken entry that the probe does not find.
 *
 * @param skip Path of an entry below the root that is no part of it: the manifest itself.
 */
export async function walk(
  root: string,
  manifest: Manifest,
  skip: string | undefined,
  options: JobOptions,
): Promise<Walked> {
  const { algorithm, links, includeSkipped } = manifest
  const skipped = skip === undefined ? [] : [literalPattern(skip)]
  const troubles = new Map<string, LineaprintError>()
  for (let pass = 0; ; pass++) {
    const ignore = [
      ...manifest.ignore,
      ...skipped,
      ...[...troubles.keys()].map((path) => literalPattern(path)),
    ]
    try {
      const tree = await hashTree(root, { ...options, algorithm, links, ignore, includeSkipped, list: true })
      return { entries: await entriesOf(root, tree.entries ?? []), troubles, warnings: tree.warnings }
    } catch (error) {
      options.signal?.throwIfAborted()
      const path = LineaprintError.is(error) && LOCAL.has(error.code) ? below(root, error.path) : undefined
      if (!(error instanceof LineaprintError) || path === undefined || troubles.has(path)) throw error
      if (pass >= PASSES) throw tooMany(root, error)
      // What is gone by now is missing, and the next pass will not meet it.
      if (error.code !== 'ERR_LINEAPRINT_NOT_FOUND') troubles.set(path, error)
      if (pass === 0) await probe(root, manifest, troubles)
    }
  }
}

/** The path below the root, with `/`. */
function below(root: string, path: string | undefined): string | undefined {
  if (path === undefined || path === root || !path.startsWith(root)) return undefined
  const rest = path.slice(root.length)
  return (process.platform === 'win32' ? rest.replaceAll('\\', '/') : rest).replace(/^\/+/, '')
}

/**
 * Finds the listed entries that will fail without reading them, so that a thousand unreadable files take two
 * passes and not a thousand. It never opens a path that the manifest names.
 */
async function probe(
  root: string,
  manifest: Manifest,
  troubles: Map<string, LineaprintError>,
): Promise<void> {
  const { entries, links } = manifest
  for (let start = 0; start < entries.length; start += PROBES) {
    const batch = entries.slice(start, start + PROBES)
    for (const error of await Promise.all(batch.map((entry) => troubleOf(root, entry, links)))) {
      if (error?.path !== undefined && !troubles.has(error.path)) troubles.set(error.path, error)
    }
  }
}

async function troubleOf(
  root: string,
  entry: ManifestEntry,
  links: Manifest['links'],
): Promise<LineaprintError | undefined> {
  const { path } = entry
  const absolute = absoluteOf(root, entry)
  const isLink = await lstat(absolute).then((info) => info.isSymbolicLink(), errorCode)
  // Not the entry is closed but the folder it is in.
  if (isLink === 'EACCES' && path.includes('/')) return closed(path.slice(0, path.lastIndexOf('/')))
  // A recorded link is never followed; what is gone is missing and no trouble.
  if (typeof isLink !== 'boolean' || (isLink && links === 'record')) return undefined
  if (isLink && links === 'refuse')
    return new LineaprintError('ERR_LINEAPRINT_LINK', 'it is a symbolic link, and links are refused', {
      path,
    })
  const code = await access(absolute, constants.R_OK).then(() => undefined, errorCode)
  if (isLink && (code === 'ENOENT' || code === 'ELOOP' || code === 'ENOTDIR'))
    return new LineaprintError('ERR_LINEAPRINT_LINK', 'it is a link that leads nowhere', { path })
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
    hint: 'make them readable, or remove them',
    cause: last,
  })
}
