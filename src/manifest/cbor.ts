/** Deterministic CBOR of the few types that canonical descriptions use (`docs/format.md`, section 2). */

/** Writes one description, item by item. */
export class Cbor {
  readonly #parts: Uint8Array[] = []

  /** The head of an array; its items follow. */
  array(length: number): this {
    return this.#head(4, length)
  }

  text(text: string): this {
    const bytes = Buffer.from(text)
    return this.#head(3, bytes.byteLength).#add(bytes)
  }

  bytes(bytes: Uint8Array): this {
    return this.#head(2, bytes.byteLength).#add(bytes)
  }

  /** An integer from 0 to 2^53 - 1. */
  integer(value: number): this {
    return this.#head(0, value)
  }

  /** The bytes of everything that was written. */
  finish(): Uint8Array {
    return Buffer.concat(this.#parts)
  }

  #add(bytes: Uint8Array): this {
    this.#parts.push(bytes)
    return this
  }

  /** A type and a number in the shortest form. */
  #head(type: number, value: number): this {
    const first = type << 5
    if (value < 24) return this.#add(Uint8Array.of(first | value))
    if (value < 2 ** 8) return this.#add(Uint8Array.of(first | 24, value))
    const head = Buffer.alloc(9)
    if (value < 2 ** 16) {
      head.writeUInt8(first | 25)
      head.writeUInt16BE(value, 1)
      return this.#add(head.subarray(0, 3))
    }
    if (value < 2 ** 32) {
      head.writeUInt8(first | 26)
      head.writeUInt32BE(value, 1)
      return this.#add(head.subarray(0, 5))
    }
    head.writeUInt8(first | 27)
    head.writeBigUInt64BE(BigInt(value), 1)
    return this.#add(head)
  }
}
