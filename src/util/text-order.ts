/** Order of text. */

/**
 * Compare by UTF-8 bytes, which is the order of code points. The default order of JavaScript is by UTF-16
 * code units and differs beyond U+FFFF; digests sort by bytes, which every language can do.
 */
export function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
