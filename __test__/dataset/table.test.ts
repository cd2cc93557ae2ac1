import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashTable } from '../../src/dataset/table.ts'
import { folderOf } from '../support/folder.ts'
import type { TableHash, TableOptions, TableSchema } from '../../src/dataset/table.ts'

const FOLDER = join(import.meta.dirname, '../../vectors/tables')
const PARQUET = join(FOLDER, '02.parquet')

const csv = (text: string, options: TableOptions = {}): Promise<TableHash> =>
  hashTable(Buffer.from(text), { format: 'csv', ...options })
const jsonl = (text: string, schema: TableSchema): Promise<TableHash> =>
  hashTable(Buffer.from(text), { format: 'jsonl', schema })

test('a file says what it holds', async () => {
  const progress: number[] = []
  const table = await hashTable(PARQUET, { onProgress: ({ bytesDone }) => progress.push(bytesDone) })
  expect(table).toMatchObject({
    path: PARQUET,
    format: 'parquet',
    rows: 3,
    bytes: readFileSync(PARQUET).length,
    warnings: [],
  })
  expect(table.digest.type).toBe('table.v1.blake3')
  expect(table.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
    'id int64',
    'name utf8',
    'score float64',
  ])
  for (const { digest, blocks } of table.columns) {
    expect(digest?.type).toBe('table.v1.blake3')
    expect(blocks.map(({ type }) => type)).toEqual(['blake3'])
  }
  expect(progress.at(-1)).toBe(table.bytes)
})

test('what a file holds goes before what it is called', async () => {
  const root = folderOf({ 'a.csv': readFileSync(PARQUET), data: readFileSync(join(FOLDER, '02.arrows')) })
  const wanted = await hashTable(PARQUET)
  for (const [name, format] of [
    ['a.csv', 'parquet'],
    ['data', 'arrow'],
  ] as const) {
    const table = await hashTable(join(root, name))
    expect(table.format).toBe(format)
    expect(table.digest.equals(wanted.digest)).toBe(true)
  }
  await expect(csv('a\n1\n', { format: undefined })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_UNSUPPORTED',
  })
})

test('two algorithms in one go are those of each alone', async () => {
  const both = await hashTable(PARQUET, { algorithm: 'both' })
  for (const algorithm of ['blake3', 'sha256'] as const) {
    const alone = await hashTable(PARQUET, { algorithm })
    expect(both.digests[algorithm]?.equals(alone.digest)).toBe(true)
    expect(alone.columns[0]?.blocks[0]?.algorithm).toBe(algorithm)
  }
})

test('order counts unless it is said not to', async () => {
  const [one, other] = ['a,b\n1,2\n3,4\n3,4\n', 'a,b\n3,4\n1,2\n3,4\n']
  expect((await csv(one)).digest.equals((await csv(other)).digest)).toBe(false)
  const unordered = await csv(one, { unordered: true })
  expect(unordered.digest.equals((await csv(other, { unordered: true })).digest)).toBe(true)
  expect(unordered.digest.type).toBe('table-unordered.v1.blake3')
  expect(unordered.columns).toEqual([
    { name: 'a', type: 'utf8', blocks: [] },
    { name: 'b', type: 'utf8', blocks: [] },
  ])
  // How often a row stands there counts.
  const fewer = await csv('a,b\n1,2\n3,4\n', { unordered: true })
  expect(unordered.digest.equals(fewer.digest)).toBe(false)
  expect(() => unordered.digest.equals(fewer.columns[0]?.digest ?? unordered.digest)).not.toThrow()
  await expect(async () => unordered.digest.equals((await csv(one)).digest)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_INCOMPARABLE',
  })
})

test('columns of one name are distinguished by their order, with a warning', async () => {
  const one = await csv('a,a\n1,2\n')
  expect(one.warnings).toEqual([expect.stringContaining('several columns are named "a"')])
  expect(one.digest.equals((await csv('a,a\n2,1\n')).digest)).toBe(false)
})

