/** The check that Node is new enough. It is the first import of the library, so that it runs before anything else does. */
import { execPath, versions } from 'node:process'
import { LineaprintError } from './errors.ts'

/** The oldest version of Node that works, as in `engines` of package.json. */
export const OLDEST_NODE = '22.13'

checkNode(versions.node)

/**
 * Check a version of Node. Bun and Deno have that of the Node that they stand for.
 *
 * @throws ERR_LINEAPRINT_UNSUPPORTED if it is too old.
 */
export function checkNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldest = 0, oldestMinor = 0] = OLDEST_NODE.split('.').map(Number)
  if (major > oldest || (major === oldest && minor >= oldestMinor)) return
  throw new LineaprintError(
    'ERR_LINEAPRINT_UNSUPPORTED',
    `Node ${OLDEST_NODE} or newer is needed; this is ${version}, ${execPath}`,
  )
}
