/**
 * Real pipes for the output of a command.
 *
 * What Node calls `pipe` is a pair of sockets: a command that opens `/dev/stdout` fails on one, and a reader
 * that goes away shows as `Connection reset` instead of SIGPIPE. These are pipes like those of a shell.
 */
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import { native } from '../native/load.ts'
import type { Readable } from 'node:stream'

/** A pipe whose write end is for a child process. */
export interface Pipe {
  readonly source: Readable
  readonly writeEnd: number
  readonly closeWriteEnd: () => void
}

/** Opens a pipe; `undefined` where the system has none that a child process can be given, or no descriptor is left. */
export function openPipe(): Pipe | undefined {
  const ends = openEnds()
  if (ends === undefined) return undefined
  const { readEnd, writeEnd } = ends
  return {
    source: new Socket({ fd: readEnd, readable: true, writable: false }),
    writeEnd,
    closeWriteEnd: () => closeSync(writeEnd),
  }
}

function openEnds(): { readonly readEnd: number; readonly writeEnd: number } | undefined {
  try {
    return native.openPipe() ?? undefined
  } catch {
    // A pair of sockets has to do, and if that cannot be had either the command is not started and says why.
    return undefined
  }
}
