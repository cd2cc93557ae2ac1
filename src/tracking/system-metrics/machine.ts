/** Processor and memory usage of the whole machine. */
import { cpus, freemem, totalmem } from 'node:os'
import type { SystemSource } from './system-source.ts'

/**
 * Shortest usable interval, in milliseconds summed over all processors. The system counts in hundredths of a
 * second, so a shorter one is too inaccurate.
 */
const MIN_INTERVAL_MS = 100

/**
 * Create the source of `cpu_percent` (0 to 100, over all processors, since the previous sample),
 * `memory_used_bytes` (memory that is not available to programs) and `memory_percent` (of total memory). In a
 * container they describe the host.
 */
export function machineSource(): SystemSource {
  let before = processorTimes()
  return {
    name: 'processor and memory',
    sample: async () => {
      const current = processorTimes()
      const all = current.all - before.all
      const share = all < MIN_INTERVAL_MS ? undefined : 1 - (current.idle - before.idle) / all
      if (share !== undefined) before = current
      const used = totalmem() - freemem()
      return {
        ...(share !== undefined && { cpu_percent: Math.min(1, Math.max(0, share)) * 100 }),
        memory_used_bytes: used,
        memory_percent: (used / totalmem()) * 100,
      }
    },
  }
}

/** Return the milliseconds of all processors together since boot. */
function processorTimes(): { all: number; idle: number } {
  let [all, idle] = [0, 0]
  for (const { times } of cpus()) {
    all += times.user + times.nice + times.sys + times.irq + times.idle
    idle += times.idle
  }
  return { all, idle }
}
