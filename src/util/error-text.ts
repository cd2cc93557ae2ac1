/** The text of any thrown value. */

/**
 * Return the message of an error, complete or its first line. An error without a message is represented by
 * its name; any other value is converted to text.
 */
export function errorText(error: unknown, lines: 'all' | 'first' = 'all'): string {
  const text = error instanceof Error ? error.message || error.name : String(error)
  return lines === 'all' ? text : (text.split('\n')[0] ?? text)
}

/** Return a text of several lines as one line. */
export function joinLines(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ')
}
