/** Table files, and changes that a careless or hostile writer might make. */
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { changedBytes, pick } from './support/changed-bytes.ts'
import type { TableFormat } from '../src/dataset/table.ts'
import type { Generator } from '../src/capture/seeds/generator.ts'

/** A table to read. */
export interface TableFile {
  readonly format: TableFormat
  readonly content: Buffer
}

const FOLDER = fileURLToPath(new URL('../vectors/tables/', import.meta.url))

/** The vector files that are worth changing: long ones consist almost only of values. */
const FILES: readonly TableFile[] = readdirSync(FOLDER)
  .filter((name) => !name.includes('painted'))
  .toSorted()
  .map((name) => ({
    format: name.endsWith('.parquet') ? 'parquet' : 'arrow',
    content: readFileSync(FOLDER + name),
  }))

const CELLS = ['', 'a', '1', 'x y', '"q"', '"a,b"', '"say ""no"""', '"l\nb"', 'é', '-0.5']

/** Return a valid table. */
export function soundTable(random: Generator): TableFile {
  if (random.integer(0, 3) > 0) return pick(random, FILES)
  const columns = random.integer(1, 4)
  const end = pick(random, ['\n', '\r\n'])
  const row = (): string => Array.from({ length: columns }, () => pick(random, CELLS)).join(',')
  const text = Array.from({ length: random.integer(1, 20) }, row).join(end)
  // An empty file is not a table: without its line end a single empty cell would be an empty file.
  return { format: 'csv', content: Buffer.from(text + (text === '' ? end : pick(random, ['', end]))) }
}

/** Return the table with a few changes to its bytes, most of them in the metadata of Parquet and Arrow. */
export function mutatedTable({ format, content }: TableFile, random: Generator): TableFile {
  let bytes = content
  for (let changes = random.integer(1, 4); changes > 0 && bytes.length > 0; changes--) {
    const isTail = format !== 'csv' && random.integer(0, 9) < 6
    const first = isTail ? Math.max(0, bytes.length - 900) : 0
    bytes = changedBytes(bytes, random.integer(first, bytes.length - 1), random)
  }
  return { format, content: bytes }
}
