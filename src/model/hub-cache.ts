/** The cache of the Hugging Face Hub: `models--org--name` with `blobs`, `refs` and `snapshots` of links into it. */
import { readFile, readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { env } from 'node:process'
import { LineaprintError } from '../core/errors.ts'
import { inputError, isFolder, isMissing } from '../util/fs.ts'

/** The longest text of a reference: a commit id. */
const REFERENCE_LIMIT = 256

/**
 * Return the snapshot that a repository in the cache stands for: that of the reference `main`, else the only one.
 *
 * @returns `undefined` for a folder that is no such repository.
 * @throws ERR_LINEAPRINT_AMBIGUOUS if there are several snapshots, and none of them is `main`.
 */
export async function snapshotOf(folder: string): Promise<string | undefined> {
  const entries = await readdir(folder).catch((cause: unknown) => {
    throw inputError(folder, 'list', cause)
  })
  if (!['blobs', 'snapshots'].every((name) => entries.includes(name))) return undefined
  const snapshots = (await readdir(join(folder, 'snapshots'))).toSorted()
  const main = await readFile(join(folder, 'refs', 'main'), 'latin1').catch((error: unknown) => {
    if (isMissing(error)) return ''
    throw inputError(join(folder, 'refs', 'main'), 'read', error)
  })
  const named = snapshots.find((name) => main.length < REFERENCE_LIMIT && name === main.trim())
  const [only, ...others] = snapshots
  const chosen = named ?? (others.length === 0 ? only : undefined)
  if (chosen !== undefined) return join(folder, 'snapshots', chosen)
  throw new LineaprintError(
    snapshots.length === 0 ? 'ERR_LINEAPRINT_NOT_FOUND' : 'ERR_LINEAPRINT_AMBIGUOUS',
    snapshots.length === 0
      ? 'the repository in the cache has no snapshot'
      : `the repository in the cache has ${snapshots.length} snapshots: ${snapshots.slice(0, 4).join(', ')}`,
    { path: folder, hint: 'give the path of a snapshot' },
  )
}

/** The name of a repository: an owner and a name, or a name alone. */
const REPOSITORY = /^(?:[\w-][\w.-]*\/)?[\w-][\w.-]*$/

/**
 * Return the folder of the snapshot of a repository of models in the cache of this machine, without asking the Hub.
 *
 * @param name As the Hub spells it: `owner/name`.
 * @param revision A branch, a tag or a commit. @default main
 * @returns `undefined` for any other text, and for a repository or revision that is not there.
 */
export async function cachedRepository(name: string, revision: string = 'main'): Promise<string | undefined> {
  // Such names would leave the folder.
  if (!REPOSITORY.test(name) || name.includes('..') || !/^[\w-][\w.-]*$/.test(revision)) return undefined
  const folder = join(cacheFolder(), `models--${name.replaceAll('/', '--')}`)
  const commit = await readFile(join(folder, 'refs', revision), 'latin1').catch(() => revision)
  if (!/^[\w-][\w.-]*$/.test(commit.trim())) return undefined
  const snapshot = join(folder, 'snapshots', commit.trim())
  return (await isFolder(snapshot)) ? snapshot : undefined
}

/** Return the cache of the Hub, as its library finds it. */
function cacheFolder(): string {
  const given = env['HF_HUB_CACHE'] ?? env['HUGGINGFACE_HUB_CACHE']
  if (given !== undefined && given !== '') return given
  const home = env['HF_HOME']
  if (home !== undefined && home !== '') return join(home, 'hub')
  const base = env['XDG_CACHE_HOME']
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'huggingface', 'hub')
}
