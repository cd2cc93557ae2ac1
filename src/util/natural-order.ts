/** The order in which people read names with numbers. */

let collator: Intl.Collator | undefined

/** Order texts with numbers by their numbers: rank 2 before rank 10. */
export function compareNatural(a: string, b: string): number {
  // Most runs have one process, and need none.
  collator ??= new Intl.Collator('en', { numeric: true })
  return collator.compare(a, b)
}
