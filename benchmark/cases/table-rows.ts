/** Cases of two versions of a table: the rows that differ, and rows that are in two splits. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { findLeaks } from '../../src/dataset/leaks.ts'
import { diffTables } from '../../src/dataset/table-diff.ts'
import { hashTable } from '../../src/dataset/table.ts'
import { runProgram } from '../measure.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant } from '../measure.ts'

/** The Python from scripts/setup-peers.sh: pyarrow writes the tables. */
const PYTHON = fileURLToPath(new URL('../../.peers/tables/bin/python', import.meta.url))

/** Reads both tables with Polars, and keeps the rows that the other one has not. */
const POLARS = `
import sys
import polars as pl
before, after = (pl.read_parquet(path) for path in sys.argv[1:3])
columns = before.columns
before.join(after, on=columns, how="anti", nulls_equal=True)
after.join(before, on=columns, how="anti", nulls_equal=True)
`

/** Return the cases; none without pyarrow, which writes the tables. */
export function tableRowCases(inputs: Inputs): Case[] {
  if (!existsSync(PYTHON)) return []
  const rows = inputs.sizes.rows.toLocaleString('en')
  return [
    pair(inputs, 'cells', `two Parquet files of ${rows} rows, 1,000 cells changed`),
    pair(inputs, 'rows', `two Parquet files of ${rows} rows, 500 rows removed and 500 added`),
    {
      name: 'table-leaks',
      title: `rows of a Parquet file of ${rows} rows that are in one of a tenth of them`,
      prepare: async () => {
        const { path, bytes } = inputs.parquetFile(PYTHON)
        const test = inputs.editedParquet(PYTHON, 'tenth').path
        const run = async (): Promise<string> => {
          const { pairs } = await findLeaks({ train: path, test }, { examples: 0 })
          return String(pairs[0]?.secondItems)
        }
        return Promise.resolve({
          bytes,
          contestants: [{ name: 'lineaprint findLeaks', role: 'ours', child: false, run }],
          missing: [],
        })
      },
    },
  ]
}

function pair(inputs: Inputs, edit: 'cells' | 'rows', title: string): Case {
  return {
    name: `table-diff-${edit}`,
    title,
    prepare: async () => {
      const { path: before, bytes } = inputs.parquetFile(PYTHON)
      const after = inputs.editedParquet(PYTHON, edit).path
      const contestants: Contestant[] = [
        {
          name: 'lineaprint diffTables, with rows',
          role: 'ours',
          child: false,
          run: async () => {
            const { rows } = await diffTables(before, after)
            if (rows.status !== 'compared') throw new Error(rows.reason)
            return `${rows.removed + rows.changed} ${rows.added + rows.changed}`
          },
        },
        {
          name: 'lineaprint hashTable of both',
          role: 'part',
          child: false,
          run: async () => {
            await hashTable(before)
            await hashTable(after)
            return undefined
          },
        },
        {
          name: 'DuckDB, EXCEPT ALL both ways',
          role: 'peer',
          child: false,
          run: async () => except(before, after),
        },
        {
          name: 'Polars, anti joins both ways',
          role: 'peer',
          child: true,
          run: async () => {
            await runProgram(PYTHON, ['-c', POLARS, before, after])
            return undefined
          },
        },
      ]
      return Promise.resolve({ bytes: bytes * 2, contestants, missing: [] })
    },
  }
}

/** Count the rows of each file that the other has not, with DuckDB. */
async function except(before: string, after: string): Promise<string> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    const count = async (a: string, b: string): Promise<number> => {
      const sql = `SELECT count(*) FROM (SELECT * FROM '${a}' EXCEPT ALL SELECT * FROM '${b}')`
      const [[value] = []] = (await connection.runAndReadAll(sql)).getRowsJson()
      return Number(value)
    }
    return `${await count(before, after)} ${await count(after, before)}`
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
