/** Names and values that MLflow accepts: it refuses some characters, and texts that are too long. */
import { createHash } from 'node:crypto'

/** All but letters and digits of any script, and these characters. */
const REFUSED = /[^\p{L}\p{N}_\-./ :]/gu

const NAME_LIMIT = 250

/**
 * Maker of names that MLflow accepts. Different names stay different: a changed name, or one that is already
 * taken, ends in a part of its hash.
 */
export class NameMaker {
  readonly #names = new Map<string, string>()
  readonly #taken = new Set<string>()

  /** Return the MLflow name of a name; always the same. */
  name(original: string): string {
    const known = this.#names.get(original)
    if (known !== undefined) return known
    const usable = usableName(original)
    const name = usable === original && !this.#taken.has(usable) ? usable : marked(usable, original)
    this.#names.set(original, name)
    this.#taken.add(name)
    return name
  }
}

/**
 * Return a name that MLflow accepts. It also treats names as paths: `a//b`, `./a`, `../a` and `/a` are
 * refused.
 */
function usableName(original: string): string {
  const segments = original
    .replace(REFUSED, '_')
    .split('/')
    .map((segment) => (segment === '' || segment === '.' || segment === '..' ? '_' : segment))
  return cut(segments.join('/'), NAME_LIMIT)
}

function marked(usable: string, original: string): string {
  const hash = createHash('sha256').update(original).digest('hex').slice(0, 8)
  return `${cut(usable, NAME_LIMIT - 9)}_${hash}`
}

/** Return the beginning of a text, in whole characters. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text
  const characters = Array.from(text)
  return characters.length <= limit ? text : characters.slice(0, limit).join('')
}
