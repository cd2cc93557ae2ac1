/** Machine and operating system. */
import { statfs } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, cpus, hostname, release, totalmem } from 'node:os'
import { execPath, platform, report } from 'node:process'
import { runProgram } from '../program.ts'
import type { JsonObject, JsonValue } from '../../json/value.ts'
import type { Source, SourceContext } from './source.ts'

/**
 * systeminformation runs programs and waits for them on the main thread: with a hung graphics driver or name
 * server it would stop this process, and no timer could fire. So it has a process of its own, which writes each
 * answer as a line, and what is late is lost alone.
 */
const PROBE = `
const si = require(process.argv[1])
const pick = (from, names) => Object.fromEntries(names.map((name) => [name, from[name] ?? null]))
const tell = (name, value) => process.stdout.write(JSON.stringify([name, value]) + '\\n')
const ask = async (name, look) => { try { tell(name, await look()) } catch (error) { tell(name, { error: String(error) }) } }
;(async () => {
  await ask('cpu', async () => pick(await si.cpu(), ['manufacturer', 'brand', 'family', 'model', 'stepping', 'cores', 'physicalCores', 'processors', 'flags']))
  await ask('mem', async () => pick(await si.mem(), ['total', 'available', 'swaptotal']))
  await ask('os', async () => pick(await si.osInfo(), ['distro', 'release', 'codename', 'kernel', 'build']))
  await ask('graphics', async () => (await si.graphics()).controllers.map((one) => pick(one, ['vendor', 'model', 'vram', 'driverVersion'])))
})()
`

type Answers = ReadonlyMap<string, JsonValue>

/** Operating system, processor, memory, disk and graphics, without serial numbers and addresses. */
export const systemSource: Source = {
  name: 'system',
  look: async (context) => {
    const { warnings } = context
    const answers = await probe(context)
    const os = answerAt(answers, 'os', warnings)
    const cpu = answerAt(answers, 'cpu', warnings)
    const memory = answerAt(answers, 'mem', warnings)
    const first = cpus()[0]?.model.trim() ?? ''
    return {
      platform,
      arch: arch(),
      distribution: text(os['distro']),
      release: text(os['release']),
      kernel: text(os['kernel']) ?? release(),
      libc: libc(),
      // The system's own name of the processor; where it has none, on some ARM systems, what lscpu makes of it.
      cpu: first === '' || first === 'unknown' ? text(cpu['brand']) : first,
      cores: cpu['cores'] ?? cpus().length,
      physicalCores: cpu['physicalCores'] ?? null,
      cpuFlags: text(cpu['flags']),
      memoryTotal: memory['total'] ?? totalmem(),
      memoryAvailable: memory['available'] ?? null,
      swapTotal: memory['swaptotal'] ?? null,
      graphics: Array.isArray(answers.get('graphics')) ? (answers.get('graphics') ?? null) : null,
      hostName: hostname(),
      disk: await disk(context.directory, warnings),
    }
  },
}

async function probe({ directory, variables, timeout, signal, warnings }: SourceContext): Promise<Answers> {
  const answers = new Map<string, JsonValue>()
  const library = createRequire(import.meta.url).resolve('systeminformation')
  let output = ''
  const result = await runProgram(execPath, ['-e', PROBE, library], {
    directory,
    // Options meant for the run, such as a preload, are not for the probe.
    environment: { ...variables, NODE_OPTIONS: '', ELECTRON_RUN_AS_NODE: '1' },
    // Less than the source has, so that the answers that came are not lost with the late one.
    timeout: timeout * 0.8,
    signal,
    outputLimit: 4 << 20,
    onOutput: (piece) => {
      output += piece.toString()
    },
  })
  if (result.status !== 'ended') warnings.push(`not everything could be asked: ${result.reason}`)
  for (const line of output.split('\n').slice(0, -1)) {
    const [name, value] = JSON.parse(line) as [string, JsonValue]
    answers.set(name, value)
  }
  return answers
}

function answerAt(answers: Answers, name: string, warnings: string[]): JsonObject {
  const answer = answers.get(name)
  if (answer !== null && typeof answer === 'object' && !Array.isArray(answer)) {
    const found = answer as JsonObject
    if (found['error'] === undefined) return found
  }
  warnings.push(`no answer about ${name}`)
  return {}
}

function text(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** `glibc 2.36`, or `null` where the C library does not say: its rounding is that of every program. */
function libc(): string | null {
  // With the network in it, the report waits for name servers. The types do not know the switch yet.
  const reporter: typeof report & { excludeNetwork?: boolean } = report
  const { excludeNetwork = false } = reporter
  reporter.excludeNetwork = true
  const { header } = reporter.getReport() as { header?: { glibcVersionRuntime?: unknown } }
  reporter.excludeNetwork = excludeNetwork
  const version = header?.glibcVersionRuntime
  return typeof version === 'string' ? `glibc ${version}` : null
}

async function disk(directory: string, warnings: string[]): Promise<JsonObject | null> {
  try {
    const { bsize, blocks, bavail } = await statfs(directory)
    return { size: bsize * blocks, free: bsize * bavail }
  } catch (error) {
    warnings.push(`the disk could not be asked: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`)
    return null
  }
}
