/** The folder of the compiled code of this program. */
import { lstatSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { env, geteuid } from 'node:process'

/** Permission bits that let other users change a folder. */
const WRITABLE_BY_OTHERS = 0o022

/**
 * Return the folder of compiled code, `lineaprint/compiled` in `$XDG_CACHE_HOME` or `~/.cache`. It is made if it is
 * missing. Return undefined if it cannot be made, or if another user could put code into it.
 */
export function compileCacheFolder(): string | undefined {
  const base = env['XDG_CACHE_HOME']
  try {
    const parent = join(
      base !== undefined && isAbsolute(base) ? base : join(homedir(), '.cache'),
      'lineaprint',
    )
    const folder = join(parent, 'compiled')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return [parent, folder].every(isPrivate) ? folder : undefined
  } catch {
    // A home that is missing, full or read-only: the program starts as it would without a cache.
    return undefined
  }
}

function isPrivate(folder: string): boolean {
  const info = lstatSync(folder)
  if (!info.isDirectory()) return false
  // Windows has no such bits; there the folder lies in the profile of the user.
  return geteuid === undefined || (info.uid === geteuid() && (info.mode & WRITABLE_BY_OTHERS) === 0)
}
