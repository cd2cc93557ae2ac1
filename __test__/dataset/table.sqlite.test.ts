/** Tables of SQLite databases that node:sqlite wrote, against the rows that it reads. */
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { findLeaks } from '../../src/dataset/leaks.ts'
import { readDataset } from '../../src/dataset/read.ts'
import { hashTable } from '../../src/dataset/table.ts'
import { diffTables } from '../../src/dataset/table-diff.ts'
import { keptFolder } from '../support/kept-folder.ts'
import type { TableOptions } from '../../src/dataset/table.ts'

const folder = keptFolder()
let number = 0

function database(...statements: readonly string[]): string {
  const path = join(folder, `${number++}.db`)
  const db = new DatabaseSync(path)
  for (const statement of statements) db.exec(statement)
  db.close()
  return path
}

/** The digest of JSON lines of these rows, which another reader makes. */
async function ofRows(schema: Readonly<Record<string, string>>, rows: readonly object[]): Promise<string> {
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  return (await hashTable(Buffer.from(lines), { format: 'jsonl', schema })).digest.toString()
}

async function digestOf(path: string, options: TableOptions = {}): Promise<string> {
  return (await hashTable(path, options)).digest.toString()
}

/** Fill a table with rows of all lengths, some of them on pages of their own, and return them in order. */
function filled(
  encoding: string,
  pageSize: number,
): { readonly path: string; readonly rows: readonly object[] } {
  const path = database(
    `PRAGMA encoding = '${encoding}'`,
    `PRAGMA page_size = ${pageSize}`,
    'CREATE TABLE t (id INTEGER PRIMARY KEY, "a name" VARCHAR(20) NOT NULL DEFAULT \'x\', n BIGINT, r DOUBLE PRECISION, b BOOLEAN)',
    'CREATE INDEX i ON t (n)',
  )
  const db = new DatabaseSync(path)
  const insert = db.prepare('INSERT INTO t VALUES (?, ?, ?, ?, ?)')
  db.exec('BEGIN')
  for (let index = 0; index < 3000; index++) {
    const text = 'é😀x'.repeat(index % 1000 === 0 ? 5000 : index % 97)
    const integer = index % 5 === 0 ? null : (index - 1500) * 10 ** (index % 10)
    insert.run((index * 7) % 3001, text, integer, index % 3 === 0 ? index : index / 7, index % 2)
  }
  db.exec('COMMIT')
  const rows = db.prepare('SELECT *, "b" = 1 AS truth FROM t ORDER BY rowid').all()
  db.close()
  return { path, rows: rows.map(({ truth, ...row }) => ({ ...row, b: truth === 1 })) }
}

const SCHEMA = { id: 'int64', 'a name': 'utf8', n: 'int64', r: 'float64', b: 'bool' }

