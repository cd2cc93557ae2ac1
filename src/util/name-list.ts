/** Formatting of many names in one sentence. */

/** Return the first names, and the number of the others. */
export function nameList(names: readonly string[], shown: number = 3): string {
  const more = names.length > shown ? ` and ${names.length - shown} more` : ''
  return `${names.slice(0, shown).join(', ')}${more}`
}