test('many columns are looked through once', async () => {
  const names = Array.from({ length: 150_000 }, (_, index) => `c${index}`)
  const { columns, warnings } = await csv(`${[...names, 'c7', 'c7'].join(',')}\n`)
  expect(columns).toHaveLength(150_002)
  expect(warnings).toEqual([expect.stringContaining('several columns are named "c7"')])
})

describe('CSV', () => {
  test('marks, line ends and quotes that need not be do not count', async () => {
    const wanted = await csv('a,b\n1,"x, y"\n,\n')
    for (const text of [
      '\ufeffa,b\r\n1,"x, y"\r\n,\r\n',
      '"a","b"\n"1","x, y"\n"",',
      'a,b\n1,"x, y"\r\n"",""',
    ]) {
      expect((await csv(text)).digest.equals(wanted.digest), JSON.stringify(text)).toBe(true)
    }
    expect(wanted.rows).toBe(2)
    expect((await csv('a,b')).rows).toBe(0)
    // Of one column an empty line is a row.
    expect((await csv('a\n\n1\n')).rows).toBe(2)
  })

  test.each([
    ['', /there is no header row/],
    ['a,b\n1\n', /row 0 .*cells.*\(expected 2, received 1\)/],
    ['a,b\n1,2\n\n', /row 1 .*cells.*\(expected 2, received 1\)/],
    ['a,b\n1,2,3\n', /row 0 .*cells.*\(expected 2, received 3\)/],
    ['a\n"x\n', /line 3: a quote is not closed/],
    ['a\nx"y\n', /line 2: a quote .* cell/],
    ['a\n"x"y\n', /line 2: text .* closing quote/],
    ['a\n1\rb\n', /line 2: a carriage return without a line feed/],
    ['a\n1\r', /a carriage return without a line feed/],
    ['a\n"1\n2"x', /line 3: text .* closing quote/],
  ])('%j is refused', async (text, message) => {
    await expect(csv(text)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
      message: expect.stringMatching(message) as string,
    })
  })

  test('what is not UTF-8 is named by column and row', async () => {
    const bytes = Buffer.concat([Buffer.from('a,b\n1,2\n3,'), Buffer.from([0xc3, 0x28]), Buffer.from('\n')])
    await expect(hashTable(bytes, { format: 'csv' })).rejects.toMatchObject({
      message: expect.stringContaining('column "b", row 1: it cannot be read (expected UTF-8') as string,
    })
  })

  test('any cells come back however they are quoted', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', 'é', ';') })
    const rows = fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(rows, fc.boolean(), fc.constantFrom('\n', '\r\n'), async (cells, always, end) => {
        const quoted = (text: string): string =>
          always || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
        const text = [['a', 'b', 'c'], ...cells].map((row) => row.map(quoted).join(',')).join(end)
        const json = cells.map(([a, b, c]) => JSON.stringify({ a, b, c })).join('\n')
        const wanted = await jsonl(json, { a: 'utf8', b: 'utf8', c: 'utf8' })
        expect((await csv(text)).digest.toString()).toBe(wanted.digest.toString())
      }),
    )
  })
})

