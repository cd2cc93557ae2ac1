/**
 * Paths as git returns them: bytes, with `/` between segments, relative to the root of the work tree.
 *
 * They are usually UTF-8 but need not be. A text with replacement characters would not name a file, and two
 * files could have the same text. Therefore other paths are escaped, and their bytes are kept as well.
 */
import { isUtf8 } from 'node:buffer'
import type { WrittenPath } from './types.ts'

/** One path. */
export interface GitPath {
  readonly bytes: Buffer
  /** The path itself if it is UTF-8. Otherwise `\xNN` represents a byte that is not, and `\\` a backslash. */
  readonly text: string
  readonly utf8: boolean
}

/** Create a path from its bytes. */
export function gitPath(bytes: Buffer): GitPath {
  const utf8 = isUtf8(bytes)
  return { bytes, text: utf8 ? bytes.toString() : escapeBytes(bytes), utf8 }
}

/** Return the recorded form of a path. */
export function writePath({ text, utf8, bytes }: GitPath): WrittenPath {
  return utf8 ? { path: text } : { path: text, pathBytes: bytes.toString('hex') }
}

/** Return a path from its recorded form. */
export function readPath({ path, pathBytes }: WrittenPath): GitPath {
  return gitPath(pathBytes === undefined ? Buffer.from(path) : Buffer.from(pathBytes, 'hex'))
}

/**
 * Return whether a path below the root lies in a store: records of runs are not part of the recorded state.
 */
export function isInStore(path: string): boolean {
  return path.split('/').includes('.lineaprint')
}

/** Compare two paths by their bytes. */
export function comparePaths(a: { readonly path: GitPath }, b: { readonly path: GitPath }): number {
  return Buffer.compare(a.path.bytes, b.path.bytes)
}

/** Return the absolute path of the file: as text if that is exact, since the addon accepts only text. */
export function absolutePath(root: string, path: GitPath): string | Buffer {
  return path.utf8 ? `${root}/${path.text}` : Buffer.concat([Buffer.from(`${root}/`), path.bytes])
}

/** Return whether a path stays below its root. Paths from git do, unless the repository was manipulated. */
export function isContained(path: GitPath): boolean {
  return path.bytes
    .toString('latin1')
    .split('/')
    .every((segment) => segment !== '' && segment !== '.' && segment !== '..' && segment !== '.git')
}

/**
 * Return an escaped text of bytes that are not all UTF-8. Different byte sequences have different texts.
 *
 * @param bytes Any bytes.
 */
export function escapeBytes(bytes: Buffer): string {
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((count) => isUtf8(bytes.subarray(at, at + count)))
    if (length === undefined || at + length > bytes.length) {
      text += `\\x${bytes.toString('hex', at, at + 1)}`
      at++
      continue
    }
    const character = bytes.toString('utf8', at, at + length)
    text += character === '\\' ? '\\\\' : character
    at += length
  }
  return text
}
