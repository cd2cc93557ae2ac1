/** Absolute paths as a type of their own: what decides where something is read or written is none by chance. */
import { isAbsolute } from 'node:path'

declare const absolutePath: unique symbol

/** An absolute path. Only {@link isAbsolutePath} makes one. */
export type AbsolutePath = string & { readonly [absolutePath]: true }

/** Tell whether a text is an absolute path. */
export function isAbsolutePath(text: string): text is AbsolutePath {
  return isAbsolute(text)
}
