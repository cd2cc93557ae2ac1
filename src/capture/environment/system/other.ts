/** The machine where no files tell of it (macOS, Windows): what the library systeminformation finds out. */
import { createRequire } from 'node:module'
import { execPath } from 'node:process'
import { runProgram } from '../../../subprocess/run.ts'
import type { JsonObject, JsonValue } from '../../../core/json-value.ts'
import type { SourceContext } from '../source.ts'
import type { Machine } from './machine-facts.ts'

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
  await ask('cpu', async () => pick(await si.cpu(), ['brand', 'cores', 'physicalCores', 'flags']))
  await ask('mem', async () => pick(await si.mem(), ['total', 'available', 'swaptotal']))
  await ask('os', async () => pick(await si.osInfo(), ['distro', 'release', 'kernel']))
  await ask('graphics', async () => (await si.graphics()).controllers.map((one) => pick(one, ['vendor', 'model', 'vram', 'driverVersion'])))
})()
`

type Answers = ReadonlyMap<string, JsonValue>

/** Asks the library, within the time of the source. */
export async function askOther(context: SourceContext): Promise<Machine> {
  const answers = await probe(context)
  const os = answerAt(answers, 'os', context.warnings)
  const cpu = answerAt(answers, 'cpu', context.warnings)
  const memory = answerAt(answers, 'mem', context.warnings)
  const graphics = answers.get('graphics')
  return {
    distribution: text(os['distro']),
    release: text(os['release']),
    kernel: text(os['kernel']),
    processor: text(cpu['brand']),
    cores: count(cpu['cores']),
    physicalCores: count(cpu['physicalCores']),
    cpuFlags: text(cpu['flags']),
    memoryTotal: count(memory['total']),
    memoryAvailable: count(memory['available']),
    swapTotal: count(memory['swaptotal']),
    graphics: Array.isArray(graphics) ? (graphics as JsonObject[]) : undefined,
  }
}

async function probe({ directory, variables, options, signal, warnings }: SourceContext): Promise<Answers> {
  const answers = new Map<string, JsonValue>()
  const library = createRequire(import.meta.url).resolve('systeminformation')
  let output = ''
  const result = await runProgram(execPath, ['-e', PROBE, library], {
    directory,
    // Options meant for the run, such as a preload, are not for the probe.
    environment: { ...variables, NODE_OPTIONS: '', ELECTRON_RUN_AS_NODE: '1' },
    // Less than the source has, so that the answers that came are not lost with the late one.
    timeout: options.timeoutMs * 0.8,
    signal,
    outputLimit: 4 << 20,
    onOutput: (piece) => {
      output += piece.toString()
    },
  })
  if (result.status !== 'ended') warnings.push(`the system query stopped early: ${result.reason}`)
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
  warnings.push(`no result for ${name}`)
  return {}
}

function text(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function count(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}
