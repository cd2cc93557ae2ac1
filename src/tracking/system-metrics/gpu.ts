/** NVIDIA graphics processors, by their own tool. */
import { runProgram } from '../../subprocess/run.ts'
import { LineaprintError } from '../../core/errors.ts'
import type { SystemSource } from './system-source.ts'

/** What is asked for, what it is called here, and by how much it is multiplied. */
const FIELDS: readonly (readonly [field: string, name: string, factor: number])[] = [
  ['utilization.gpu', 'utilization_percent', 1],
  ['memory.used', 'memory_used_bytes', 1 << 20],
  ['memory.total', 'memory_total_bytes', 1 << 20],
  ['temperature.gpu', 'temperature_celsius', 1],
  ['power.draw', 'power_watts', 1],
]

/**
 * `gpu/<index>/…` for each device: `utilization_percent`, `memory_used_bytes`, `memory_total_bytes`,
 * `temperature_celsius`, `power_watts`; what a device does not say is left out. Nothing where the tool is not installed.
 *
 * @param environment Variables that the tool is found by.
 */
export function gpuSource(environment: NodeJS.ProcessEnv = process.env): SystemSource {
  return {
    name: 'graphics processors',
    // A program that has to be started.
    slow: true,
    sample: async (signal) => {
      const query = ['index', ...FIELDS.map(([field]) => field)].join(',')
      const result = await runProgram(
        'nvidia-smi',
        [`--query-gpu=${query}`, '--format=csv,noheader,nounits'],
        {
          directory: process.cwd(),
          environment,
          timeout: 5000,
          signal,
          outputLimit: 1 << 20,
        },
      )
      // Most machines have none, and that is no news.
      if (result.status === 'not-found') return undefined
      // What the system answers as well where a folder of PATH cannot be searched and the tool is in no other.
      if (result.status === 'failed' && result.reason.endsWith('EACCES')) return undefined
      if (result.status !== 'ended') throw failure(result.reason)
      const { code, stdout, stderr } = result
      if (code !== 0) throw failure(firstLine(stderr) || firstLine(stdout.toString()) || `exit code ${code}`)
      return parse(stdout.toString())
    },
  }
}

function parse(output: string): Record<string, number> {
  const values: Record<string, number> = {}
  for (const line of output.split('\n')) {
    const [index, ...cells] = line.split(',').map((cell) => cell.trim())
    if (index === undefined || !/^\d+$/.test(index)) continue
    FIELDS.forEach(([, name, factor], column) => {
      const cell = cells[column] ?? ''
      // `[N/A]` and its like say nothing.
      if (/^\d+(?:\.\d+)?$/.test(cell)) values[`gpu/${index}/${name}`] = Number(cell) * factor
    })
  }
  return values
}

function failure(reason: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', `nvidia-smi failed: ${reason}`)
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? ''
}
