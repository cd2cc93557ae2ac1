/**
 * The characters of foreign text that can control a terminal or hide what a text says, and their escaped form.
 *
 * File names, messages of other programs and values of a record are foreign: whoever wrote them may want to
 * move the cursor, set a title, reverse the order of letters or hide some of them.
 */

/**
 * Control characters (C0, DEL, C1), format characters (bidirectional marks, zero-width characters, tags), line
 * separators of Unicode, half surrogate pairs, and marks and letters without a form.
 */
const HOSTILE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u115f\u1160\u3164\uffa0]|\u034f|\u17b4|\u17b5/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Escape foreign text for a message: `\n`, `\x1b`, `\u202e`, `\u{e0041}`. Escaped text stays as it is. */
export function escapeText(text: string): string {
  return text.replace(HOSTILE, escaped)
}

/** Escape a text of several lines, whose line feeds stay. */
export function escapeLines(text: string): string {
  return text.replace(HOSTILE, (character) => (character === '\n' ? character : escaped(character)))
}

/** Escape JSON text: the same document, in which strings contain no such character. */
export function escapeJson(text: string): string {
  return text.replace(HOSTILE, (character) => (SHORT[character] === undefined ? units(character) : character))
}

/** Escape the content of a double-quoted scalar of YAML. */
export function escapeYaml(text: string): string {
  return text.replace(HOSTILE, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`
  })
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code > 0xffff) return `\\u{${code.toString(16)}}`
  return SHORT[character] ?? (code > 0xff ? `\\u${hex(code, 4)}` : `\\x${hex(code, 2)}`)
}

function units(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${hex(unit.charCodeAt(0), 4)}`)
    .join('')
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}
