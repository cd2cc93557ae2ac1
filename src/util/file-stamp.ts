/** What the system says of a file that was written to, without a look at its content. */
import type { BigIntStats } from 'node:fs'

/** Differs once a file was written to or replaced, as far as the clock of its file system can tell. */
export function stampText({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}
