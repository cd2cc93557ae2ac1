/** The source `system`: machine and operating system. */
import { statfs } from 'node:fs/promises'
import { arch, cpus, hostname, release, totalmem } from 'node:os'
import { platform, report } from 'node:process'
import { systemReason } from '../../../util/fs.ts'
import { readLinux } from './linux.ts'
import { queryMachine } from './other.ts'
import { recordMissingReason, recordNonexistent } from '../source.ts'
import type { Source, SourceContext } from '../source.ts'
import type { SystemFindings } from '../types.ts'

/** Source of operating system, processor, memory, disk and graphics, without serial numbers and addresses. */
export const systemSource: Source<'system'> = {
  name: 'system',
  probe: async (context) => {
    const machine = await (platform === 'linux' ? readLinux() : queryMachine(context))
    const first = cpus()[0]?.model.trim() ?? ''
    // The name that the system gives the processor; some ARM systems have none and name only its parts.
    const cpu = first === '' || first === 'unknown' ? machine.processor : first
    const orReason = <T>(
      field: string,
      value: T | undefined,
      reason = 'the system does not report it',
    ): T | null => recordMissingReason(context, field, value, reason)
    return {
      platform,
      arch: arch(),
      distribution: orReason('distribution', machine.distribution),
      release:
        machine.release ??
        (machine.distribution === undefined
          ? orReason<string>('release', undefined)
          : recordNonexistent(context, 'release', 'this distribution has no release number')),
      kernel: machine.kernel ?? release(),
      libc:
        libc() ??
        (platform === 'linux'
          ? orReason<string>('libc', undefined, 'only glibc reports its version')
          : recordNonexistent(context, 'libc', 'only glibc reports its version')),
      cpu: orReason('cpu', cpu),
      cores: machine.cores ?? cpus().length,
      physicalCores: orReason('physicalCores', machine.physicalCores),
      cpuFlags: orReason('cpuFlags', machine.cpuFlags),
      memoryTotal: machine.memoryTotal ?? totalmem(),
      memoryAvailable: orReason('memoryAvailable', machine.memoryAvailable),
      swapTotal: orReason('swapTotal', machine.swapTotal),
      graphics: orReason('graphics', machine.graphics),
      hostName: hostname(),
      disk: await disk(context),
    }
  },
}

/**
 * Return the C library, for example `glibc 2.36`, if it reports its version: its rounding affects every
 * program.
 */
function libc(): string | undefined {
  // With network information, the report would wait for name servers; variables take a third of its time. The types do
  // not declare the first option yet.
  const reporter: typeof report & { excludeNetwork?: boolean } = report
  const { excludeNetwork = false, excludeEnv } = reporter
  Object.assign(reporter, { excludeNetwork: true, excludeEnv: true })
  const { header } = reporter.getReport() as { header?: { glibcVersionRuntime?: unknown } }
  Object.assign(reporter, { excludeNetwork, excludeEnv })
  const version = header?.glibcVersionRuntime
  return typeof version === 'string' ? `glibc ${version}` : undefined
}

async function disk(context: SourceContext): Promise<SystemFindings['disk']> {
  try {
    const { bsize, blocks, bavail } = await statfs(context.directory)
    return { size: bsize * blocks, free: bsize * bavail }
  } catch (error) {
    const reason = `statfs failed: ${systemReason(error)}`
    return recordMissingReason<NonNullable<SystemFindings['disk']>>(context, 'disk', undefined, reason)
  }
}
