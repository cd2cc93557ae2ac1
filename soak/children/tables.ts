/**
 * Reads tables that were changed at random, on one thread and on several, and CSV with a slow reader as well.
 *
 * Arguments: first case, number of cases, seed, folder. Prints a line of JSON now and then: who listens knows that
 * nothing hangs. The file of the case under way lies in the folder.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Generator } from '../../src/capture/seeds/generator.ts'
import { hashTable } from '../../src/dataset/table.ts'
import { LineaprintError } from '../../src/errors.ts'
import { mutatedTable, soundTable } from '../tables-mutate.ts'
import { looksSound, readCsvSlowly } from '../tables-reader.ts'
import type { TableHash } from '../../src/dataset/table.ts'
import type { FuzzReport } from '../support/fuzz.ts'
import type { TableFile } from '../tables-mutate.ts'

const [first, count, seed, folder = ''] = process.argv.slice(2)

/** Milliseconds that a reading may take: the files are of a few kilobytes. */
const SLOW = 1000

/** Cases per line. */
const LINE = 250

/** What a file can be refused with. Anything else would be a bug. */
const REFUSALS = new Set(['ERR_LINEAPRINT_FORMAT', 'ERR_LINEAPRINT_UNSUPPORTED'])

let [done, read, refused, naive, slowest] = [0, 0, 0, 0, 0]
let failures: string[] = []
const end = Number(first) + Number(count)
for (let index = Number(first); index < end; index++) {
  const failure = await once(index)
  if (failure !== undefined) failures.push(`seed ${Number(seed) + index}: ${failure}`)
  if (++done < LINE && index + 1 < end) continue
  const report: FuzzReport = { done, read, refused, naive, slowest, failures }
  process.stdout.write(`${JSON.stringify(report)}\n`)
  ;[done, read, refused, naive, slowest] = [0, 0, 0, 0, 0]
  failures = []
}

async function once(index: number): Promise<string | undefined> {
  const random = new Generator(Number(seed) + index)
  const sound = soundTable(random)
  // Some stay sound: a reader that refuses everything would pass otherwise.
  const table = random.integer(0, 19) === 0 ? sound : mutatedTable(sound, random)
  const path = join(folder, 'table')
  writeFileSync(path, table.content)
  const from = performance.now()
  const one = await attempt(path, table, 1)
  const took = performance.now() - from
  const many = await attempt(path, table, 3)
  rmSync(path)
  slowest = Math.max(slowest, took)
  if (took > SLOW) return `took ${Math.round(took)} ms`
  if (typeof one === 'string' || typeof many === 'string') {
    refused++
    if (one !== many) return `${codeOf(one)} on one thread, ${codeOf(many)} on three`
    if (typeof one === 'string' && !REFUSALS.has(one)) return one
    if (table.content.length > 8 && looksSound(table.format, table.content)) naive++
    return table.format === 'csv' && slowly(table) !== undefined
      ? 'refused, and the slow reader takes it'
      : undefined
  }
  read++
  if (one.digest.toString() !== many.digest.toString()) return 'threads count'
  return table.format === 'csv' ? compareSlowly(one, table) : undefined
}

/** The table, or the code of the error, or an error that has none in words. */
async function attempt(path: string, { format }: TableFile, threads: number): Promise<TableHash | string> {
  try {
    return await hashTable(path, { format, threads })
  } catch (error) {
    return LineaprintError.is(error) ? error.code : `an error without a code: ${String(error)}`
  }
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

/** The rows of the slow reader as JSON lines, which another reader of ours makes blocks of. */
async function compareSlowly(table: TableHash, file: TableFile): Promise<string | undefined> {
  const [header, ...rows] = slowly(file) ?? []
  if (header === undefined) return 'read, and the slow reader refuses it'
  const names = header.map((_, place) => `c${place}`)
  const lines = rows.map((row) =>
    JSON.stringify(Object.fromEntries(row.map((cell, place) => [names[place], cell]))),
  )
  const schema = Object.fromEntries(names.map((name) => [name, 'utf8']))
  const other = await hashTable(Buffer.from(lines.join('\n')), { format: 'jsonl', schema })
  const [a, b] = [table, other].map(({ columns }) => JSON.stringify(columns.map(({ blocks }) => blocks)))
  if (a !== b) return `read as ${a}, and of the slow reader ${b}`
  const found = table.columns.map(({ name }) => name)
  return JSON.stringify(found) === JSON.stringify(header) ? undefined : `columns ${JSON.stringify(found)}`
}
