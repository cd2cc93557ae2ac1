/** The folder of this package, where it is one of its own and no part of a bundle. */
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** From the folder of this file. The bundle of the program, whose files are one folder deeper, has another path here. */
const ROOT = '../..'

/**
 * Return the path of a file or folder of this package.
 *
 * @returns `undefined` in a CommonJS bundle of somebody else, where nothing says where this code came from. In one of
 * modules it is a path at which there is nothing.
 */
export function ownPath(...parts: readonly string[]): string | undefined {
  const own = import.meta.url as string | undefined
  return own === undefined ? undefined : resolve(dirname(fileURLToPath(own)), ROOT, ...parts)
}
