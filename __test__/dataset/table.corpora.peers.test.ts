/**
 * The public corpora apache/parquet-testing and apache/arrow-testing, read as pyarrow reads them. Clone both into one
 * folder, and name it: LINEAPRINT_CORPORA=FOLDER vitest run --project peers __test__/dataset/table.corpora.peers.test.ts
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { LineaprintError } from '../../src/core/errors.ts'
import { hashTable } from '../../src/dataset/table.ts'
import { folderOf } from '../support/folder.ts'

const CORPORA = process.env['LINEAPRINT_CORPORA'] ?? ''
const PYTHON = resolve('.peers/tables/bin/python')

/** Reads each file with pyarrow, and writes what it read into an Arrow file. */
const READ = `
import json, os, sys
import pyarrow.ipc as ipc, pyarrow.parquet as pq
root, target = sys.argv[1:3]
paths = sorted(os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names if ".git/" not in folder)
for index, path in enumerate(paths):
    with open(path, "rb") as file:
        start = file.read(6)
    is_parquet = start[:4] == b"PAR1" or "/data/parquet/" in path
    if path.endswith((".gz", ".md", ".json")) or not (is_parquet or start == b"ARROW1" or "/arrow-ipc-" in path):
        continue
    answer = {"path": path, "format": "parquet" if is_parquet else "arrow"}
    try:
        if is_parquet:
            table = pq.ParquetFile(path).read()
        else:
            table = (ipc.open_file if start == b"ARROW1" else ipc.open_stream)(path).read_all()
        table.validate(full=True)
        copy = os.path.join(target, "%d.arrow" % index)
        with ipc.new_file(copy, table.schema) as writer:
            writer.write_table(table)
        answer["copy"] = copy
    except Exception:
        pass
    print(json.dumps(answer))
`

interface Answer {
  readonly path: string
  readonly format: 'parquet' | 'arrow'
  /** What pyarrow read, as an Arrow file; absent if it refused it. */
  readonly copy?: string
}

/** The reasons for which a file is refused that pyarrow reads; section "Tables" of docs/format.md gives each. */
const REFUSED = [
  /big-endian Arrow data is not supported/,
  /Arrow metadata version V[1-3] is not supported/,
  /columns of the type Union\(.*\) are not supported/,
  /its type cannot hold the value/,
  // Files of fuzzers, of which the footer or a type is damaged, and which pyarrow reads in part.
  /its footer is (?:damaged|outside the file)/,
  /Duration type with unit of <UNKNOWN \d+> unsupported/,
  /Cannot represent FIXED_LEN_BYTE_ARRAY as DECIMAL/,
]

test.runIf(CORPORA !== '' && existsSync(PYTHON))(
  'public corpora are read as pyarrow reads them, or refused for a reason that is documented',
  { timeout: 600_000 },
  async () => {
    const { stdout, status } = spawnSync(PYTHON, ['-c', READ, CORPORA, folderOf()], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    })
    expect(status).toBe(0)
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Answer)
    let equal = 0
    const wrong: string[] = []
    for (const { path, format, copy } of answers) {
      if (copy === undefined) continue
      const own = await digestOrReason(path, format)
      const theirs = await digestOrReason(copy, 'arrow')
      if (own === theirs && !own.startsWith('refused')) equal++
      else if (!(own.startsWith('refused') && REFUSED.some((reason) => reason.test(own))))
        wrong.push(`${path}: ${own} and ${theirs}`)
    }
    expect(wrong).toEqual([])
    expect(equal).toBeGreaterThan(300)
  },
)

async function digestOrReason(path: string, format: Answer['format']): Promise<string> {
  try {
    return (await hashTable(path, { format })).digest.toString()
  } catch (error) {
    if (!LineaprintError.is(error)) throw error
    return `refused: ${error.message}`
  }
}
