/** Formatting of many names in one sentence. */

/** Return the first three names, and the number of the others. */
export function nameList(names: readonly string[]): string {
  const more = names.length > 3 ? ` and ${names.length - 3} more` : ''
  return `${names.slice(0, 3).join(', ')}${more}`
}
