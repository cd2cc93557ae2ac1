/** Processes that wait for the other end of a FIFO, as Linux tells it. */
import { readFileSync } from 'node:fs'

/** The function of the kernel in which a process waits that opens a FIFO. */
const WAITING = 'wait_for_partner'

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

/** Return what the system says of a process; nothing if it has ended. */
function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}
