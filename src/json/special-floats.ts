/** Conversion of the numbers that JSON lacks: NaN and the infinities as `{"__float__":"NaN"}`, and back. */

/**
 * A number as JSON can hold it: `{"__float__":"NaN"}`, `Infinity` and `-Infinity` encode the values that JSON
 * lacks.
 */
export type RecordedNumber = number | { readonly __float__: SpecialFloat }

/** The numbers that JSON lacks, as text. */
type SpecialFloat = 'NaN' | 'Infinity' | '-Infinity'

/** Encode a number for a record. */
export function encodeFloat(value: number): RecordedNumber {
  return Number.isFinite(value) ? value : { __float__: String(value) as SpecialFloat }
}

/** Decode a recorded number. */
export function decodeFloat(value: RecordedNumber): number {
  if (typeof value === 'number') return value
  const [text] = Object.values(value)
  return Number(text)
}

/** Decode all recorded numbers in a JSON value, for formats that have NaN and the infinities. */
export function decodeFloats(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decodeFloats)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const [first] = entries
  if (entries.length === 1 && first?.[0] === '__float__' && isSpecial(first[1])) return Number(first[1])
  // `fromEntries` makes every key an own property, `__proto__` included.
  return Object.fromEntries(entries.map(([key, member]) => [key, decodeFloats(member)]))
}

function isSpecial(text: unknown): boolean {
  return text === 'NaN' || text === 'Infinity' || text === '-Infinity'
}
