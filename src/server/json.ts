/** JSON of answers. */
import { encodeFloat } from '../json/special-floats.ts'

/** Return the JSON of a value, with NaN and the infinities as a record has them. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'number' && !Number.isFinite(member) ? encodeFloat(member) : member,
  )
}
