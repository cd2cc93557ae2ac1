/** Order of text. */

/**
 * By UTF-8 bytes, which is by code point. The default order of JavaScript is by UTF-16 code units and differs
 * beyond U+FFFF; digests sort by bytes, as every language can.
 */
export function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
