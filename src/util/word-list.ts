/** Lists of words written as one text, for readability. */

/** Split a text into its words. */
export function words(text: string): string[] {
  return text.trim().split(/\s+/)
}
