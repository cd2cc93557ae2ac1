/** Random changes of bytes, as a careless or hostile writer might make them. */
import type { Generator } from '../../src/capture/seeds/generator.ts'

/** Numbers at which a reader overflows, wraps, or asks for too much. */
const NUMBERS = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x00010000, 0x40000000]

/** Return the bytes with one change at or near a position. */
export function changedBytes(bytes: Buffer, at: number, random: Generator): Buffer {
  const copy = Buffer.from(bytes)
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
  switch (random.integer(0, 7)) {
    case 0:
      copy[at] = random.integer(0, 255)
      return copy
    case 1:
      copy[at] = (copy[at] ?? 0) ^ (1 << random.integer(0, 7))
      return copy
    case 2:
      return Buffer.concat([before, after.subarray(random.integer(1, 8))])
    case 3: {
      const inserted = Uint8Array.from({ length: random.integer(1, 8) }, () => random.integer(0, 255))
      return Buffer.concat([before, inserted, after])
    }
    case 4:
      return Buffer.from(before)
    case 5:
      return Buffer.concat([before, bytes.subarray(Math.max(0, at - random.integer(1, 40)))])
    case 6:
      if (at + 8 > copy.length) return copy
      copy.writeBigUInt64LE(
        BigInt(pick(random, [...NUMBERS, copy.length])) << BigInt(pick(random, [0, 31])),
        at,
      )
      return copy
    default:
      if (at + 4 > copy.length) return copy
      copy.writeUInt32LE(pick(random, [...NUMBERS, copy.length]), at)
      return copy
  }
}

/** Return one of several. */
export function pick<T>(random: Generator, items: readonly T[]): T {
  const item = items[random.integer(0, items.length - 1)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}
