/** Names in manifests: their bytes, the refused ones, and a pattern that matches exactly one. */

/** A path, with its raw bytes if text cannot represent them. */
export interface Named {
  readonly path: string
  readonly pathBytes?: string
}

/** Return the raw bytes of a path. */
export function bytesOf({ path, pathBytes }: Named): Buffer {
  return pathBytes === undefined ? Buffer.from(path) : Buffer.from(pathBytes, 'base64')
}

/** Return a key that is equal only for equal bytes. */
export function keyOf(named: Named): string {
  return bytesOf(named).toString('latin1')
}

/** Convert a path into the form that a manifest uses. */
export function namedOf(bytes: Uint8Array): Named {
  const [path, base64] = textOf(bytes)
  return base64 === undefined ? { path } : { path, pathBytes: base64 }
}

/** Return bytes as text, and also in base64 if text cannot represent them. */
export function textOf(bytes: Uint8Array): [text: string, base64?: string] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString()
  // Only the replacement character can stand for lost bytes.
  return text.includes('\ufffd') && !Buffer.from(text).equals(buffer)
    ? [text, buffer.toString('base64')]
    : [text]
}

/**
 * Return the reason why a path cannot be an entry below a root; `undefined` if it can. Takes the key of the
 * path.
 */
export function problemOf(key: string): string | undefined {
  if (key === '') return 'the path is empty'
  if (key.includes('\0')) return 'the path holds a NUL'
  if (key.startsWith('/')) return 'the path is absolute'
  for (const segment of key.split('/')) {
    if (segment === '') return 'the path has an empty segment'
    if (segment === '.' || segment === '..') return `the path has the segment "${segment}"`
  }
  return undefined
}

/**
 * Return a gitignore pattern that matches the entry at this path and nothing else.
 *
 * @param path Path below the root, with `/`.
 */
export function literalPattern(path: string): string {
  // Trailing white space of a pattern is trimmed, by the rules of Unicode. Braces keep it: `{c}` is `c`.
  return `/${path.replace(/[\\[\]{}*?]/g, '\\$&').replace(/[\s\u0085]$/u, '{$&}')}`
}

/**
 * Return the form of a name on a file system that ignores case and normalises: names with equal forms
 * collide.
 */
export function folded(name: string): string {
  if (/^[\u0000-\u007f]*$/.test(name)) return name.toLowerCase()
  // Letter by letter: `toLowerCase` of a word treats a final sigma differently.
  const lower = Array.from(name.normalize('NFC'), (letter) => letter.toLowerCase())
  return lower.join('').normalize('NFC')
}

/** Return the paths that equal another one when case is ignored or after Unicode normalisation. */
export function collisionsOf(paths: readonly string[]): string[] {
  const groups = Map.groupBy(paths, (path) => folded(path))
  return [...groups.values()].filter((group) => group.length > 1).flat()
}
