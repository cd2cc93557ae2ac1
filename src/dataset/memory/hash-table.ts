/** Digests of tables in memory: they are written as a stream of Arrow, and read as any file of it. */
import { hashTable } from '../table.ts'
import { STREAM_END, batchMessages, schemaMessage } from './arrow-stream.ts'
import { Spill } from './spill.ts'
import type { TableHash, TableOptions } from '../table.ts'
import type { ColumnData } from './arrow-stream.ts'
import type { MemoryTable } from './records.ts'

/** Options of a table in memory. */
export type MemoryTableOptions = Pick<
  TableOptions,
  'algorithm' | 'signal' | 'onProgress' | 'threads' | 'unordered' | 'statistics'
>

/** Hash a table in memory. */
export async function hashMemoryTable(
  { fields, batches }: MemoryTable,
  options: MemoryTableOptions,
): Promise<TableHash> {
  const spill = new Spill()
  const written = new Map<number, ColumnData>()
  try {
    for (const part of schemaMessage(fields)) await spill.add(part)
    for await (const batch of batches) {
      options.signal?.throwIfAborted()
      for (const part of batchMessages(fields, batch, written)) await spill.add(part)
    }
    await spill.add(STREAM_END)
    const { path: _, ...hashed } = await hashTable(await spill.end(), { ...options, format: 'arrow' })
    return hashed
  } finally {
    await spill.remove()
  }
}
