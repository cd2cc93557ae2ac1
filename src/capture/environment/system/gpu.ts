/** The source `gpu`: NVIDIA graphics processors, as `nvidia-smi` lists them. */
import { NotAvailable } from '../../../util/not-available.ts'
import { queryProgram, recordMissingReason } from '../source.ts'
import type { Source, SourceContext } from '../source.ts'
import type { GpuDevice } from '../types.ts'

/** Fields to query. Serial numbers and UUIDs are not recorded. */
const FIELDS = ['index', 'name', 'driver_version', 'memory.total']
/**
 * Fields that older drivers do not support. They are queried separately, because such a driver then returns
 * nothing at all.
 */
const LATER_FIELDS = ['index', 'compute_cap', 'mig.mode.current']

/** Source of devices, driver and CUDA version. Memory is in MiB. */
export const gpuSource: Source<'gpu'> = {
  name: 'gpu',
  probe: async (context) => {
    const { unseen } = context
    const [rows, laterRows, table] = await Promise.all([
      query(FIELDS, context),
      query(LATER_FIELDS, context).catch((): string[][] => []),
      queryProgram('nvidia-smi', [], context).catch(() => ''),
    ])
    if (rows.length === 0) throw new NotAvailable('nvidia-smi lists no device')
    // Only the table shows it; it is the newest version that the driver supports.
    const cuda = /CUDA(?: UMD)? Version\s*:\s*([0-9.]+)/.exec(table)?.[1]
    const devices = rows.map((cells) => device(cells, laterRows.find(([index]) => index === cells[0]) ?? []))
    for (const field of ['memory', 'computeCapability', 'mig'] as const)
      if (devices.some((gpu) => gpu[field] === null))
        unseen.set(`devices.${field}`, 'nvidia-smi does not report it for every device')
    return {
      driver: recordMissingReason(context, 'driver', known(rows[0]?.[2]), 'nvidia-smi does not report it'),
      cuda: recordMissingReason(context, 'cuda', cuda, 'nvidia-smi does not report the CUDA version'),
      devices,
    }
  },
}

async function query(fields: readonly string[], context: SourceContext): Promise<string[][]> {
  const output = await queryProgram(
    'nvidia-smi',
    [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits'],
    context,
  )
  return output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.split(',').map((cell) => cell.trim()))
}

function device(cells: readonly string[], [, capability, mig]: readonly string[]): GpuDevice {
  const [index, name, , memory] = cells
  if (name === undefined || memory === undefined) throw new NotAvailable('unexpected output of nvidia-smi')
  return {
    index: Number(index),
    name,
    memory: /^\d+$/.test(memory) ? Number(memory) : null,
    computeCapability: known(capability),
    mig: known(mig),
  }
}

/** Return the text of a cell; `null` for cells such as `[N/A]`. */
function known(cell: string | undefined): string | null {
  return cell === undefined || cell.startsWith('[') ? null : cell
}
