/** Lines with digests, as `b3sum` and `sha256sum` print and read them. */
import { listDigests } from '../../../core/digest.ts'
import type { Digest, Digests } from '../../../core/digest.ts'

/** Return one line for each digest of a file, folder or stream. */
export function digestLines(path: string, digests: Digests): string[] {
  const list = listDigests(digests)
  return list.map((digest) => line(path, digest, list.length > 1))
}

/**
 * Format one digest as a line. `b3sum` and `sha256sum` escape a line end or backslash in a name, and put a
 * backslash before the line. Other tools must be able to parse this output in the same way.
 */
function line(path: string, digest: Digest, tagged: boolean): string {
  const escaped = path.replace(/[\\\n\r]/g, (character) => ESCAPES[character] ?? character)
  const mark = escaped === path ? '' : '\\'
  if (digest.kind !== undefined) return `${mark}${digest.toString()}  ${escaped}`
  if (tagged)
    return `${mark}${digest.algorithm === 'blake3' ? 'BLAKE3' : 'SHA256'} (${escaped}) = ${digest.hex}`
  return `${mark}${digest.hex}  ${escaped}`
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' }
