/** Change detection by file metadata, without reading the content. */
import type { BigIntStats } from 'node:fs'

/**
 * Return a text that differs after a file was written to or replaced, within the resolution of the clock of
 * its file system.
 */
export function stampText({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}
