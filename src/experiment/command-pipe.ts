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
  readonly closeWriteEnd: () => void
}

const run = promisify(execFile)

/** Opens pipes; `undefined` where the system has no FIFOs, and pairs of sockets have to do. */
export async function openPipes(count: number): Promise<Pipe[] | undefined> {
  if (process.platform === 'win32' || count === 0) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'lineaprint-'))
  const pipes: Pipe[] = []
  try {
    const paths = Array.from({ length: count }, (_, index) => join(folder, `pipe-${index}`))
    await run('mkfifo', ['-m', '600', ...paths])
    for (const path of paths) pipes.push(open(path))
    return pipes
  } catch {
    // No mkfifo, or a folder for temporary files that cannot hold one.
    for (const { source, closeWriteEnd } of pipes) {
      source.destroy()
      closeWriteEnd()
    }
    return undefined
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function open(path: string): Pipe {
  // Without O_NONBLOCK opening one end waits for the other.
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writeEnd = openSync(path, constants.O_WRONLY)
  return {
    source: new Socket({ fd: readEnd, readable: true, writable: false }),
    writeEnd,
    closeWriteEnd: () => closeSync(writeEnd),
  }
}
