/** The cache of digests of unchanged files, which is off by default. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { env } from 'node:process'
import { fromFailure } from '../native/job.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkPath } from '../core/options.ts'
import type { NativeCacheUsage } from '../native/load.ts'

/** The effect of the cache on one call. */
export interface CacheUsage {
  /** Files that were not read. */
  readonly hits: number
  /** Files that were read. */
  readonly misses: number
  /**
   * Entries written. Fewer than `misses` if a file changed in the last two seconds, is open for writing,
   * belongs to another user, or lies on an untrusted (network) file system.
   */
  readonly stored: number
  /**
   * The reason why the cache could not be opened, read or written. The digests are correct all the same: the
   * cache only saves time.
   */
  readonly failure?: LineaprintError
}

/** Convert the addon's cache statistics. */
export function toCacheUsage({ hits, misses, stored, failure }: NativeCacheUsage): CacheUsage {
  return { hits, misses, stored, ...(failure && { failure: fromFailure(failure) }) }
}

/**
 * Return the cache folder: for `true`, `$LINEAPRINT_CACHE_DIRECTORY`, else `lineaprint` in `$XDG_CACHE_HOME`
 * or in `~/.cache`; for a text, that folder. It can be deleted at any time.
 */
export function cacheFolder(cache: boolean | string | undefined): string | undefined {
  if (cache === undefined || cache === false) return undefined
  if (cache !== true) return checkPath(cache)
  const own = env['LINEAPRINT_CACHE_DIRECTORY']
  if (own !== undefined && own !== '') return own
  const base = env['XDG_CACHE_HOME']
  if (base !== undefined && base !== '') return join(base, 'lineaprint')
  const home = homedir()
  if (home !== '') return join(home, '.cache', 'lineaprint')
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'no home folder for the cache', {
    field: 'cache',
    hint: 'set LINEAPRINT_CACHE_DIRECTORY',
  })
}