describe('a declared schema', () => {
  test('an empty cell is null, and one of quotes is empty text', async () => {
    const schema = { a: 'utf8', b: 'int8' }
    const table = await csv('a,b\n,1\n"",2\n', { schema })
    const same = await jsonl('{"a":null,"b":1}\n{"b":2,"a":""}', schema)
    expect(table.digest.equals(same.digest)).toBe(true)
    await expect(csv('a,b\nx,""\n', { schema })).rejects.toThrow('column "b", row 0')
  })

  test.each([
    ['int8', '128', 'a whole number from -128 to 127'],
    ['int8', '007', 'a whole number'],
    ['int8', '+1', 'a whole number'],
    ['uint64', '-1', 'from 0 to 18446744073709551615'],
    ['int64', '1.0', 'a whole number'],
    ['float64', '1e400', 'a number of at most'],
    ['float64', '.5', 'a number'],
    ['float64', '0x10', 'a number'],
    ['float32', '3.5e38', 'a number of at most 3.4028235e38'],
    ['bool', 'yes', 'true or false'],
    ['decimal(4,2)', '123.4', 'at most 4 digits'],
    ['decimal(4,2)', '1.234', 'at most 4 digits, 2 of them'],
    ['date32', '2023-02-29', 'YYYY-MM-DD'],
    ['date32', '2023-2-3', 'YYYY-MM-DD'],
    ['timestamp(ms)', '2023-01-01T00:00:00.0001', 'at most 3 digits'],
    ['timestamp(ms)', '2023-01-01T00:00:00Z', 'without an offset'],
    ['timestamp(ms,UTC)', '2023-01-01T00:00:00', 'with Z or an offset'],
    ['time32(s)', '24:00:00', 'HH:MM:SS'],
    ['null', 'x', 'nothing but nulls'],
  ])('%s is not read of %s', async (type, cell, expected) => {
    await expect(csv(`k,c\n1,${cell}\n`, { schema: { k: 'int8', c: type } })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
      message: expect.stringContaining('column "c", row 0: it cannot be read') as string,
      expected: expect.stringContaining(expected) as string,
      received: JSON.stringify(cell),
    })
  })

  test('forms of one value are the same', async () => {
    const same = async (type: string, ...cells: string[]): Promise<void> => {
      const digests = await Promise.all(
        cells.map(async (cell) => (await csv(`c\n"${cell}"\n`, { schema: { c: type } })).digest.toString()),
      )
      expect(new Set(digests).size, `${type}: ${cells.join(' ')}`).toBe(1)
    }
    await same('float64', '1', '1.0', '1e0', '10E-1', '1.00000000000000000001')
    await same('float64', '9007199254740993', '9007199254740992')
    await same('float32', '16777217', '16777216')
    await same('float64', 'NaN', 'nan')
    await same('float64', '-inf', '-Infinity')
    await same('decimal(9,2)', '1.5', '1.50', '1.5000')
    await same('decimal(3,-2)', '1200', '1200.0')
    await same('bool', 'true', 'True', 'TRUE')
    await same(
      'timestamp(us,UTC)',
      '2023-05-06T12:00:00Z',
      '2023-05-06 14:00:00.000+02:00',
      '2023-05-06T12:00:00+0000',
    )
    await same('date32', '1970-01-01')
    await same('int8', '0', '-0')
  })

  test('must fit the columns, and name types', async () => {
    await expect(csv('a\n1\n', { schema: {} })).rejects.toThrow('this is not a schema')
    await expect(csv('a,b\n1,2\n', { schema: { a: 'int8' } })).rejects.toThrow(
      'column "b" is not in the declared schema',
    )
    await expect(csv('a\n1\n', { schema: { a: 'int8', b: 'int8' } })).rejects.toThrow(
      'column "b" of the declared schema is not in the file',
    )
    await expect(csv('a\n1\n', { schema: { a: 'Int8' } })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_ARGUMENT',
      field: 'schema.a',
      received: '"Int8"',
    })
    await expect(csv('a\n1\n', { schema: { a: 'binary' } })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_UNSUPPORTED',
      message: expect.stringMatching(/column "a": text .* as binary/) as string,
    })
    await expect(hashTable(PARQUET, { schema: { id: 'int64' } })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_UNSUPPORTED',
    })
    await expect(hashTable(Buffer.from('{}'), { format: 'jsonl' })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_UNSUPPORTED',
    })
  })
})

