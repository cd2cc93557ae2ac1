/** Zip archives whose members are stored or deflated, as NumPy and PyTorch write them. */
import { constants, crc32, deflateRawSync } from 'node:zlib'
import { Output, uint } from './output.ts'

/** The form of a member. */
export interface MemberOptions {
  readonly deflated?: boolean
  /** A stored member begins at a multiple of it. @default 1 */
  readonly alignment?: number
}

/** Writes an archive of less than 4 GiB. */
export class ZipWriter {
  readonly #output: Output
  readonly #directory: Buffer[] = []

  constructor(path: string) {
    this.#output = new Output(path)
  }

  /** Add a member. */
  add(name: string, content: Uint8Array, options: MemberOptions = {}): void {
    const { deflated = false, alignment = 1 } = options
    const offset = this.#output.position
    const bytes = deflated ? deflateRawSync(content, { level: constants.Z_BEST_SPEED }) : content
    const text = Buffer.from(name)
    const start = offset + 30 + text.length
    // An extra field has a head of four bytes.
    const padding = alignment === 1 ? 0 : ((alignment - ((start + 4) % alignment)) % alignment) + 4
    const extra = padding === 0 ? Buffer.alloc(0) : Buffer.alloc(padding)
    if (padding > 0) Buffer.concat([Buffer.from('FB'), uint(padding - 4, 2)]).copy(extra)
    const common = Buffer.concat([
      uint(20, 2),
      uint(0, 2),
      uint(deflated ? 8 : 0, 2),
      uint(0, 2),
      uint(0x21, 2),
      uint(crc32(content), 4),
      uint(bytes.length, 4),
      uint(content.length, 4),
      uint(text.length, 2),
    ])
    this.#output.write(Buffer.from('PK\u0003\u0004'), common, uint(extra.length, 2), text, extra, bytes)
    this.#directory.push(
      Buffer.from('PK\u0001\u0002'),
      uint(20, 2),
      common,
      uint(0, 2),
      uint(0, 2),
      uint(0, 2),
      uint(0, 2),
      uint(0, 4),
      uint(offset, 4),
      text,
    )
  }

  close(): void {
    const start = this.#output.position
    const members = this.#directory.length / 10
    this.#output.write(Buffer.concat(this.#directory))
    const length = this.#output.position - start
    this.#output.write(
      Buffer.from('PK\u0005\u0006'),
      uint(0, 4),
      uint(members, 2),
      uint(members, 2),
      uint(length, 4),
      uint(start, 4),
      uint(0, 2),
    )
    this.#output.close()
  }
}
