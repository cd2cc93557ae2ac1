/** The numbers that JSON does not have: `NaN` and the infinities as `{"__float__":"NaN"}`, and back. */

/** A number as JSON can hold it: `{"__float__":"NaN"}`, `Infinity` and `-Infinity` stand for what JSON lacks. */
export type RecordedNumber = number | { readonly __float__: SpecialFloat }

/** The numbers that JSON lacks, as text. */
type SpecialFloat = 'NaN' | 'Infinity' | '-Infinity'

/** A number as a record holds it. */
export function encodeFloat(value: number): RecordedNumber {
  return Number.isFinite(value) ? value : { __float__: String(value) as SpecialFloat }
}

/** The number behind a recorded one. */
export function decodeFloat(value: RecordedNumber): number {
  if (typeof value === 'number') return value
  const [text] = Object.values(value)
  return Number(text)
}

/** A JSON value with its recorded numbers as numbers, for formats that have them. */
export function decodeFloats(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decodeFloats)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const [first] = entries
  if (entries.length === 1 && first?.[0] === '__float__' && isSpecial(first[1])) return Number(first[1])
  // fromEntries makes own properties of all keys, `__proto__` included.
  return Object.fromEntries(entries.map(([key, member]) => [key, decodeFloats(member)]))
}

function isSpecial(text: unknown): boolean {
  return text === 'NaN' || text === 'Infinity' || text === '-Infinity'
}
