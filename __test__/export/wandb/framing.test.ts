import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Framer } from '../../../src/export/wandb/framing.ts'

const BLOCK = 32 * 1024

/** The slow, obvious reader: block by block, chunk by chunk, as the format is described. */
function read(file: Buffer): Buffer[] {
  expect(file.subarray(0, 7).toString('hex')).toBe('3a572642e1be00')
  const records: Buffer[] = []
  let parts: Buffer[] | undefined
  let position = 7
  while (position < file.length) {
    const room = BLOCK - (position % BLOCK)
    if (room < 7) {
      if (file.subarray(position, position + room).some((byte) => byte !== 0)) throw new Error('padding')
      position += room
      continue
    }
    const [sum, length, type] = [
      file.readUInt32LE(position),
      file.readUInt16LE(position + 4),
      file.readUInt8(position + 6),
    ]
    const data = file.subarray(position + 7, position + 7 + length)
    expect(data.length).toBe(length)
    expect(length).toBeLessThanOrEqual(room - 7)
    expect(sum).toBe(crc32(Buffer.concat([Buffer.of(type), data])))
    expect(type === 1 || type === 2 ? parts === undefined : parts !== undefined).toBe(true)
    parts = [...(parts ?? []), data]
    if (type === 1 || type === 4) {
      records.push(Buffer.concat(parts))
      parts = undefined
    }
    position += 7 + length
  }
  expect(parts).toBeUndefined()
  return records
}

function framed(records: readonly Buffer[]): Buffer {
  const framer = new Framer()
  return Buffer.concat(records.map((record) => framer.frame(record)))
}

test('records of any length come back, wherever the blocks end', () => {
  const length = fc.oneof(fc.nat(40), fc.nat(200_000), fc.integer({ min: BLOCK - 40, max: BLOCK + 40 }))
  fc.assert(
    fc.property(fc.array(length, { minLength: 1, maxLength: 8 }), (lengths) => {
      const records = lengths.map((size, index) => Buffer.alloc(size, index + 1))
      expect(read(framed(records)).map((record) => record.toString('hex'))).toEqual(
        records.map((record) => record.toString('hex')),
      )
    }),
    { numRuns: 60 },
  )
})

test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])('a block that has %i bytes left', (left) => {
  const first = Buffer.alloc(BLOCK - 7 - 7 - left, 1)
  const records = [first, Buffer.from('next')]
  const file = framed(records)
  expect(read(file)).toEqual(records)
  // Fewer than 7 bytes hold no head of a chunk: they stay empty.
  const next = left < 7 ? BLOCK : BLOCK - left
  expect(file.readUInt8(next + 6)).toBe(left === 7 ? 2 : left === 8 ? 2 : 1)
})
