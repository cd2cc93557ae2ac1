/** Foreign text and values, as the page shows them. */

/** Characters of a text that is not shown whole. */
const LIMIT = 2000

/** Characters that move the cursor, change the order of the line, or show nothing. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g

/** Return a text with its control characters as their names, cut if it is very long. */
export function shown(text: string, limit: number = LIMIT): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}… (${count(text.length)} characters)` : text
  return cut.replaceAll(CONTROL, nameOf)
}

function nameOf(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`
}

/** Return the text of a log without the codes of terminals. */
export function shownLog(text: string): string {
  return text
    .replaceAll(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\^_])/g, '')
    .replaceAll('\r\n', '\n')
    .replaceAll(CONTROL, nameOf)
}

/** Return a number with separators. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** Return a number of things. */
export function plural(value: number, word: string, words: string = `${word}s`): string {
  return `${count(value)} ${value === 1 ? word : words}`
}

/** Return a size. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let unit = 0
  let size = value
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000
    unit++
  }
  return `${unit === 0 ? size : Number(size.toPrecision(3))} ${units[unit]}`
}

/** Return a duration. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

/** Return a time of the zone of this browser. */
export function localTime(iso: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return shown(iso, 40)
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** Return how long ago a time was. */
export function ago(iso: string, now: number = Date.now()): string {
  const ms = now - Date.parse(iso)
  if (Number.isNaN(ms)) return shown(iso, 40)
  if (ms < 0) return localTime(iso)
  const minutes = ms / 60_000
  if (minutes < 1) return 'just now'
  if (minutes < 60) return `${Math.floor(minutes)} min ago`
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ago`
  if (minutes < 60 * 24 * 60) return `${Math.floor(minutes / 60 / 24)} d ago`
  return localTime(iso).slice(0, 10)
}

/** Return a number of the record, which can be one that JSON lacks. */
export function decoded(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && '__float__' in value)
    return Number(Object.values(value)[0])
  return value
}

/** Return a number with few digits. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value).replace('Infinity', '∞')
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (Number.isInteger(value) && size < 1e15) return count(value)
  if (size >= 1e6 || size < 1e-4)
    return value
      .toExponential(3)
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e')
  // Of large numbers, two digits after the point too.
  const digits = Math.max(5, Math.floor(Math.log10(size)) + 3)
  return Number(value.toPrecision(digits)).toLocaleString('en-US', { maximumFractionDigits: 20 })
}

/** Return what writes the numbers of a column: with as many digits after the point as any of them needs, so that points meet. */
export function alignedBy(values: readonly unknown[]): (value: number) => string {
  const texts = values.flatMap((value) =>
    typeof value === 'number' && Number.isFinite(value) ? [short(value)] : [],
  )
  if (texts.some((text) => text.includes('e'))) return short
  const decimals = Math.max(0, ...texts.map((text) => text.split('.')[1]?.length ?? 0))
  const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals }
  return (value) => (Number.isFinite(value) ? value.toLocaleString('en-US', options) : short(value))
}

/** Return a value of any kind as a short text. */
export function valueText(value: unknown): string {
  const plain = decoded(value)
  if (plain === null || plain === undefined) return ''
  if (typeof plain === 'number') return short(plain)
  if (typeof plain === 'string') return shown(plain)
  if (Array.isArray(plain) && plain.every((item) => typeof item === 'string')) return shown(plain.join(', '))
  return shown(JSON.stringify(plain))
}

/** Return a digest with the beginning of its digits. */
export function shortDigest(digest: string): string {
  return shown(digest.replace(/([\da-f]{12})[\da-f]{20,}/g, '$1…'), 200)
}
