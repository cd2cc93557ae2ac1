/**
 * Read randomly changed tables, on one thread and on several, and CSV with a slow reader as well. Parquet and Arrow
 * are held against pyarrow, if it is installed.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Generator } from '../../src/capture/seeds/generator.ts'
import { hashTable } from '../../src/dataset/table.ts'
import { LineaprintError } from '../../src/core/errors.ts'
import { fuzzCases } from '../support/fuzz-cases.ts'
import { mutatedTable, soundTable } from '../tables-mutate.ts'
import { TablePeer, compareWithPeer } from '../tables-peer.ts'
import { hasValidEnds, readCsvSlowly } from '../tables-reader.ts'
import type { TableHash } from '../../src/dataset/table.ts'
import type { TableFile } from '../tables-mutate.ts'

/** The error codes of refused files. Any other would be a bug. */
const REFUSALS = new Set(['ERR_LINEAPRINT_FORMAT', 'ERR_LINEAPRINT_UNSUPPORTED'])

const peer = TablePeer.isInstalled ? new TablePeer() : undefined

await fuzzCases(async (seed, folder) => {
  const random = new Generator(seed)
  const sound = soundTable(random)
  // Some stay valid: otherwise a reader that refuses everything would pass.
  const table = random.integer(0, 19) === 0 ? sound : mutatedTable(sound, random)
  const path = join(folder, 'table')
  writeFileSync(path, table.content)
  const from = performance.now()
  const single = await attempt(path, table, 1)
  const took = performance.now() - from
  const many = await attempt(path, table, 3)
  const unlikePeer = peer && (await heldAgainst(peer, path, table))
  rmSync(path)
  if (typeof single === 'string' || typeof many === 'string') {
    const naive = table.content.length > 8 && hasValidEnds(table.format, table.content)
    return { outcome: 'refused', took, naive, failure: wrongRefusal(single, many, table) }
  }
  return { outcome: 'read', took, failure: unlikePeer ?? (await wrongReading(single, many, table)) }
})

peer?.close()

function wrongRefusal(
  single: TableHash | string,
  many: TableHash | string,
  table: TableFile,
): string | undefined {
  if (single !== many) return `${codeOf(single)} on one thread, ${codeOf(many)} on three`
  if (typeof single === 'string' && !REFUSALS.has(single)) return single
  return table.format === 'csv' && slowly(table) !== undefined
    ? 'refused, and the slow reader takes it'
    : undefined
}

async function wrongReading(
  single: TableHash,
  many: TableHash,
  table: TableFile,
): Promise<string | undefined> {
  if (single.digest.toString() !== many.digest.toString()) return 'threads count'
  return table.format === 'csv' ? compareSlowly(single, table) : undefined
}

/** Return the table, the code of the error, or the text of an error without a code. */
async function attempt(path: string, { format }: TableFile, threads: number): Promise<TableHash | string> {
  try {
    return await hashTable(path, { format, threads })
  } catch (error) {
    return LineaprintError.is(error) ? error.code : `an error without a code: ${String(error)}`
  }
}

/** Compare with pyarrow, which reads no CSV here: the slow reader is stricter. */
async function heldAgainst(
  pyarrow: TablePeer,
  path: string,
  { format }: TableFile,
): Promise<string | undefined> {
  if (format === 'csv') return undefined
  const hashed = await hashTable(path, { format, algorithm: 'sha256' }).catch(() => undefined)
  return hashed && compareWithPeer(hashed, await pyarrow.read(path, format))
}

function codeOf(outcome: TableHash | string): string {
  return typeof outcome === 'string' ? outcome : 'read'
}

function slowly({ content }: TableFile): string[][] | undefined {
  try {
    return readCsvSlowly(content)
  } catch {
    return undefined
  }
}

/**
 * Compare with the slow reader: its rows become JSON lines, which another reader of lineaprint splits into
 * blocks.
 */
async function compareSlowly(table: TableHash, file: TableFile): Promise<string | undefined> {
  const [header, ...rows] = slowly(file) ?? []
  if (header === undefined) return 'read, and the slow reader refuses it'
  const names = header.map((_, index) => `c${index}`)
  const lines = rows.map((row) =>
    JSON.stringify(Object.fromEntries(row.map((cell, index) => [names[index], cell]))),
  )
  const schema = Object.fromEntries(names.map((name) => [name, 'utf8']))
  const other = await hashTable(Buffer.from(lines.join('\n')), { format: 'jsonl', schema })
  const [a, b] = [table, other].map(({ columns }) => JSON.stringify(columns.map(({ blocks }) => blocks)))
  if (a !== b) return `read as ${a}, and of the slow reader ${b}`
  const columnNames = table.columns.map(({ name }) => name)
  return JSON.stringify(columnNames) === JSON.stringify(header)
    ? undefined
    : `columns ${JSON.stringify(columnNames)}`
}
