/**
 * Real pipes for the output of a command.
 *
 * What Node calls `pipe` is a pair of sockets: a command that opens `/dev/stdout` fails on one, and a reader
 * that goes away shows as `Connection reset` instead of SIGPIPE. A FIFO that is unlinked once both ends are
 * open is a pipe like that of a shell.
 */
import { execFile } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Readable } from 'node:stream'

/** A pipe whose write end is for a child process. */
export interface Pipe {
  readonly source: Readable
  readonly writeEnd: number
  closeWriteEnd(): void
}

const run = promisify(execFile)

/** Opens a pipe; `undefined` where the system has no FIFOs, and a pair of sockets has to do. */
export async function openPipe(): Promise<Pipe | undefined> {
  if (process.platform === 'win32') return undefined
  const folder = await mkdtemp(join(tmpdir(), 'lineaprint-'))
  try {
    const path = join(folder, 'pipe')
    await run('mkfifo', ['-m', '600', path])
    // Without O_NONBLOCK opening one end waits for the other.
    const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const writeEnd = openSync(path, constants.O_WRONLY)
    return {
      source: new Socket({ fd: readEnd, readable: true, writable: false }),
      writeEnd,
      closeWriteEnd: () => closeSync(writeEnd),
    }
  } catch {
    // No mkfifo, or a folder for temporary files that cannot hold one.
    return undefined
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
