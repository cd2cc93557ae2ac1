import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hashTable } from '../../src/dataset/table.ts'
import { ROOT, readCases, temporaryFolder } from './support.ts'
import type { WrittenDigests } from './support.ts'

interface TableCase {
  readonly name: string
  readonly files?: readonly string[]
  readonly digests: WrittenDigests
}

const cases = readCases('table.json') as readonly TableCase[]

const python = join(ROOT, '.peers/tables/bin/python')

describe.skipIf(!existsSync(python))('with the reference writers', () => {
  test('pyarrow writes the files of the vectors again, with the same tables in them', async () => {
    using folder = temporaryFolder()
    const args = ['-B', 'vectors/write_tables.py', '--into', folder.path]
    const { status, stderr } = spawnSync(python, args, { cwd: ROOT, encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    for (const { name, files = [], digests } of cases) {
      for (const file of files) {
        const { digest } = await hashTable(join(folder.path, file))
        expect(digest.toString(), `${name}: ${file}`).toBe(digests.blake3)
      }
    }
  })

  test('and reads in them what the vectors say', () => {
    const script = `
import sys; sys.path.insert(0, "vectors")
import pyarrow as pa, pyarrow.parquet as pq
from table_cases import CASES
from write_tables import make
read = {"parquet": lambda p: pq.ParquetFile(p).read(), "arrow": lambda p: pa.ipc.open_file(p).read_all(), "arrows": lambda p: pa.ipc.open_stream(p).read_all()}
for index, case in enumerate(CASES["table"]):
    for suffix in case.get("files", []):
        found = read[suffix.split(".")[-1]](f"vectors/tables/{index:02}.{suffix}")
        made = make(case)
        assert found.cast(made.schema).equals(made) or "float" in str(made.schema), (case["name"], suffix)
        assert found.num_rows == case["rows"]
`
    const { status, stderr } = spawnSync(python, ['-B', '-c', script], { cwd: ROOT, encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})
