/**
 * W&B's file format: the log format of LevelDB with a header of its own. Blocks of 32 KiB hold chunks, each
 * with a checksum; a record that does not fit into its block continues in the next ones.
 */
import { crc32 } from 'node:zlib'

const BLOCK = 32 * 1024
/** Checksum (4 bytes), length (2), type (1). */
const CHUNK_HEAD = 7

/** `:W&B`, 0xBEE1 in little-endian order, version 0. It counts as part of the first block. */
const FILE_HEAD = Buffer.from([0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0x00])

const FULL = 1
const FIRST = 2
const MIDDLE = 3
const LAST = 4

/** The framer of records, one after the other; its results must be written in that order. */
export class Framer {
  #position = 0

  /** Return the framed bytes of a record; those of the first one start with the head of the file. */
  frame(record: Uint8Array): Buffer {
    const parts: Uint8Array[] = []
    if (this.#position === 0) this.#add(parts, FILE_HEAD)
    let start = 0
    let isFirst = true
    let isLast = false
    while (!isLast) {
      let room = BLOCK - (this.#position % BLOCK)
      if (room < CHUNK_HEAD) {
        this.#add(parts, Buffer.alloc(room))
        room = BLOCK
      }
      const end = Math.min(record.length, start + room - CHUNK_HEAD)
      isLast = end === record.length
      const type = isFirst ? (isLast ? FULL : FIRST) : isLast ? LAST : MIDDLE
      this.#add(parts, chunk(type, record.subarray(start, end)))
      // If only a head fits, the first chunk is empty.
      isFirst = false
      start = end
    }
    return Buffer.concat(parts)
  }

  #add(parts: Uint8Array[], bytes: Uint8Array): void {
    parts.push(bytes)
    this.#position += bytes.length
  }
}

function chunk(type: number, data: Uint8Array): Buffer {
  const head = Buffer.alloc(CHUNK_HEAD)
  // The common CRC-32 over type and data, not the masked CRC-32C of LevelDB itself.
  head.writeUInt32LE(crc32(data, crc32(Buffer.from([type]))), 0)
  head.writeUInt16LE(data.length, 4)
  head.writeUInt8(type, 6)
  return Buffer.concat([head, data])
}
