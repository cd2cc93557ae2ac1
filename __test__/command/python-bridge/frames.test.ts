/** Frames: however the bytes are cut, the same messages come out. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FRAME_LIMIT, FrameReader, toFrame } from '../../../src/command/python-bridge/frames.ts'

test('a stream gives the same frames however it is cut', () => {
  const values = fc.array(fc.oneof(fc.string({ maxLength: 300 }), fc.constant(''), fc.nat()), {
    maxLength: 8,
  })
  fc.assert(
    fc.property(values, fc.array(fc.nat({ max: 40 }), { minLength: 1 }), (messages, cuts) => {
      const bytes = Buffer.concat(messages.map((message) => toFrame(message)))
      const reader = new FrameReader()
      const found: unknown[] = []
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const length = (cuts[turn % cuts.length] ?? 0) + 1
        for (const frame of reader.push(bytes.subarray(at, at + length)))
          found.push(JSON.parse(frame.toString()))
        at += length
      }
      expect(found).toEqual(messages)
      expect(reader.pending).toBe(0)
    }),
  )
})

test('a length is checked before anything is kept for it', () => {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(FRAME_LIMIT + 1)
  const reader = new FrameReader()
  expect(() => [...reader.push(head)]).toThrow(
    expect.objectContaining({ code: 'ERR_LINEAPRINT_FORMAT', received: `${FRAME_LIMIT + 1} bytes` }),
  )
  head.writeUInt32BE(FRAME_LIMIT)
  const patient = new FrameReader()
  expect([...patient.push(head)]).toEqual([])
  expect(patient.pending).toBe(4)
})
