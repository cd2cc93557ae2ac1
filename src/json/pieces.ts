/** JSON text of large documents. */

/** Items of an array from which it is written in pieces, and the items of a piece. */
export const PIECE = 4096

/** A list whose items are built when they are written. */
export class ItemList {
  readonly length: number
  readonly #build: (start: number, end: number) => readonly unknown[]

  /** @param build Returns the items from `start` up to `end`. */
  constructor(length: number, build: (start: number, end: number) => readonly unknown[]) {
    this.length = length
    this.#build = build
  }

  /** Return the items from `start` up to `end`, or up to the last one. */
  slice(start: number, end: number): readonly unknown[] {
    return this.#build(start, Math.min(end, this.length))
  }

  /** Return all items, as `JSON.stringify` takes them. */
  toJSON(): readonly unknown[] {
    return this.slice(0, this.length)
  }
}

/**
 * Return the text of a document, indented by two spaces and with a line end, in pieces: of a long list in an object, such as a
 * million tensors, only a part is text at a time.
 */
export function* jsonPieces(value: unknown): Generator<string> {
  const isObject =
    typeof value === 'object' && value !== null && !Array.isArray(value) && !('toJSON' in value)
  const entries: [string, unknown][] = isObject ? Object.entries(value) : []
  if (!entries.some(([, member]) => isLong(member))) {
    yield `${JSON.stringify(value, null, 2)}\n`
    return
  }
  let before = '{'
  for (const [key, member] of entries) {
    const name = `${before}\n  ${JSON.stringify(key)}: `
    if (isLong(member)) {
      let opening = `${name}[`
      for (let at = 0; at < member.length; at += PIECE) {
        // Without the brackets of this part of the array.
        const items = JSON.stringify(member.slice(at, at + PIECE), null, 2).slice(1, -2)
        yield `${opening}${items.replaceAll('\n', '\n  ')}`
        opening = ','
      }
      yield '\n  ]'
    } else {
      const text = JSON.stringify(member, null, 2) as string | undefined
      if (text === undefined) continue
      yield `${name}${text.replaceAll('\n', '\n  ')}`
    }
    before = ','
  }
  yield '\n}\n'
}

function isLong(value: unknown): value is unknown[] | ItemList {
  return (Array.isArray(value) || value instanceof ItemList) && value.length > PIECE
}
