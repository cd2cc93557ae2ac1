/** Bytes that are kept in memory as long as they are few, and in a temporary file from then on. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { storeError, writeAll } from '../../util/fs.ts'
import { makeTemporary, sweepTemporary } from '../../util/temporary.ts'
import type { FileHandle } from 'node:fs/promises'
import type { TemporaryFolder } from '../../util/temporary.ts'

/** Bytes that are kept in memory at most. */
const LIMIT = 8 << 20

/** Bytes that are written at a time. */
const WINDOW = 1 << 20

/** Bytes in the order in which they were added. They are copied at once: their owner may change them afterwards. */
export class Spill {
  #bytes: Buffer<ArrayBuffer> = Buffer.from(new ArrayBuffer(WINDOW))
  #used = 0
  #position = 0
  #folder: TemporaryFolder | undefined
  #file: FileHandle | undefined

  async add(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength;) {
      const room = this.#bytes.byteLength - this.#used
      const part = bytes.subarray(at, at + room)
      this.#bytes.set(part, this.#used)
      this.#used += part.byteLength
      at += part.byteLength
      if (this.#used === this.#bytes.byteLength) await this.#makeRoom()
    }
  }

  /** Return what was added: its bytes, or the path of a file with them. */
  async end(): Promise<Uint8Array | string> {
    if (this.#folder === undefined) return this.#bytes.subarray(0, this.#used)
    await this.#flush()
    return this.#path
  }

  async remove(): Promise<void> {
    await this.#file?.close()
    await this.#folder?.remove()
  }

  get #path(): string {
    return join(this.#folder?.path ?? '', 'table.arrows')
  }

  async #makeRoom(): Promise<void> {
    if (this.#folder === undefined && this.#used < LIMIT) {
      this.#resize(2 * this.#bytes.byteLength)
      return
    }
    await this.#flush()
    // What is behind the limit passes through, and needs no more room than is written at a time.
    if (this.#bytes.byteLength > WINDOW) this.#resize(WINDOW)
  }

  /** Take another buffer with the same bytes, and free the one before at once: nothing else makes the engine collect it soon. */
  #resize(size: number): void {
    const before = this.#bytes
    this.#bytes = Buffer.from(new ArrayBuffer(size))
    before.copy(this.#bytes, 0, 0, this.#used)
    before.buffer.transfer(0)
  }

  async #flush(): Promise<void> {
    try {
      if (this.#folder === undefined) {
        this.#folder = await makeTemporary('lineaprint-')
        void sweepTemporary()
      }
      this.#file ??= await open(this.#path, 'wx', 0o600)
      await writeAll(this.#file, this.#bytes.subarray(0, this.#used), this.#position)
    } catch (cause) {
      const where = this.#folder === undefined ? 'the temporary folder' : this.#path
      throw storeError(where, 'the table cannot be written to the temporary folder', cause)
    }
    this.#position += this.#used
    this.#used = 0
  }
}
