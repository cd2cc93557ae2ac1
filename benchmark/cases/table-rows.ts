/** Cases of two versions of a table: the rows that differ, and rows that are in two splits. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
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

/** The programs from scripts/bench-peers.sh: lake-sift, and the Python of Oxen. */
const ROW_DIFF = fileURLToPath(new URL('../../.peers/row-diff/bin/', import.meta.url))

/** Compares two tables by a key with Oxen, without a repository. */
const OXEN = `
import sys
from oxen.diff.diff import diff
diff(sys.argv[1], sys.argv[2], keys=["id"])
`

/** The most rows that are given to peers which hold both tables in memory: more could be all that there is. */
const ROWS_IN_MEMORY = 5_000_000

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
  const cells = `two Parquet files of ${rows} rows, 1,000 cells changed`
  const edits = `two Parquet files of ${rows} rows, 500 rows removed and 500 added`
  return [
    pair(inputs, 'cells', 1.2, cells),
    pair(inputs, 'rows', 2, edits),
    pairByKey(inputs, 'cells', 1.2, `${cells}, by key`),
    pairByKey(inputs, 'rows', 2, `${edits}, by key`),
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

/**
 * Return the case of two versions of a table.
 *
 * @param most The most that it may cost, as a multiple of hashing both.
 */
function pair(inputs: Inputs, edit: 'cells' | 'rows', most: number, title: string): Case {
  return {
    name: `table-diff-${edit}`,
    title,
    prepare: async () => {
      const { path: before, bytes } = inputs.parquetFile(PYTHON)
      const after = inputs.editedParquet(PYTHON, edit).path
      const holdsAll = inputs.sizes.rows <= ROWS_IN_MEMORY
      const contestants: Contestant[] = [
        compared('lineaprint diffTables, with rows', before, after),
        hashes(before, after, most),
        {
          name: 'DuckDB, EXCEPT ALL both ways',
          role: 'peer',
          child: false,
          run: async () => except(before, after),
        },
        ...(holdsAll ? [polars(before, after)] : []),
      ]
      return Promise.resolve({ bytes: bytes * 2, contestants, missing: [], notes: memoryNotes })
    },
  }
}

/** Return the case of two versions of a table whose rows have a key: numbers in order or, as another one, texts in no order. */
function pairByKey(inputs: Inputs, edit: 'cells' | 'rows', most: number, title: string): Case {
  return {
    name: `table-diff-${edit}-by-key`,
    title,
    prepare: async () => {
      const { path: before, bytes } = inputs.parquetFile(PYTHON)
      const after = inputs.editedParquet(PYTHON, edit).path
      const contestants: Contestant[] = [
        compared('lineaprint diffTables, by key', before, after, ['id']),
        hashes(before, after, most),
        {
          ...compared('lineaprint diffTables, by key of texts', before, after, ['text', 'time']),
          role: 'part',
        },
        ...peersByKey(before, after, inputs.sizes.rows <= ROWS_IN_MEMORY),
      ]
      return Promise.resolve({
        bytes: bytes * 2,
        contestants,
        missing: existsSync(ROW_DIFF) ? [] : ['lake-sift', 'Oxen'],
        notes: memoryNotes,
      })
    },
  }
}

function compared(name: string, before: string, after: string, key: readonly string[] = []): Contestant {
  return {
    name,
    role: 'ours',
    child: false,
    run: async () => {
      const { rows } = await diffTables(before, after, { key })
      if (rows.status !== 'compared') throw new Error(rows.reason)
      return `${rows.removed + rows.changed} ${rows.added + rows.changed}`
    },
  }
}

/** Return the cost of the digests of both tables, of which a comparison may cost `most` times as much. */
function hashes(before: string, after: string, most: number): Contestant {
  return {
    name: 'lineaprint hashTable of both',
    role: 'part',
    child: false,
    target: 1 / most,
    run: async () => {
      await hashTable(before)
      await hashTable(after)
      return undefined
    },
  }
}

function polars(before: string, after: string): Contestant {
  return {
    name: 'Polars, anti joins both ways',
    role: 'peer',
    child: true,
    run: async () => {
      await runProgram(PYTHON, ['-c', POLARS, before, after])
      return undefined
    },
  }
}

/** Return the most memory that this process took so far. */
function memoryNotes(): string[] {
  const mebibytes = (process.resourceUsage().maxRSS / 1024).toFixed(0)
  return [`at most ${mebibytes} MiB of memory in this process so far, DuckDB included`]
}

/** Return the peers that compare by a key, if they are installed. */
function peersByKey(before: string, after: string, holdsAll: boolean): Contestant[] {
  if (!existsSync(ROW_DIFF)) return []
  const run = async (program: string, args: readonly string[]): Promise<undefined> => {
    // The exit code of lake-sift is 1 for tables that differ.
    await runProgram('sh', ['-c', '"$0" "$@" || test $? = 1', join(ROW_DIFF, program), ...args])
    return undefined
  }
  const sift = [before, after, '--key', 'id', '--summary']
  const peers = [
    { name: 'lake-sift, by key', run: async () => run('lake-sift', sift) },
    { name: 'Oxen, by key', run: async () => run('python', ['-c', OXEN, before, after]) },
  ]
  return peers.slice(0, holdsAll ? 2 : 1).map((peer) => ({ ...peer, role: 'peer', child: true }))
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
