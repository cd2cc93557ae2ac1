/** The text of anything that was thrown. */

/** Return the message of an error, all of it or its first line. One without a message has its name; anything else is text. */
export function errorText(error: unknown, lines: 'all' | 'first' = 'all'): string {
  const text = error instanceof Error ? error.message || error.name : String(error)
  return lines === 'all' ? text : (text.split('\n')[0] ?? text)
}

/** Return a text of several lines as one. */
export function joinLines(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ')
}
