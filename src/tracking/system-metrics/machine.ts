/** Processor and memory of the whole machine. */
import { cpus, freemem, totalmem } from 'node:os'
import type { SystemSource } from './system-source.ts'

/** Of all processors together; the system counts in hundredths of a second, and less says nothing. */
const LEAST_MS = 100

/**
 * `cpu_percent` from 0 to 100, of all processors since the sample before; `memory_used_bytes`: what programs could not
 * have at once, and `memory_percent` of all there is. In a container they are those of the machine around it.
 */
export function machineSource(): SystemSource {
  let before = processorTimes()
  return {
    name: 'processor and memory',
    sample: async () => {
      const now = processorTimes()
      const all = now.all - before.all
      const share = all < LEAST_MS ? undefined : 1 - (now.idle - before.idle) / all
      if (share !== undefined) before = now
      const used = totalmem() - freemem()
      return {
        ...(share !== undefined && { cpu_percent: Math.min(1, Math.max(0, share)) * 100 }),
        memory_used_bytes: used,
        memory_percent: (used / totalmem()) * 100,
      }
    },
  }
}

/** Milliseconds of all processors together since boot. */
function processorTimes(): { all: number; idle: number } {
  let [all, idle] = [0, 0]
  for (const { times } of cpus()) {
    all += times.user + times.nice + times.sys + times.irq + times.idle
    idle += times.idle
  }
  return { all, idle }
}
