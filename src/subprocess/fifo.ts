/** Processes that wait for the other end of a FIFO, as Linux tells it. */
import { readFileSync } from 'node:fs'

/** The function of the kernel in which a process waits that opens a FIFO. */
const WAITING = 'wait_for_partner'

/** Milliseconds between two probes of a program that may wait for a FIFO. */
const PROBE_MS = 250

/** Processes that are looked at, of one program and those that it started. */
const PROCESS_LIMIT = 64

/**
 * Return the process that waits to open a FIFO: the program or a process that it started.
 *
 * @param name Only processes of this name count: a FIFO is the usual way for others to wait.
 * @returns `undefined` if there is none, or if the system does not tell.
 */
export function waitsForFifo(pid: number, name: string): number | undefined {
  const processes = [pid]
  for (let at = 0; at < processes.length && at < PROCESS_LIMIT; at++) {
    const process = processes[at] ?? 0
    if (read(process, 'wchan') === WAITING && read(process, 'comm').trim() === name) return process
    const started = read(process, `task/${process}/children`).split(' ').map(Number)
    processes.push(...started.filter((child) => child > 0))
  }
  return undefined
}

/**
 * Watch a program for a FIFO, and return the function that ends this.
 *
 * @param pidOf Returns the process id; `undefined` while the program does not run.
 * @param stop Ends the program, and takes the result of it.
 */
export function watchFifo(
  pidOf: () => number | undefined,
  name: string,
  stop: (reason: { readonly status: 'failed'; readonly reason: string }) => void,
): () => void {
  // A program that has a partner waits for it for a moment only.
  let seen: number | undefined
  const timer = setInterval(() => {
    const pid = pidOf()
    const waiting = pid === undefined ? undefined : waitsForFifo(pid, name)
    if (waiting !== undefined && waiting === seen)
      stop({ status: 'failed', reason: `${name} would not end: it waits for a FIFO` })
    seen = waiting
  }, PROBE_MS)
  return () => clearInterval(timer)
}

/** Return what the system says of a process; nothing if it has ended. */
function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}
