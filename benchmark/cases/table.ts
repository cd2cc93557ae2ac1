/** Cases of a table in Parquet, Arrow and CSV: every value is decoded and hashed. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { hashTable } from '../../src/dataset/table.ts'
import { runProgram } from '../measure.ts'
import type { Algorithm } from '../../src/core/digest.ts'
import type { FileSet, Inputs } from '../inputs.ts'
import type { Case, Contestant } from '../measure.ts'

/** The Python from scripts/setup-peers.sh: pyarrow writes the table and reads it as a peer. */
const PYTHON = inPeers('tables/bin/python')

/** The Python from scripts/bench-peers.sh, with pandas, datasets, MLflow and DVC. */
const PEER_PYTHON = inPeers('table-peers/bin/python')

/** The program of benchmark/arrow-hashers, which scripts/bench-peers.sh builds. */
const HASHERS = inPeers('arrow-hashers/bin/arrow-hashers')

function inPeers(path: string): string {
  return fileURLToPath(new URL(`../../.peers/${path}`, import.meta.url))
}

/** Reads a file into a table of pyarrow; of CSV all cells as text, as lineaprint does without a schema. */
const READ = `
import sys
path = sys.argv[1]
if path.endswith(".parquet"):
    import pyarrow.parquet as pq
    table = pq.read_table(path)
elif path.endswith(".arrow"):
    import pyarrow.feather
    table = pyarrow.feather.read_table(path, memory_map=False)
else:
    import pyarrow as pa, pyarrow.csv
    head = open(path).readline().strip().split(",")
    types = {name.strip('"'): pa.string() for name in head}
    table = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(column_types=types))
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

/** Reads a file into a frame of pandas. */
const FRAME = `
import sys
import pandas
path = sys.argv[1]
if path.endswith(".parquet"):
    frame = pandas.read_parquet(path)
elif path.endswith(".arrow"):
    frame = pandas.read_feather(path)
else:
    frame = pandas.read_csv(path, dtype=str, keep_default_na=False)
`

/** The digest of a table that people make with pandas. */
const PANDAS = `${FRAME}
import hashlib
hashlib.sha256(pandas.util.hash_pandas_object(frame).values).hexdigest()
`

/** The fingerprint of a dataset in memory: the hash of its pickled table. */
const FINGERPRINT = `${READ}
import datasets
datasets.Dataset(table)._fingerprint
`

/** The digest of MLflow, which is that of the first 10,000 rows. */
const MLFLOW = `${FRAME}
import mlflow.data
mlflow.data.from_pandas(frame).digest
`

/** Adds the file to a new repository: DVC remembers the digests of files that it has seen. */
const DVC = `
import os, subprocess, sys, tempfile
with tempfile.TemporaryDirectory(dir=os.path.dirname(sys.argv[1])) as root:
    name = os.path.basename(sys.argv[1])
    os.link(sys.argv[1], os.path.join(root, name))
    variables = {**os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": os.path.join(root, "cache")}
    for words in (["init", "--no-scm", "--quiet"], ["add", "--quiet", name]):
        subprocess.run([sys.executable, "-m", "dvc", *words], cwd=root, env=variables, check=True)
`

/** Return the cases of the table; none without pyarrow, which writes it. */
export function tableCases(inputs: Inputs): Case[] {
  if (!existsSync(PYTHON)) return []
  return [
    oneCase(inputs, 'table', 'a Parquet file', () => inputs.parquetFile(PYTHON)),
    oneCase(inputs, 'table-arrow', 'an Arrow file', () => inputs.convertedTable(PYTHON, 'arrow')),
    oneCase(inputs, 'table-csv', 'a CSV file', () => inputs.convertedTable(PYTHON, 'csv')),
  ]
}

function oneCase(inputs: Inputs, name: string, what: string, file: () => FileSet): Case {
  const isText = name === 'table-csv'
  return {
    name,
    title: `${what} of ${inputs.sizes.rows.toLocaleString('en')} rows and 5 columns`,
    prepare: async () => {
      const { path, bytes } = file()
      const contestants = [
        ownContestant(path, 'blake3', false),
        ownContestant(path, 'blake3', true),
        ownContestant(path, 'sha256', false),
        program(PYTHON, 'pyarrow, read and SHA-256', 'peer', ['-c', HASH, path]),
        program(PYTHON, 'pyarrow, read alone', 'part', ['-c', READ, path]),
      ]
      const missing: string[] = []
      if (existsSync(PEER_PYTHON))
        contestants.push(
          program(PEER_PYTHON, 'pandas, hash_pandas_object and SHA-256', 'peer', ['-c', PANDAS, path]),
          program(PEER_PYTHON, 'datasets, fingerprint in memory', 'peer', ['-c', FINGERPRINT, path]),
          program(PEER_PYTHON, 'MLflow from_pandas, 10,000 rows', 'peer', ['-c', MLFLOW, path]),
          program(PEER_PYTHON, 'dvc add, bytes of the file', 'peer', ['-c', DVC, path]),
        )
      else missing.push('pandas', 'datasets', 'MLflow', 'dvc')
      if (isText) return Promise.resolve({ bytes, contestants, missing })
      if (existsSync(HASHERS))
        contestants.push(
          program(HASHERS, 'arrow-digest, SHA-256', 'peer', ['arrow-digest', path]),
          program(HASHERS, 'starfix', 'peer', ['starfix', path]),
        )
      else missing.push('arrow-digest', 'starfix')
      return Promise.resolve({ bytes, contestants, missing })
    },
  }
}

function ownContestant(path: string, algorithm: Algorithm, statistics: boolean): Contestant {
  const name = algorithm === 'blake3' ? 'BLAKE3' : 'SHA-256'
  return {
    name: `lineaprint hashTable, ${name}${statistics ? ', statistics' : ''}`,
    role: 'ours',
    child: false,
    run: async () => (await hashTable(path, { algorithm, statistics })).digest.hex,
  }
}

function program(path: string, name: string, role: Contestant['role'], args: readonly string[]): Contestant {
  const run = async (): Promise<undefined> => {
    await runProgram(path, [...args])
    return undefined
  }
  return { name, role, child: true, run }
}
