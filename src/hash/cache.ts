/** Where digests of unchanged files are kept, for those who ask for it. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { env } from 'node:process'
import { fromFailure } from '../native/job.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkPath } from '../core/options.ts'
import type { NativeCacheUsage } from '../native/load.ts'

/** What a cache did. */
export interface CacheUsage {
  /** Files that were not read. */
  readonly hits: number
  /** Files that were read. */
  readonly misses: number
  /**
   * Entries that were written. Fewer than `misses` where a file changed in the last two seconds, is open for
   * writing, belongs to somebody else, or lies on a file system that is not trusted (network file systems).
   */
  readonly stored: number
  /**
   * Why the cache could not be opened, read or written. The digests are right all the same: a cache saves time and
   * decides nothing.
   */
  readonly failure?: LineaprintError
}

/** What the addon says of a cache. */
export function toCacheUsage({ hits, misses, stored, failure }: NativeCacheUsage): CacheUsage {
  return { hits, misses, stored, ...(failure && { failure: fromFailure(failure) }) }
}

/**
 * The folder of the cache: `true` is `$LINEAPRINT_CACHE_DIRECTORY`, else `lineaprint` in `$XDG_CACHE_HOME` or in
 * `~/.cache`; text is a folder of your own. It can be deleted at any time.
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
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'there is no home folder for the cache', {
    field: 'cache',
    hint: 'set LINEAPRINT_CACHE_DIRECTORY',
  })
}
