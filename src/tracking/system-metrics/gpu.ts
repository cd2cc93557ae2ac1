/** Metrics of NVIDIA GPUs, read with `nvidia-smi`. */
import { runProgram } from '../../subprocess/run.ts'
import { LineaprintError } from '../../core/errors.ts'
import type { SystemSource } from './system-source.ts'

/** Fields queried from `nvidia-smi`: its name, the name of the metric, and the factor to its unit. */
const FIELDS: readonly (readonly [field: string, name: string, factor: number])[] = [
  ['utilization.gpu', 'utilization_percent', 1],
  ['memory.used', 'memory_used_bytes', 1 << 20],
  ['memory.total', 'memory_total_bytes', 1 << 20],
  ['temperature.gpu', 'temperature_celsius', 1],
  ['power.draw', 'power_watts', 1],
]

/**
 * Create the source of `gpu/<index>/…` for each device: `utilization_percent`, `memory_used_bytes`,
 * `memory_total_bytes`, `temperature_celsius` and `power_watts`. Values that a device does not report are
 * left out. The source ends if the tool is not installed.
 *
 * @param environment Environment variables used to find the tool.
 */
export function gpuSource(environment: NodeJS.ProcessEnv = process.env): SystemSource {
  return {
    name: 'graphics processors',
    // Each sample starts a program.
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
      // Most machines have no NVIDIA GPU, so this is not worth a warning.
      if (result.status === 'not-found') return undefined
      // The system also returns EACCES if a folder on PATH cannot be searched and no other folder has the
      // tool.
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
      // A cell such as `[N/A]` has no value.
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
