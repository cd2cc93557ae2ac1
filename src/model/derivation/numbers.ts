/** Numbers in sentences. */

/** Return a number of four digits. */
export function short(value: number): string {
  return String(Number(value.toPrecision(4)))
}
