/** Help texts in the width of the terminal. */

/**
 * Wrap the paragraphs of a help text. Lines that are indented, or hold columns, keep their form: they are examples and
 * tables.
 *
 * @param width Columns of the longest line.
 */
export function wrapHelp(text: string, width: number): string {
  const lines: string[] = []
  let paragraph: string[] = []
  const flush = (): void => {
    lines.push(...wrapWords(paragraph.join(' ').split(' '), width))
    paragraph = []
  }
  for (const line of text.split('\n')) {
    const isText = line !== '' && !/^\s| {2}/.test(line)
    if (isText) paragraph.push(line)
    if (!isText || line.endsWith(':')) flush()
    if (!isText) lines.push(line)
  }
  flush()
  return lines.join('\n')
}

/** Fold words into lines of at most `width` characters; a longer word has a line of its own. */
export function wrapWords(words: readonly string[], width: number): string[] {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.filter((line) => line !== '')
}
