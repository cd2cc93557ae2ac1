import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import {
  countMessage,
  leaveMessage,
  passMessage,
  readReports,
  startMessage,
} from '../../../src/command/launcher/messages.ts'
import type { Report } from '../../../src/command/launcher/messages.ts'

test('a message is its length and its fields', () => {
  expect(
    startMessage([
      ['argument', 'a'],
      ['variable', Buffer.of(0xff)],
    ]).toString('latin1'),
  ).toBe('\u0017\0\0\0Sargument=a\0variable=\u00ff\0')
  expect([...passMessage(15)]).toEqual([2, 0, 0, 0, 75, 15])
  expect([...countMessage(1)]).toEqual([2, 0, 0, 0, 81, 1])
  expect([...leaveMessage()]).toEqual([1, 0, 0, 0, 76])
})

test('reports are read, however they arrive', async () => {
  const bytes = Buffer.concat([
    Buffer.from([5, 0, 0, 0, 80, 1, 1, 0, 0]),
    Buffer.from([6, 0, 0, 0, 67, 15, 2, 1, 0, 0]),
    // A kind that is not known is passed over.
    Buffer.from([1, 0, 0, 0, 90]),
    Buffer.from([30, 0, 0, 0, 68, 2, ...number(7), ...number(8), ...number(9), 28, 0, 0, 0]),
    Buffer.from([5, 0, 0, 0, 88, 3, 0, 0, 0]),
    Buffer.from([5, 0, 0, 0, 75, 9, 0, 0, 0]),
    Buffer.from([5, 0, 0, 0, 69, 2, 0, 0, 0]),
  ])
  for (const size of [1, 3, bytes.length]) {
    const socket = new PassThrough()
    const seen: Report[] = []
    readReports(socket, (report) => seen.push(report))
    for (let at = 0; at < bytes.length; at += size) socket.write(bytes.subarray(at, at + size))
    socket.end()
    await new Promise((done) => socket.once('end', done))
    expect(seen).toEqual([
      { kind: 'started', pid: 257 },
      { kind: 'received', signal: 15, count: 258 },
      { kind: 'ended', stream: 2, total: 7, uncopied: 8, unwritten: 9, errno: 28 },
      { kind: 'exited', code: 3 },
      { kind: 'signalled', signal: 9 },
      { kind: 'refused', errno: 2 },
    ])
  }
})

function number(value: number): number[] {
  return [value, 0, 0, 0, 0, 0, 0, 0]
}
