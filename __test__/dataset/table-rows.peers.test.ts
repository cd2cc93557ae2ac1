/** The rows that differ are those that DuckDB finds, for generated pairs of tables. */
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { diffTables } from '../../src/dataset/table-diff.ts'
import { createGenerator } from '../../src/index.ts'
import { folderOf } from '../support/folder.ts'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { ComparedRows } from '../../src/dataset/table-rows.ts'

const PAIRS = 200
const COLUMNS = ['id', 'x', 't', 'f'] as const

let connection: DuckDBConnection

beforeAll(async () => {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  connection = await instance.connect()
})

afterAll(() => connection.closeSync())

/** A row as SQL writes its cells. */
type Row = readonly string[]

interface Random {
  /** Return a whole number below a limit. */
  below(limit: number): number
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.below(values.length)] as T
}

function newRow(random: Random, ids: number): Row {
  return [
    random.below(20) === 0 ? 'NULL' : String(random.below(ids)),
    pick(random, ['NULL', "'NaN'::DOUBLE", '0.0::DOUBLE', "'-0.0'::DOUBLE", '1.5', '1e300', "'inf'::DOUBLE"]),
    pick(random, ['NULL', "''", "'a'", "'b'", "'ä'", "'a,b'"]),
    pick(random, ['NULL', 'true', 'false']),
  ]
}

/** Return a version of a table: rows inserted, deleted, updated, repeated and moved. */
function edited(random: Random, rows: readonly Row[], ids: number): Row[] {
  const after = [...rows]
  for (let edit = random.below(8); edit > 0; edit--) {
    const index = random.below(after.length + 1)
    const kind = random.below(6)
    if (kind === 0) after.splice(index, 0, newRow(random, ids))
    else if (kind === 1) after.splice(index, 1)
    else if (kind === 2 && after[index] !== undefined) {
      const column = random.below(COLUMNS.length)
      const other = newRow(random, ids)
      after[index] = after[index].map((cell, at) => (at === column ? (other[at] ?? cell) : cell))
    } else if (kind === 3 && after[index] !== undefined)
      after.splice(random.below(after.length + 1), 0, after[index])
    else if (kind === 4) {
      const [moved] = after.splice(index, 1)
      if (moved !== undefined) after.splice(random.below(after.length + 1), 0, moved)
    } else if (kind === 5 && random.below(4) === 0) after.reverse()
  }
  return after
}

async function create(name: string, rows: readonly Row[], path: string): Promise<void> {
  await connection.run(
    `CREATE OR REPLACE TABLE ${name} (pos BIGINT, id INTEGER, x DOUBLE, t VARCHAR, f BOOLEAN)`,
  )
  for (const [pos, row] of rows.entries())
    await connection.run(`INSERT INTO ${name} VALUES (${[pos, ...row].join(', ')})`)
  await connection.run(`COPY (SELECT id, x, t, f FROM ${name} ORDER BY pos) TO '${path}' (FORMAT parquet)`)
  // What the file holds counts: its writer takes 0.0 and -0.0 for one value of a dictionary.
  await connection.run(
    `CREATE OR REPLACE TABLE ${name} AS
     SELECT file_row_number AS pos, id, x, t, f FROM read_parquet('${path}', file_row_number = true)`,
  )
}

async function query(sql: string): Promise<unknown[][]> {
  const reader = await connection.runAndReadAll(sql)
  return reader.getRowsJson()
}

/** Text of a cell that is the same for the same bits alone. */
const text = (column: string): string => `coalesce('v' || ${column}::VARCHAR, 'n')`

