/**
 * Paths as git gives them: bytes, with `/` between segments, relative to the root of the work tree.
 *
 * They are usually UTF-8 but need not be. Text with replacement characters would name no file, and two files
 * could share it, so other paths are shown escaped and keep their bytes beside.
 */
import { isUtf8 } from 'node:buffer'
import type { WrittenPath } from './types.ts'

/** One path. */
export interface GitPath {
  readonly bytes: Buffer
  /** The path itself if it is UTF-8. Otherwise `\xNN` stands for a byte that is not, and `\\` for a backslash. */
  readonly text: string
  readonly utf8: boolean
}

/** Makes a path of its bytes. */
export function gitPath(bytes: Buffer): GitPath {
  const utf8 = isUtf8(bytes)
  return { bytes, text: utf8 ? bytes.toString() : escapeBytes(bytes), utf8 }
}

/** The form in records. */
export function writePath({ text, utf8, bytes }: GitPath): WrittenPath {
  return utf8 ? { path: text } : { path: text, pathBytes: bytes.toString('hex') }
}

/** Return the path that a record holds. */
export function readPath({ path, pathBytes }: WrittenPath): GitPath {
  return gitPath(pathBytes === undefined ? Buffer.from(path) : Buffer.from(pathBytes, 'hex'))
}

/** Whether a path below the root lies in a store: the records of runs are no part of what they record. */
export function isInStore(path: string): boolean {
  return path.split('/').includes('.lineaprint')
}

/** Order of the bytes. */
export function comparePaths(a: { readonly path: GitPath }, b: { readonly path: GitPath }): number {
  return Buffer.compare(a.path.bytes, b.path.bytes)
}

/** The path of the file: text where that is exact, since only text can be handed to the addon. */
export function absolutePath(root: string, path: GitPath): string | Buffer {
  return path.utf8 ? `${root}/${path.text}` : Buffer.concat([Buffer.from(`${root}/`), path.bytes])
}

/** Whether a path stays below its root; what git lists does, unless the repository was made to deceive. */
export function isContained(path: GitPath): boolean {
  return path.bytes
    .toString('latin1')
    .split('/')
    .every((segment) => segment !== '' && segment !== '.' && segment !== '..' && segment !== '.git')
}

/**
 * Return text of bytes that are not all UTF-8. No two sequences of bytes have the same text.
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
