/** Messages between this process and the launcher: a length of four bytes, and then that many. */
import type { Readable } from 'node:stream'

/** A message of the launcher. Numbers of errors and signals are the system's. */
export type Report =
  | { readonly kind: 'started'; readonly pid: number }
  | { readonly kind: 'refused'; readonly errno: number }
  | { readonly kind: 'received'; readonly signal: number; readonly count: number }
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: number }
  | ({ readonly kind: 'ended'; readonly stream: number } & StreamTotals)

/** Totals of a stream of the command that has ended. */
export interface StreamTotals {
  /** Bytes that the command wrote. */
  readonly total: number
  /** Bytes that this process did not get, because it did not read. */
  readonly uncopied: number
  /** Bytes that the target did not take. */
  readonly unwritten: number
  /** The system's number of the error of the target; 0 if there was none. */
  readonly errno: number
}

/** Return the message that asks for the start of a command. */
export function startMessage(fields: readonly (readonly [name: string, value: string | Buffer])[]): Buffer {
  const parts = fields.flatMap(([name, value]) => [Buffer.from(`${name}=`), Buffer.from(value), Buffer.of(0)])
  return message('S', Buffer.concat(parts))
}

/** Return the message that sends a signal to the command. */
export function passMessage(signal: number): Buffer {
  return message('K', Buffer.of(signal))
}

/** Return the message that asks how often the launcher received a signal. */
export function countMessage(signal: number): Buffer {
  return message('Q', Buffer.of(signal))
}

/** Return the message that this process leaves, and nobody waits for output any more. */
export function leaveMessage(): Buffer {
  return message('L', Buffer.alloc(0))
}

function message(kind: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32LE(body.length + 1)
  head.write(kind, 4)
  return Buffer.concat([head, body])
}

/** Call `take` with each message of the launcher. */
export function readReports(socket: Readable, take: (report: Report) => void): void {
  let pending = Buffer.alloc(0)
  socket.on('data', (bytes: Buffer) => {
    pending = Buffer.concat([pending, bytes])
    while (pending.length >= 4) {
      const end = 4 + pending.readUInt32LE()
      if (pending.length < end) break
      const report = parseReport(pending.subarray(4, end))
      pending = pending.subarray(end)
      if (report !== undefined) take(report)
    }
  })
}

function parseReport(body: Buffer): Report | undefined {
  switch (String.fromCodePoint(body[0] ?? 0)) {
    case 'P':
      return { kind: 'started', pid: body.readInt32LE(1) }
    case 'E':
      return { kind: 'refused', errno: body.readInt32LE(1) }
    case 'C':
      return { kind: 'received', signal: body.readUInt8(1), count: body.readUInt32LE(2) }
    case 'X':
      return { kind: 'exited', code: body.readInt32LE(1) }
    case 'K':
      return { kind: 'signalled', signal: body.readInt32LE(1) }
    case 'D':
      return {
        kind: 'ended',
        stream: body.readUInt8(1),
        total: Number(body.readBigUInt64LE(2)),
        uncopied: Number(body.readBigUInt64LE(10)),
        unwritten: Number(body.readBigUInt64LE(18)),
        errno: body.readInt32LE(26),
      }
    default:
      return undefined
  }
}
