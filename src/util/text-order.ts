/** Order of text. */

/**
 * Compare by UTF-8 bytes, which is the order of code points. The default order of JavaScript is by UTF-16
 * code units and differs beyond U+FFFF; digests sort by bytes, which every language can do. A surrogate without
 * its pair counts as U+FFFD, which is how it is written.
 */
export function compareUtf8(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length)
  for (let at = 0; at < shorter; at++) {
    const [unitA, unitB] = [a.charCodeAt(at), b.charCodeAt(at)]
    if (unitA === unitB) continue
    // Only surrogates have another place among code points than among code units.
    if (isSurrogate(unitA) || isSurrogate(unitB)) return Buffer.compare(Buffer.from(a), Buffer.from(b))
    return unitA < unitB ? -1 : 1
  }
  return Math.sign(a.length - b.length)
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff
}
