/** The natural order of names: `part-2` before `part-10`. */
import { compareUtf8 } from '../../util/text-order.ts'

/**
 * Compare two paths: runs of ASCII digits by their numbers, everything else by UTF-8 bytes. Names that differ
 * only in leading zeros are in the order of their bytes.
 */
export function compareNatural(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)]
  for (const [index, part] of left.entries()) {
    const other = right[index]
    if (other === undefined) return 1
    const order = compareParts(part, other)
    if (order !== 0) return order
  }
  return left.length - right.length || compareUtf8(a, b)
}

/** Divide a text into runs of digits and runs of anything else. */
function partsOf(text: string): string[] {
  return text.match(/[0-9]+|[^0-9]+/g) ?? []
}

function compareParts(a: string, b: string): number {
  if (!isDigits(a) || !isDigits(b)) return compareUtf8(a, b)
  const [left, right] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')]
  // Without leading zeros, the longer number is the larger one.
  return left.length - right.length || compareUtf8(left, right)
}

function isDigits(text: string): boolean {
  return /^[0-9]/.test(text)
}
