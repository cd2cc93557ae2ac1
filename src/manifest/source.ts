/** The bytes of a manifest that a caller gives: as an object, as bytes, or as a path. */
import { LineaprintError } from '../core/errors.ts'
import { checkPath } from '../core/options.ts'
import { errorCode, isMissing, systemReason } from '../util/fs.ts'
import { readGiven } from '../util/own-file.ts'
import type { Manifest } from './document.ts'

/**
 * Return the bytes of a manifest, and the path that it was read from.
 *
 * @throws ERR_LINEAPRINT_NOT_FOUND or UNREADABLE for a path that cannot be read.
 */
export async function sourceOf(
  manifest: string | Uint8Array | Manifest,
): Promise<{ readonly source: Uint8Array; readonly path?: string }> {
  if (manifest instanceof Uint8Array) return { source: manifest }
  // An object may be untrusted too, so it is parsed as strictly as a file.
  if (typeof manifest === 'object') return { source: Buffer.from(JSON.stringify(manifest)) }
  const path = checkPath(manifest)
  const source = await readGiven(path).catch((cause: unknown) => {
    throw isMissing(cause)
      ? new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'there is no such manifest', { path, cause })
      : new LineaprintError(
          'ERR_LINEAPRINT_UNREADABLE',
          errorCode(cause) === 'EISDIR'
            ? 'it is a folder, not a manifest'
            : `cannot read it: ${systemReason(cause)}`,
          { path, cause },
        )
  })
  return { source, path }
}

/** Check whether the source is JSON: no line of a checksum file starts with a brace. */
export function isManifest(source: Uint8Array): boolean {
  const start = Buffer.from(source.subarray(0, 64)).toString()
  return /^\s*\{/.test(start)
}
