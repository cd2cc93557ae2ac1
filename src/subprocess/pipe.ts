/**
 * Real pipes for the output of a command.
 *
 * The option `pipe` of Node creates a pair of sockets. A command that opens `/dev/stdout` fails on a socket,
 * and the end of a reader causes `Connection reset` instead of SIGPIPE. The pipes here are the same as those
 * of a shell.
 */
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import { versions } from 'node:process'
import { native } from '../native/load.ts'
import type { Readable } from 'node:stream'

/** A pipe whose write end is for a child process. */
export interface Pipe {
  readonly source: Readable
  readonly writeEnd: number
  readonly closeWriteEnd: () => void
}

/** False in Bun, whose sockets never read from the descriptor of a pipe: there is no data, no end and no error. */
export const canReadPipes: boolean = versions['bun'] === undefined

/**
 * Open a pipe; `undefined` if the system has no pipes that a child process can inherit, or no descriptor is
 * available.
 */
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
  if (!canReadPipes) return undefined
  try {
    return native.openPipe() ?? undefined
  } catch {
    // The caller then uses a pair of sockets. If that fails as well, the command is not started and the error
    // states the reason.
    return undefined
  }
}