/** Return what DuckDB finds: rows by their positions, cells by column, the order, and keys that occur several times. */
async function reference(key: readonly string[]): Promise<{
  rows: unknown[][]
  cells: unknown[]
  sameOrder: boolean
  duplicateKeys: unknown[]
}> {
  const value = COLUMNS.map(text).join(' || chr(31) || ')
  const keyText = key.length === 0 ? "''" : key.map(text).join(' || chr(31) || ')
  for (const name of ['a', 'b'])
    await connection.run(
      `CREATE OR REPLACE TABLE v${name} AS SELECT *, ${value} AS val, ${keyText} AS k FROM ${name}`,
    )
  await connection.run(`
    CREATE OR REPLACE TABLE inplace AS SELECT va.pos FROM va JOIN vb USING (pos) WHERE va.val = vb.val`)
  for (const name of ['a', 'b'])
    await connection.run(`
      CREATE OR REPLACE TABLE r${name} AS
      SELECT *, row_number() OVER (PARTITION BY val ORDER BY pos) AS n
      FROM v${name} WHERE pos NOT IN (SELECT pos FROM inplace)`)
  await connection.run(`
    CREATE OR REPLACE TABLE matched AS
    SELECT ra.pos AS pa, rb.pos AS pb FROM ra JOIN rb ON ra.val = rb.val AND ra.n = rb.n`)
  await connection.run(`
    CREATE OR REPLACE TABLE gone AS SELECT * FROM ra WHERE pos NOT IN (SELECT pa FROM matched);
    CREATE OR REPLACE TABLE fresh AS SELECT * FROM rb WHERE pos NOT IN (SELECT pb FROM matched)`)
  const joined =
    key.length === 0
      ? 'gone.pos = fresh.pos'
      : `gone.k = fresh.k AND (SELECT count(*) FROM va WHERE va.k = gone.k) = 1
         AND (SELECT count(*) FROM vb WHERE vb.k = gone.k) = 1`
  await connection.run(`
    CREATE OR REPLACE TABLE changed AS
    SELECT gone.pos AS pa, fresh.pos AS pb FROM gone JOIN fresh ON ${joined}`)
  const rows = await query(`
    SELECT 'changed', pa::VARCHAR, pb::VARCHAR FROM changed
    UNION ALL SELECT 'removed', pos::VARCHAR, NULL FROM gone WHERE pos NOT IN (SELECT pa FROM changed)
    UNION ALL SELECT 'added', NULL, pos::VARCHAR FROM fresh WHERE pos NOT IN (SELECT pb FROM changed)`)
  const cells: unknown[] = []
  for (const column of COLUMNS) {
    const [[count] = []] = await query(`
      SELECT count(*) FROM changed JOIN va ON va.pos = pa JOIN vb ON vb.pos = pb
      WHERE ${text(`va.${column}`)} <> ${text(`vb.${column}`)}`)
    cells.push(Number(count))
  }
  const [[moved] = []] = await query(`
    WITH pairs AS (
      SELECT pos AS pa, pos AS pb FROM inplace UNION ALL SELECT pa, pb FROM matched
      ${key.length === 0 ? '' : 'UNION ALL SELECT pa, pb FROM changed'}
    ), ranked AS (
      SELECT row_number() OVER (ORDER BY pa) AS x, row_number() OVER (ORDER BY pb) AS y FROM pairs
    ) SELECT count(*) FROM ranked WHERE x <> y`)
  const duplicateKeys: unknown[] = []
  for (const name of ['va', 'vb']) {
    const [[count] = []] = await query(
      `SELECT count(*) FROM (SELECT k FROM ${name} GROUP BY k HAVING count(*) > 1)`,
    )
    duplicateKeys.push(Number(count))
  }
  return { rows, cells, sameOrder: Number(moved) === 0, duplicateKeys }
}

const sorted = (rows: readonly (readonly unknown[])[]): string[] =>
  rows
    .map((row) => JSON.stringify(row.map((cell) => (cell === null || cell === undefined ? '' : cell))))
    .toSorted()

test(
  `${PAIRS} generated pairs give the answers of DuckDB, with and without a key`,
  { timeout: 600_000 },
  async () => {
    const root = folderOf({})
    const [first, second] = [join(root, 'a.parquet'), join(root, 'b.parquet')]
    const kinds = { changed: 0, removed: 0, added: 0, moved: 0, duplicates: 0 }
    for (let pair = 0; pair < PAIRS; pair++) {
      const generator = createGenerator(pair)
      const random: Random = { below: (limit) => Math.floor(generator.next() * limit) }
      const ids = pick(random, [3, 20, 1000])
      const rows = Array.from({ length: random.below(30) }, () => newRow(random, ids))
      await create('a', rows, first)
      await create('b', edited(random, rows, ids), second)
      for (const key of [[], ['id'], ['id', 't']]) {
        const expected = await reference(key)
        const { rows: compared, same } = await diffTables(first, second, { key, rows: 1000 })
        expect(compared.status).toBe('compared')
        const difference = compared as ComparedRows
        const seen = { pair, key }
        expect({
          ...seen,
          rows: sorted(
            difference.listed.map(({ status, before, after }) => [
              status,
              before?.toString(),
              after?.toString(),
            ]),
          ),
          sameOrder: difference.sameOrder,
          duplicateKeys: [difference.duplicateKeys?.before ?? 0, difference.duplicateKeys?.after ?? 0],
          cells: COLUMNS.map((name) => difference.columns.find((column) => column.name === name)?.rows ?? 0),
        }).toEqual({
          ...seen,
          rows: sorted(expected.rows),
          sameOrder: expected.sameOrder,
          // They are not looked for in equal tables.
          duplicateKeys: key.length === 0 || same ? [0, 0] : expected.duplicateKeys,
          cells: expected.cells,
        })
        const counts = { changed: 0, removed: 0, added: 0 }
        for (const { status } of difference.listed) counts[status]++
        expect(difference).toMatchObject(counts)
        kinds.changed += counts.changed
        kinds.removed += counts.removed
        kinds.added += counts.added
        kinds.moved += Number(!expected.sameOrder)
        kinds.duplicates += Number(expected.duplicateKeys.some((count) => Number(count) > 0))
      }
    }
    // Every kind of difference occurred.
    expect(Math.min(...Object.values(kinds))).toBeGreaterThan(20)
  },
)
