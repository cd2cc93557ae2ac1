/** Facts about a machine that has no such files (macOS, Windows), from the library systeminformation. */
import process, { execPath } from 'node:process'
import { runProgram } from '../../../subprocess/run.ts'
import type { JsonObject, JsonValue } from '../../../core/json-value.ts'
import type { SourceContext } from '../source.ts'
import type { Machine } from './machine-facts.ts'

/**
 * The probe in a separate process. systeminformation runs programs and waits for them on the main thread: a
 * hung graphics driver or name server would block this process, and no timer could fire. The probe writes
 * each answer as a line, so that a late answer does not affect the others.
 */
const PROBE = `
const si = require(process.argv[1])
const pick = (from, names) => Object.fromEntries(names.map((name) => [name, from[name] ?? null]))
const report = (name, value) => process.stdout.write(JSON.stringify([name, value]) + '\\n')
const query = async (name, read) => { try { report(name, await read()) } catch (error) { report(name, { error: String(error) }) } }
;(async () => {
  await query('cpu', async () => pick(await si.cpu(), ['brand', 'cores', 'physicalCores', 'flags']))
  await query('mem', async () => pick(await si.mem(), ['total', 'available', 'swaptotal']))
  await query('os', async () => pick(await si.osInfo(), ['distro', 'release', 'kernel']))
  await query('graphics', async () => (await si.graphics()).controllers.map((controller) => pick(controller, ['vendor', 'model', 'vram', 'driverVersion'])))
})()
`

type Answers = ReadonlyMap<string, JsonValue>

/** Query the library within the time limit of the source. */
export async function queryMachine(context: SourceContext): Promise<Machine> {
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
  // A bundler that read this would take the whole library, and not find the modules of other systems.
  const library = process
    .getBuiltinModule('node:module')
    .createRequire(import.meta.url)
    .resolve('systeminformation')
  let output = ''
  const result = await runProgram(execPath, ['-e', PROBE, library], {
    directory,
    // Options that are meant for the run, such as a preload, must not affect the probe.
    environment: { ...variables, NODE_OPTIONS: '', ELECTRON_RUN_AS_NODE: '1' },
    // Shorter than the limit of the source, so that the answers received so far are kept if one is late.
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
    const fields = answer as JsonObject
    if (fields['error'] === undefined) return fields
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