describe('JSON lines', () => {
  const schema = { n: 'int64', d: 'decimal(20,1)', l: 'list<struct<x:float64,t:utf8>>' }

  test('columns are those of the schema, wherever members stand', async () => {
    const one = await jsonl('{"l":[{"x":1,"t":"a"},null],"n":9007199254740993}\r\n{"d":"1.5"}\n', schema)
    const other = await jsonl(
      '{"n":9007199254740993,"d":null,"l":[{"t":"a","x":1.0},null]}\n{"d":1.50}',
      schema,
    )
    expect(one.digest.equals(other.digest)).toBe(true)
    expect(one.columns.map(({ type }) => type)).toEqual(Object.values(schema))
    const next = await jsonl('{"l":[{"x":1,"t":"a"},null],"n":9007199254740992}\n{"d":"1.5"}\n', schema)
    expect(one.digest.equals(next.digest)).toBe(false)
  })

  test.each([
    ['{"n":1}\n[1]', /^(?!.*column "").*row 1: it is not an object: "\[1\]"/],
    ['{"n":1}\n\n', /^(?!.*column "").*row 1: it is not an object: the line is empty/],
    ['\u{feff}{"n":1}', /^(?!.*column "").*row 0: it begins with a byte order mark/],
    ['{"l":[{"t":"\\ud800"}]}', /column "t", row 0: .*expected well-formed Unicode/],
    ['{"n":{}}', /column "n", row 0: .*expected no object/],
    ['{"n":[1]}', /column "n", row 0: .*expected a single value/],
    ['{"n":1,"n":2}', /column "n", row 0: .*twice/],
    ['{"m":1}', /column "m", row 0: it is not in the declared schema/],
    ['{"n":"1"}', /expected a number/],
    ['{"n":1.5}', /a whole number/],
    ['{"n":true}', /a whole number/],
    ['{"l":[1]}', /row 0: it cannot be read/],
    ['{"l":[{"x":1,"y":1}]}', /column "y", row 0: it is not in the declared schema/],
    ['{"l":{}}', /column "l", row 0: .*object/],
    ['{"n":1', /^(?!.*column "").*row 0: it is not JSON/],
  ])('%j is refused', async (text, message) => {
    await expect(jsonl(text, schema)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
      message: expect.stringMatching(message) as string,
    })
  })
})

test('a file that changes while it is read has no digest', async () => {
  const path = join(folderOf({ 'a.csv': '' }), 'a.csv')
  writeFileSync(path, `a\n${'12345678\n'.repeat(200_000)}`)
  const failures: unknown[] = []
  const timer = setInterval(() => appendFileSync(path, '1\n'), 1)
  try {
    for (let round = 0; round < 20 && failures.length === 0; round++)
      await hashTable(path).catch((error: unknown) => failures.push(error))
  } finally {
    clearInterval(timer)
  }
  const [failure] = failures
  expect(failure).toMatchObject({ code: 'ERR_LINEAPRINT_CHANGED', path })
})

test('stops when it is told to', async () => {
  const path = join(folderOf({ 'a.csv': `a,b\n${'1,2\n'.repeat(500_000)}` }), 'a.csv')
  const controller = new AbortController()
  const working = hashTable(path, { signal: controller.signal })
  setTimeout(() => controller.abort(new Error('enough')), 5)
  await expect(working).rejects.toThrow('enough')
  await expect(hashTable(path, { signal: AbortSignal.abort(new Error('never')) })).rejects.toThrow('never')
})

test.each([
  ['not there', { code: 'ERR_LINEAPRINT_NOT_FOUND' }],
  ['.', { code: 'ERR_LINEAPRINT_NOT_REGULAR' }],
])('%s is no table', async (path, error) => {
  await expect(hashTable(join(folderOf(), path))).rejects.toMatchObject(error)
})

test('options that are not known are refused', async () => {
  // @ts-expect-error there is no such option
  await expect(hashTable(PARQUET, { shema: {} })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    field: 'shema',
    hint: expect.stringContaining('schema') as string,
  })
  // @ts-expect-error nor such a format
  await expect(hashTable(PARQUET, { format: 'excel' })).rejects.toMatchObject({ field: 'format' })
  // @ts-expect-error a schema maps names to text
  await expect(hashTable(PARQUET, { schema: { a: 1 } })).rejects.toMatchObject({ field: 'schema' })
})
