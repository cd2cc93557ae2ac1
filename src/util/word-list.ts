/** Lists of names that are read more easily than many quotes. */

/** The words of a text. */
export function words(text: string): string[] {
  return text.trim().split(/\s+/)
}
