/**
 * The execution of the processes of a run: the processors that they may use, the limits of their control group, and
 * settings of libraries. All of it can change the bits of a result, and all of it is known only while the run is running.
 */
import { readFile } from 'node:fs/promises'
import { platform } from 'node:process'
import { readLimits } from './cgroup.ts'
import type { CommandExecution } from '../types.ts'

/** Write numbers of processors as the system does: `0-3,8`. */
export function formatProcessors(numbers: readonly number[] | null): string | null {
  if (numbers === null) return null
  const parts: string[] = []
  const sorted = [...new Set(numbers)].toSorted((a, b) => a - b)
  for (let first = 0; first < sorted.length;) {
    let last = first
    while (sorted[last + 1] === (sorted[last] ?? 0) + 1) last++
    parts.push(first === last ? `${sorted[first]}` : `${sorted[first]}-${sorted[last]}`)
    first = last + 1
  }
  return parts.join(',')
}

/** Return how many processors a list such as `0-3,8` has; `undefined` for another text. */
export function countProcessors(list: string): number | undefined {
  let count = 0
  for (const part of list.split(',')) {
    const [, first = '', last = first] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? []
    if (first === '' || Number(last) < Number(first)) return undefined
    count += Number(last) - Number(first) + 1
  }
  return count
}

/**
 * Read how a process is executed. The wrappers of a command (`taskset`, `numactl`, `systemd-run`) change it after the
 * start.
 *
 * @returns `undefined` if the process has ended, or the system does not tell.
 */
export async function readExecution(pid: number): Promise<CommandExecution | undefined> {
  if (platform !== 'linux') return undefined
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    // A process that has ended and was not yet waited for has no memory.
    if (/^State:\s+[ZX]/m.test(status)) return undefined
    const affinity = /^Cpus_allowed_list:\s+(\S+)$/m.exec(status)?.[1] ?? null
    const { memory = null, cpus = null } = await readLimits('/', pid)
    return { affinity, cpuLimit: cpus, memoryLimit: memory }
  } catch {
    // The process has ended.
    return undefined
  }
}