describe('a table of SQLite', () => {
  test.each([
    ['UTF-8', 512],
    ['UTF-8', 4096],
    ['UTF-8', 65536],
    ['UTF-16le', 1024],
    ['UTF-16be', 4096],
  ])('in %s with pages of %i bytes is the table of its rows', async (encoding, pageSize) => {
    const { path, rows } = filled(encoding, pageSize)
    const table = await hashTable(path)
    expect(table.format).toBe('sqlite')
    expect(Object.fromEntries(table.columns.map(({ name, type }) => [name, type]))).toEqual(SCHEMA)
    expect(table.rows).toBe(3000)
    expect(table.digest.toString()).toBe(await ofRows(SCHEMA, rows))
    expect(await digestOf(path, { unordered: true })).toMatch(/^table-unordered/)
  })

  test('without rowid has its rows in the order of its key', async () => {
    const path = database(
      'CREATE TABLE t (a TEXT, k INT, v BLOB, PRIMARY KEY (k, a)) WITHOUT ROWID',
      ...[3, 1, 2].map((k) => `INSERT INTO t VALUES ('row${k}', ${k}, NULL)`),
      `WITH RECURSIVE c(x) AS (SELECT 10 UNION ALL SELECT x + 1 FROM c WHERE x < 4000) INSERT INTO t SELECT hex(x), x, NULL FROM c`,
    )
    const db = new DatabaseSync(path)
    const rows = db.prepare('SELECT a, k FROM t ORDER BY k, a').all()
    db.close()
    const { columns, rows: count } = await hashTable(path)
    expect(count).toBe(rows.length)
    const expected = await hashTable(Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join('')), {
      format: 'jsonl',
      schema: { a: 'utf8', k: 'int64' },
    })
    expect(columns.slice(0, 2).map(({ digest }) => String(digest))).toEqual(
      expected.columns.map(({ digest }) => String(digest)),
    )
    expect(columns[2]?.type).toBe('binary')
  })

  test('has the default of a column that is younger than a row', async () => {
    const path = database(
      'PRAGMA foreign_keys = OFF',
      'CREATE TABLE t (a INT)',
      'INSERT INTO t VALUES (1)',
      "ALTER TABLE t ADD COLUMN b TEXT DEFAULT 'it''s'",
      'ALTER TABLE t ADD COLUMN c REAL DEFAULT -1.5',
      'ALTER TABLE t ADD COLUMN d TEXT REFERENCES t (a) ON DELETE SET DEFAULT',
      "INSERT INTO t VALUES (2, 'x', 2, 'y')",
    )
    const rows = [
      { a: 1, b: "it's", c: -1.5, d: null },
      { a: 2, b: 'x', c: 2, d: 'y' },
    ]
    expect(await digestOf(path)).toBe(await ofRows({ a: 'int64', b: 'utf8', c: 'float64', d: 'utf8' }, rows))
  })

  test('takes other types from a schema', async () => {
    const path = database(
      'CREATE TABLE t (day DATE, at DATETIME, price DECIMAL(10,2), small TINYINT)',
      "INSERT INTO t VALUES ('2024-02-29', '2024-02-29 12:00:00.5', '12.30', -3)",
    )
    await expect(hashTable(path)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_UNSUPPORTED',
      received: '"DATE"',
    })
    const schema = { day: 'date32', at: 'timestamp(us)', small: 'int8' }
    await expect(hashTable(path, { schema })).rejects.toMatchObject({ received: '"DECIMAL(10,2)"' })
    const all = { day: 'date32', at: 'timestamp(us)', price: 'float64', small: 'int8' }
    const rows = [{ day: '2024-02-29', at: '2024-02-29T12:00:00.500', price: 12.3, small: -3 }]
    expect(await digestOf(path, { schema: all })).toBe(await ofRows(all, rows))
    await expect(hashTable(path, { schema: { ...all, none: 'int8' } })).rejects.toThrow('none')
  })

  test.each([
    ['INT', "'text'", 'text'],
    ['INT', '1.5', 'a real number'],
    ['TEXT', "x'00'", 'a blob'],
    ['REAL', "'text'", 'text'],
    ['BLOB', '5', 'an integer'],
    ['BOOLEAN', '2', 'an integer'],
  ])('of %s refuses %s', async (type, value, received) => {
    const path = database(
      `CREATE TABLE t (v ${type})`,
      'INSERT INTO t VALUES (NULL)',
      `INSERT INTO t VALUES (${value})`,
    )
    const error: unknown = await hashTable(path).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT', received })
    expect(String(error)).toContain('column "v", rowid 2')
  })

  test('is chosen by its name', async () => {
    const path = database(
      'CREATE TABLE a (x INT)',
      'CREATE TABLE "b c" (x INT)',
      'INSERT INTO "b c" VALUES (1)',
      'CREATE VIEW v AS SELECT * FROM a',
    )
    await expect(hashTable(path)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_UNSUPPORTED',
      expected: 'the name of one of "a", "b c"',
    })
    expect((await hashTable(path, { table: 'B C' })).rows).toBe(1)
    await expect(hashTable(path, { table: 'v' })).rejects.toMatchObject({ received: '"v"' })
    const report = await readDataset(path, { table: 'b c' })
    expect(report.table).toMatchObject({ format: 'sqlite', rows: 1 })
    expect((await readDataset(path)).warnings[0]).toContain('which of its tables')
    await expect(hashTable(Buffer.from('a\n1\n'), { format: 'csv', table: 'a' })).rejects.toThrow('SQLite')
  })

  test('beside a write-ahead log with content is refused', async () => {
    const path = join(folder, 'wal.db')
    const db = new DatabaseSync(path)
    const refused = { code: 'ERR_LINEAPRINT_UNSUPPORTED', received: expect.stringContaining('wal.db-wal') }
    db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a INT)')
    // The table itself is in the log.
    await expect(hashTable(path)).rejects.toMatchObject(refused)
    await expect(diffTables(path, path)).rejects.toMatchObject(refused)
    await expect(findLeaks({ train: path, test: path })).rejects.toMatchObject(refused)
    db.exec('PRAGMA wal_checkpoint; INSERT INTO t VALUES (1)')
    await expect(hashTable(path)).rejects.toMatchObject(refused)
    // The log is beside the file that a link leads to, not beside the link.
    const link = join(mkdtempSync(join(folder, 'links-')), 'other.db')
    symlinkSync(path, link)
    await expect(hashTable(link)).rejects.toMatchObject(refused)
    await expect(diffTables(link, path, { rows: 1 })).rejects.toMatchObject(refused)
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    expect((await hashTable(path)).rows).toBe(1)
    expect((await hashTable(link)).rows).toBe(1)
    db.close()
  })

  test('without rows, and with columns of many spellings, is read', async () => {
    const path = database(
      `CREATE TABLE /* c */ "t" ([a b] INTEGER, \`c\`\`d\` TEXT COLLATE NOCASE CHECK (\`c\`\`d\` <> 'x,y)'), -- no
       'e' REAL DEFAULT (1 + (2)), f BLOB AS (x'00') STORED, CONSTRAINT k PRIMARY KEY ([a b] DESC), UNIQUE (e))`,
    )
    const { columns, rows } = await hashTable(path)
    expect(columns.map(({ name, type }) => `${name}: ${type}`)).toEqual([
      'a b: int64',
      'c`d: utf8',
      'e: float64',
      'f: binary',
    ])
    expect(rows).toBe(0)
  })

  test('of which any byte is another has an error or is read, and nothing else happens', async () => {
    const { path } = filled('UTF-8', 512)
    const bytes = readFileSync(path)
    const codes = new Set<string>()
    for (let round = 0; round < 400; round++) {
      const changed = Buffer.from(bytes)
      // The header, the schema and the roots more often than the rest.
      const reach = round % 2 === 0 ? 2048 : changed.length
      const at = (round * 7919) % reach
      changed[at] = (changed[at] ?? 0) ^ (1 << (round % 8))
      const outcome: unknown = await hashTable(changed).then(
        () => 'read',
        (error: unknown) => (error as { code: string }).code,
      )
      codes.add(String(outcome))
    }
    codes.delete('read')
    codes.delete('ERR_LINEAPRINT_FORMAT')
    codes.delete('ERR_LINEAPRINT_UNSUPPORTED')
    expect([...codes]).toEqual([])
    for (const length of [0, 50, 100, 511, 512, 1000, bytes.length - 1, bytes.length - 512]) {
      const cut = join(folder, 'cut.db')
      writeFileSync(cut, bytes.subarray(0, length))
      await expect(hashTable(cut)).rejects.toMatchObject({
        code: expect.stringMatching(/FORMAT|UNSUPPORTED/) as string,
      })
    }
  })
})
