/** Cases of a table in Parquet: every value is decoded and hashed. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { hashTable } from '../../src/dataset/table.ts'
import { runProgram } from '../measure.ts'
import type { Algorithm } from '../../src/core/digest.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant } from '../measure.ts'

/** The Python from scripts/setup-peers.sh: pyarrow writes the table and reads it as a peer. */
const PYTHON = fileURLToPath(new URL('../../.peers/tables/bin/python', import.meta.url))

const READ = `
import sys
import pyarrow.parquet as pq
table = pq.read_table(sys.argv[1])
`

/** Hashes the buffers of every column as pyarrow holds them; no other program could compute this digest. */
const HASH = `${READ}
import hashlib
digest = hashlib.sha256()
for column in table.columns:
    for chunk in column.chunks:
        for buffer in chunk.buffers():
            if buffer is not None:
                digest.update(buffer)
digest.hexdigest()
`

/** Return the cases of the table; none without pyarrow, which writes it. */
export function tableCases(inputs: Inputs): Case[] {
  if (!existsSync(PYTHON)) return []
  return [
    {
      name: 'table',
      title: `a Parquet file of ${inputs.sizes.rows.toLocaleString('en')} rows and 5 columns`,
      prepare: async () => {
        const { path, bytes } = inputs.parquetFile(PYTHON)
        const contestants = [
          hashTableContestant(path, 'blake3'),
          hashTableContestant(path, 'sha256'),
          python('pyarrow, read and SHA-256', 'peer', HASH, path),
          python('pyarrow, read alone', 'part', READ, path),
        ]
        return Promise.resolve({ bytes, contestants, missing: [] })
      },
    },
  ]
}

function hashTableContestant(path: string, algorithm: Algorithm): Contestant {
  return {
    name: `lineaprint hashTable, ${algorithm === 'blake3' ? 'BLAKE3' : 'SHA-256'}`,
    role: 'ours',
    child: false,
    run: async () => (await hashTable(path, { algorithm })).digest.hex,
  }
}

function python(name: string, role: Contestant['role'], script: string, path: string): Contestant {
  const run = async (): Promise<undefined> => {
    await runProgram(PYTHON, ['-c', script, path])
    return undefined
  }
  return { name, role, child: true, run }
}
