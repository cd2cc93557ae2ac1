/** Write a network as a safetensors file. */
import { writeFile } from 'node:fs/promises'
import { SIZES } from './network.ts'
import type { Network } from './network.ts'

/** Write the parameters in the order of their names, without gaps. */
export async function writeNetwork(path: string, network: Network): Promise<void> {
  const shapes: Record<keyof Network, readonly number[]> = {
    'hidden.weight': [SIZES.hidden, SIZES.inputs],
    'hidden.bias': [SIZES.hidden],
    'output.weight': [SIZES.classes, SIZES.hidden],
    'output.bias': [SIZES.classes],
  }
  const names = (Object.keys(shapes) as (keyof Network)[]).toSorted()
  const header: Record<string, object> = {}
  let offset = 0
  for (const name of names) {
    const end = offset + network[name].byteLength
    header[name] = { dtype: 'F32', shape: shapes[name], data_offsets: [offset, end] }
    offset = end
  }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.byteLength))
  const data = names.map((name) => new Uint8Array(network[name].buffer))
  await writeFile(path, Buffer.concat([length, text, ...data]))
}
