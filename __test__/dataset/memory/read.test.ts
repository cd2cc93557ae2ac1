/** Datasets in memory: what is the same, what differs, and what is refused. */
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { readDataset } from '../../../src/dataset/read.ts'
import { hashRecords } from '../../../src/dataset/sequence.ts'
import { hashTable } from '../../../src/dataset/table.ts'
import { hashBytes } from '../../../src/hash/bytes.ts'
import { folderOf } from '../../support/folder.ts'
import type { DatasetOptions } from '../../../src/dataset/read.ts'

const ARGUMENT = { code: 'ERR_LINEAPRINT_ARGUMENT' }
const UNREADABLE = { code: 'ERR_LINEAPRINT_UNREADABLE' }

async function digestOf(source: object, options: DatasetOptions = {}): Promise<string> {
  return (await readDataset(source, options)).digest.toString()
}

async function digestOfPath(path: string): Promise<string> {
  return (await readDataset(path)).digest.toString()
}

async function csvDigest(text: string, schema: Record<string, string>): Promise<string> {
  return (await hashTable(Buffer.from(text), { format: 'csv', schema })).digest.toString()
}

async function* given(items: readonly unknown[]): AsyncGenerator {
  for (const item of items) yield await Promise.resolve(item)
}

describe('records', () => {
  const records = [
    { id: 1, name: 'ann', ok: true },
    { id: 2.5, name: null, ok: false },
    { id: null, name: 'é', ok: null },
  ]

  test('have the digest of the same table in a file', async () => {
    const wanted = await csvDigest('id,name,ok\n1,ann,true\n2.5,,false\n,é,\n', {
      id: 'float64',
      name: 'utf8',
      ok: 'bool',
    })
    for (const source of [records, given(records), new Set(records), Readable.from(records)])
      expect(await digestOf(source)).toBe(wanted)
  })

  test('under a schema, have its types and its order of columns', async () => {
    const schema = { name: 'utf8', id: 'int16' }
    const source = [{ id: 7, name: 'x' }, { id: -1n, name: null }, {}]
    expect(await digestOf(source, { schema })).toBe(await csvDigest('name,id\nx,7\n,-1\n,\n', schema))
  })

  test('report columns with types, counts of nulls and statistics', async () => {
    const { kind, table } = await readDataset(records)
    expect(kind).toBe('memory')
    expect(table).toMatchObject({ format: 'arrow', rows: 3 })
    expect(table?.columns).toMatchObject([
      { name: 'id', type: 'float64', statistics: { nulls: 1, minimum: 1, maximum: 2.5 } },
      { name: 'name', type: 'utf8', statistics: { nulls: 1 } },
      { name: 'ok', type: 'bool', statistics: { nulls: 1, trues: 1 } },
    ])
    const bare = await readDataset(records, { statistics: false })
    expect(bare.table?.columns.map(({ statistics }) => statistics)).toEqual([undefined, undefined, undefined])
  })

  test('nested values, bytes, dates and maps have the types that they are', async () => {
    const source = [
      {
        l: [1, null],
        s: { a: 1n, b: 'x' },
        m: new Map([['k', true]]),
        y: Uint8Array.of(1),
        t: new Date(5),
        f: Float32Array.of(1),
      },
      { l: [], s: null, m: null, y: null, t: null, f: null },
    ]
    const { table } = await readDataset(source)
    expect(table?.columns.map(({ type }) => type)).toEqual([
      'list<float64>',
      'struct<a:int64,b:utf8>',
      'map<utf8,bool>',
      'binary',
      'timestamp(ms,UTC)',
      'list<float32>',
    ])
  })

  test('the same table comes of any division into batches, also of one across blocks', async () => {
    const rows = Array.from({ length: 70_001 }, (_, id) => ({ id, text: `row ${id % 10}`.repeat(id % 7) }))
    const text = rows.map((row) => `${row.id},"${row.text}"`).join('\n')
    const wanted = await csvDigest(`id,text\n${text}\n`, { id: 'float64', text: 'utf8' })
    expect(await digestOf(rows)).toBe(wanted)
    expect(await digestOf(given(rows))).toBe(wanted)
    const changed = rows.with(70_000, { id: 70_000, text: 'other' })
    expect(await digestOf(changed)).not.toBe(wanted)
  })

  test('nothing of one batch is left in the next, whose buffers are the same', async () => {
    const schema = {
      b: 'bool',
      n: 'int32',
      y: 'binary',
      l: 'list<utf8>',
      f: 'fixed_list<2,float64>',
      s: 'struct<b:bool,n:int64>',
      m: 'map<utf8,bool>',
      t: 'utf8',
    }
    const columnsWith = async (t: string): Promise<readonly string[]> => {
      const rows = Array.from({ length: 9000 }, (_, id) => {
        const isNull = (id * 7) % (id < 4000 ? 2 : 5) === 0
        const some = {
          b: id % 3 === 0,
          n: id,
          y: Buffer.from(`${id}`),
          l: [`${id}`, null],
          f: [id, null],
          s: { b: id % 2 === 0, n: null },
          m: new Map([[`${id}`, id % 2 === 0]]),
        }
        return isNull ? { t } : { ...some, t }
      })
      const { table } = await readDataset(given(rows), { schema })
      return table?.columns.slice(0, -1).map(({ name, digest }) => `${name} ${String(digest)}`) ?? []
    }
    const columns = await columnsWith('')
    expect(columns).toHaveLength(7)
    expect(await columnsWith('x'.repeat(5000))).toEqual(columns)
  })

  test('timers run while records or items are read that never let them', async () => {
    const rows = Array.from({ length: 100_000 }, (_, id) => ({ id, name: `name ${id}` }))
    for (const source of [rows, new Set(rows), given(rows), new Set(rows.map(({ name }) => [name]))]) {
      let fired = 0
      const timer = setInterval(() => (fired += 1), 1)
      await readDataset(source)
      clearInterval(timer)
      expect(fired).toBeGreaterThan(4)
    }
  })

  test('more than 8 MiB go through a temporary file', async () => {
    const rows = Array.from({ length: 40 }, (_, id) => ({ id, text: String(id % 10).repeat(1 << 20) }))
    const csv = rows.map((row) => `${row.id},${row.text}`).join('\n')
    const wanted = await csvDigest(`id,text\n${csv}\n`, { id: 'float64', text: 'utf8' })
    expect(await digestOf(given(rows))).toBe(wanted)
  })

  test('columns of no rows, rows of no columns, and columns of null are tables', async () => {
    const schema = { id: 'int64' }
    expect(await digestOf([], { schema })).toBe(await csvDigest('id\n', schema))
    expect(await digestOf(given([]), { schema })).toBe(await csvDigest('id\n', schema))
    const { table } = await readDataset([{}, {}])
    expect(table).toMatchObject({ rows: 2, columns: [] })
    expect((await readDataset([{ a: null }, { a: undefined }])).table?.columns).toMatchObject([
      { type: 'null' },
    ])
  })

  test('a minus zero, a NaN, and a text with a NUL are what they are', async () => {
    const all = [[{ a: 0 }], [{ a: -0 }], [{ a: NaN }], [{ a: '' }], [{ a: '\0' }], [{ a: null }]]
    const digests = await Promise.all(all.map((source) => digestOf(source)))
    expect(new Set(digests).size).toBe(all.length)
    expect(digests[2]).toBe(await csvDigest('a\nnan\n', { a: 'float64' }))
  })
})

describe('what is refused', () => {
  const schemas: readonly (readonly [string, unknown, string])[] = [
    ['a BigInt beyond 64 bits', 2n ** 63n, 'int64'],
    ['a number that lost digits', 2 ** 53 + 2, 'int64'],
    ['a fraction', 0.5, 'int32'],
    ['a minus zero as an integer', -0, 'int8'],
    ['an integer beyond its type', 256, 'uint8'],
    ['a negative one of no sign', -1, 'uint64'],
    ['a number that 32 bits round', 0.1, 'float32'],
    ['a number that 16 bits round', 2049, 'float16'],
    ['a number that 16 bits do not reach', 65_536, 'float16'],
    ['a date within a day', new Date(1), 'date32'],
    ['an invalid date', new Date(NaN), 'timestamp(ms,UTC)'],
    ['a date within a second', new Date(1), 'timestamp(s)'],
    ['a date beyond nanoseconds', new Date(8.64e15), 'timestamp(ns)'],
    ['a decimal with too many places', '1.005', 'decimal(5,2)'],
    ['a decimal with too many digits', 100_000n, 'decimal(5,0)'],
    ['another length', Uint8Array.of(1), 'fixed_binary(2)'],
    ['another number of elements', [1, 2], 'fixed_list<3,float64>'],
    ['a text as a number', '1', 'int64'],
    ['a member that is not declared', { b: 1 }, 'struct<a:int64>'],
    ['half of a surrogate pair', '\ud800', 'utf8'],
  ]
  test.each(schemas)('%s', async (_, value, type) => {
    await expect(readDataset([{ a: null }, { a: value }], { schema: { a: type } })).rejects.toMatchObject({
      ...ARGUMENT,
      field: 'a',
      message: expect.stringContaining('row 1') as string,
    })
  })

  const guessed: readonly (readonly [string, readonly unknown[]])[] = [
    ['two types in a column', [1, 'x']],
    ['numbers and BigInts', [1, 1n]],
    ['an invalid date', [new Date(0), new Date(NaN)]],
    ['a lone surrogate', ['a', 'b\udc00']],
    ['a BigInt beyond 64 bits', [1n, 2n ** 64n]],
    ['a function', [null, () => 1]],
    ['a symbol', [null, Symbol('x')]],
    ['an object of a class', [null, /x/]],
    ['objects with other keys', [{ a: 1 }, { b: 1 }]],
    ['objects with more keys', [{ a: 1 }, { a: 1, b: 1 }]],
    ['lists of several types', [[1], ['x']]],
  ]
  test.each(guessed)('without a schema, %s', async (_, values) => {
    const records = values.map((cell) => ({ cell }))
    for (const source of [records, given(records)]) {
      await expect(readDataset(source)).rejects.toMatchObject({
        ...ARGUMENT,
        field: 'cell',
        message: expect.stringContaining('row 1') as string,
      })
    }
  })

  test('half of a surrogate pair in the name of a column, a member, a key or a schema', async () => {
    const half = '\ud800'
    for (const source of [[{ [half]: 1 }], [{ a: { [half]: 1 } }], [[{ [half]: 1 }]], { [half]: [{ a: 1 }] }])
      await expect(readDataset(source)).rejects.toMatchObject({
        code: expect.stringMatching(/ARGUMENT|UNSUPPORTED/) as string,
      })
    for (const schema of [{ [half]: 'int8' }, { a: `struct<"${half}":int8>` }])
      await expect(readDataset([{ a: 1 }], { schema })).rejects.toMatchObject(ARGUMENT)
  })

  test('rows with other columns', async () => {
    for (const other of [{ b: 1 }, { a: 1, b: 1 }, {}]) {
      for (const source of [[{ a: 1 }, other], given([{ a: 1 }, other])])
        await expect(readDataset(source)).rejects.toMatchObject({ ...ARGUMENT, field: '[1]' })
    }
    await expect(readDataset([{ a: 1, b: 1 }], { schema: { a: 'int64' } })).rejects.toMatchObject(ARGUMENT)
    await expect(readDataset([{ a: 1 }, 5])).rejects.toMatchObject(ARGUMENT)
  })

  test('a type that only appears after the first rows of a stream', async () => {
    const rows = Array.from({ length: 5000 }, (_, row) => ({ a: row < 4500 ? null : 1 }))
    await expect(readDataset(given(rows))).rejects.toMatchObject({ ...ARGUMENT, field: 'a' })
    expect((await readDataset(rows)).table?.columns).toMatchObject([
      { type: 'float64', statistics: { nulls: 4500 } },
    ])
    const { table } = await readDataset(given(rows), { schema: { a: 'float64' } })
    expect(table?.columns[0]?.statistics?.nulls).toBe(4500)
  })

  test('values that are no datasets, or of which nobody knows what they are', async () => {
    const lone = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('x'))
        controller.close()
      },
    })
    const sources: readonly unknown[] = [
      5,
      null,
      undefined,
      true,
      () => 1,
      new Date(),
      /x/,
      Symbol('x'),
      {},
      new Map(),
      [],
      lone,
      { a: [1, 2] },
      { a: 'x.csv' },
      { a: { b: [] } },
      new Map([[1, new Uint8Array(1)]]),
      { a: new Uint8Array(1), b: [{ c: 1 }] },
    ]
    for (const source of sources)
      await expect(readDataset(source as object), String(source)).rejects.toMatchObject(ARGUMENT)
  })

  test('a getter, a Proxy or a stream that throws, with what it threw', async () => {
    const boom = new Error('boom')
    const thrower = (): never => {
      throw boom
    }
    const record = Object.defineProperty({ a: 1 }, 'b', { get: thrower, enumerable: true })
    await expect(readDataset([{ a: 1, b: 2 }, record])).rejects.toMatchObject({ ...UNREADABLE, field: 'b' })
    for (const trap of ['has', 'get', 'getPrototypeOf', 'ownKeys'])
      await expect(readDataset([new Proxy({ a: 1 }, { [trap]: thrower })])).rejects.toMatchObject(
        trap === 'has' ? {} : UNREADABLE,
      )
    async function* failing(): AsyncGenerator {
      yield { a: 1 }
      yield await Promise.resolve({ a: 2 })
      throw boom
    }
    await expect(readDataset(failing())).rejects.toMatchObject({ ...UNREADABLE, cause: boom })
    await expect(readDataset(Readable.from(failing()))).rejects.toMatchObject(UNREADABLE)
    const stream = new Readable({ read: () => stream.destroy(boom) })
    await expect(readDataset(stream)).rejects.toMatchObject({ ...UNREADABLE, cause: boom })
  })

  test('one object or buffer that a stream uses for all records is read before the next one', async () => {
    const wanted = await digestOf(
      [1, 2, 3].map((id) => ({ id, bytes: Uint8Array.of(id), at: new Date(id), of: [{ id }] })),
    )
    const shared = { id: 0, bytes: new Uint8Array(1), at: new Date(0), of: [{ id: 0 }] }
    function* records(): Generator {
      for (const id of [1, 2, 3]) {
        shared.id = id
        shared.bytes[0] = id
        shared.at.setTime(id)
        Object.assign(shared.of[0] ?? {}, { id })
        yield shared
      }
    }
    expect(await digestOf(records())).toBe(wanted)
    const buffer = Buffer.alloc(1)
    function* items(): Generator {
      for (const id of [1, 2]) yield buffer.fill(id)
    }
    expect(await digestOf(items())).toBe(await digestOf([Buffer.from([1]), Buffer.from([2])]))
  })

  test('tables of libraries that state what they do not have', async () => {
    const type = { typeId: 2, bitWidth: 32, isSigned: true }
    const table = (numRows: number, length = numRows, fields = [{ name: 'a', type }]): object => {
      const children = [{ length, offset: 0, values: new Int32Array(2) }]
      return { schema: { fields }, numRows, batches: [{ data: { length, children } }] }
    }
    expect((await readDataset(table(2))).table?.rows).toBe(2)
    for (const lying of [
      table(1e12),
      table(-1),
      table(NaN),
      table(Infinity),
      table(1, 2),
      table(3),
      table(2 ** 52, 2, []),
    ])
      await expect(readDataset(lying)).rejects.toMatchObject(ARGUMENT)
    const cyclic = { typeId: 12, children: [] as object[] }
    cyclic.children.push({ name: 'x', type: cyclic })
    const deep = { schema: { fields: [{ name: 'a', type: cyclic }] }, numRows: 0, batches: [] }
    await expect(readDataset(deep)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_UNSUPPORTED' })
    const odd = { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(5) }) }
    await expect(readDataset(odd)).rejects.toMatchObject(UNREADABLE)
  })

  test('an iterator is ended once if the dataset is refused', async () => {
    let ended = 0
    async function* items(): AsyncGenerator {
      try {
        for (;;) yield await Promise.resolve({ a: Symbol('x') })
      } finally {
        ended += 1
      }
    }
    await expect(readDataset(items())).rejects.toMatchObject(ARGUMENT)
    expect(ended).toBe(1)
  })

  test('a signal stops a stream without end', async () => {
    let count = 0
    const controller = new AbortController()
    async function* items(): AsyncGenerator {
      for (;;) {
        count += 1
        if (count === 200_000) controller.abort()
        yield await Promise.resolve({ a: count })
      }
    }
    await expect(readDataset(items(), { signal: controller.signal })).rejects.toMatchObject({
      name: 'AbortError',
    })
    await expect(readDataset(given([1, 2]), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    })
  })
})

describe('sequences', () => {
  test('bytes are the records of a file with them', async () => {
    const { sequence } = await readDataset([
      Buffer.from('one'),
      new Uint8Array(),
      new DataView(new ArrayBuffer(2)),
    ])
    expect(sequence).toMatchObject({ format: 'records', records: 3 })
    const lines = Array.from({ length: 70_000 }, (_, at) => `line ${at}`)
    const folder = folderOf({ 'a.jsonl': lines.join('\n') })
    const wanted = await hashRecords(join(folder, 'a.jsonl'), { algorithm: 'both' })
    const found = await readDataset(given(lines.map((line) => Buffer.from(line))), { algorithm: 'both' })
    expect(found.digests).toEqual(wanted.digests)
  })

  test('items have the digest that docs/format.md shows', async () => {
    const shown = '5ddf42cfca02ffedcb8c5b926a3f6f76a79b310e3c5d21167ae57105c6f4398b'
    expect(await digestOf([1, 'two', [3]])).toBe(`sequence.v1.blake3:${shown}`)
  })

  test('items differ by value and by type', async () => {
    const items: readonly unknown[] = [
      null,
      0,
      false,
      '',
      '0',
      [],
      [0],
      [null],
      [[0]],
      -0,
      NaN,
      Infinity,
      0.5,
      1n << 70n,
      new Uint8Array(1),
      new Int32Array(1),
      new Map(),
      { data: new Float32Array(6), shape: [2, 3] },
      { data: new Float32Array(6), shape: [3, 2] },
    ]
    const digests = await Promise.all(items.map((item) => digestOf(['first', item])))
    expect(new Set(digests).size).toBe(items.length)
    expect(await digestOf([['a', 'b']])).not.toBe(await digestOf(['a', 'b']))
    expect(await digestOf(['ab', 'c'])).not.toBe(await digestOf(['a', 'bc']))
    expect(await digestOf([Buffer.from('a')])).not.toBe(await digestOf(['a']))
  })

  test('a failure half-way, bytes among other values and what has no value are refused', async () => {
    await expect(readDataset([Buffer.from('a'), 'b'])).rejects.toMatchObject({ ...ARGUMENT, field: '[1]' })
    await expect(readDataset(['a', '\ud800'])).rejects.toMatchObject({ ...ARGUMENT, field: '[1]' })
    await expect(readDataset([1, () => 1])).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_UNSUPPORTED' })
    const cyclic: unknown[] = []
    cyclic.push(cyclic)
    await expect(readDataset([1, cyclic])).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_UNSUPPORTED' })
  })

  test('a promise is refused: it is not what it resolves to', async () => {
    for (const promise of [Promise.resolve([{ a: 1 }]), Promise.resolve({ data: [1], shape: [1] })])
      await expect(readDataset(promise as never)).rejects.toMatchObject({
        ...ARGUMENT,
        received: 'a promise',
      })
  })
})

describe('streams of bytes', () => {
  test('have the plain digest of the bytes, whatever their pieces', async () => {
    const bytes = Buffer.from('some bytes of a file')
    const { digest } = await hashBytes(bytes)
    const pieces = (): Readable =>
      Readable.from([bytes.subarray(0, 3), bytes.subarray(3)], { objectMode: false })
    for (const stream of [pieces(), new Blob([bytes]).stream(), new Response(bytes).body ?? []])
      expect((await readDataset(stream)).digest).toEqual(digest)
  })
})

describe('groups', () => {
  test('named arrays have the weights digest, in any order', async () => {
    const [x, y] = [Float32Array.of(1, 2), { data: Int32Array.of(1, 2, 3, 4), shape: [2, 2] }]
    const found = await readDataset({ x, y }, { algorithm: 'both' })
    expect(found).toMatchObject({
      kind: 'memory',
      arrays: [
        { name: 'x', dtype: 'F32', shape: [2] },
        { name: 'y', dtype: 'I32', shape: [2, 2] },
      ],
    })
    const { hashTensors } = await import('../../../src/model/in-memory.ts')
    const model = await hashTensors({
      x: { dtype: 'F32', shape: [2], data: x },
      y: { dtype: 'I32', ...y },
    })
    expect(found.digests.blake3).toEqual(model.weights)
    expect(
      (
        await readDataset(
          new Map<string, object>([
            ['y', y],
            ['x', x],
          ]),
          { algorithm: 'both' },
        )
      ).digests,
    ).toEqual(found.digests)
  })

  test('named tables are splits, in any order', async () => {
    const [train, test_] = [[{ a: 1 }, { a: 2 }], [{ a: 3 }]]
    const found = await readDataset({ train, test: given(test_) })
    expect(found.digest.kind).toBe('splits')
    expect(found.splits?.list).toMatchObject([
      { name: 'test', table: { rows: 1 } },
      { name: 'train', table: { rows: 2 } },
    ])
    expect(await digestOf({ test: test_, train })).toBe(found.digest.toString())
    expect(await digestOf({ test: train, train: test_ })).not.toBe(found.digest.toString())
  })

  test('an error names the member', async () => {
    await expect(readDataset({ train: [{ a: 1 }], test: [{ a: Symbol('x') }] })).rejects.toMatchObject({
      ...ARGUMENT,
      message: expect.stringContaining('"test": column "a", row 0') as string,
    })
  })
})

describe('collisions of other tools', () => {
  test.each<[string, object, object]>([
    ['[null] and [0]', [null], [0]],
    ['a column of null and of 0', [{ a: null }], [{ a: 0 }]],
    ['int32 and int64', Int32Array.of(1, 0), BigInt64Array.of(1n)],
    ['zeros(2,f4) and zeros(1,f8)', new Float32Array(2), new Float64Array(1)],
    [
      '(2,3) and (3,2)',
      { data: new Float32Array(6), shape: [2, 3] },
      { data: new Float32Array(6), shape: [3, 2] },
    ],
    ['another name of a column', [{ a: 1 }], [{ b: 1 }]],
    ['another order of columns', [{ a: 1, b: 1 }], [{ b: 1, a: 1 }]],
    ['a in one column and b in the other', [{ a: 'x', b: null }], [{ a: null, b: 'x' }]],
  ])('%s', async (_, a, b) => {
    expect(await digestOf(a)).not.toBe(await digestOf(b))
  })

  test('a change in the last row of 1,999,999', async () => {
    const rows = 1_999_999
    const digestWith = (last: number): Promise<string> => {
      const values = new Int32Array(rows).with(rows - 1, last)
      const type = { typeId: 2, bitWidth: 32, isSigned: true }
      const table = { schema: { fields: [{ name: 'n', type }] }, numRows: rows }
      return digestOf({ ...table, data: { children: [{ length: rows, values }] } })
    }
    const digests = [await digestWith(0), await digestWith(1), await digestWith(1)]
    expect(new Set(digests).size).toBe(2)
    expect(digests[1]).toBe(digests[2])
  })

  test('folders a = "bc" and ab = "c"', async () => {
    const digests = [{ a: 'bc' }, { ab: 'c' }, { 'a/b': 'c' }].map((files) => digestOfPath(folderOf(files)))
    expect(new Set(await Promise.all(digests)).size).toBe(3)
  })

  test('another index of a frame', async () => {
    const digestWith = (index: readonly unknown[]): Promise<string> =>
      digestOf({
        columns: ['a'],
        dtypes: ['int32'],
        index,
        shape: [2, 1],
        column: () => ({ values: [1, 2] }),
        setIndex: () => undefined,
      })
    const digests = await Promise.all([[0, 1], [1, 2], ['0', '1'], [1, 0]].map(digestWith)) // prettier-ignore
    expect(new Set(digests).size).toBe(4)
  })

  test('int32 and int64 of a table', async () => {
    const [narrow, wide] = ['int32', 'int64'].map((a) => digestOf([{ a: 1 }], { schema: { a } }))
    expect(await narrow).not.toBe(await wide)
  })
})

describe('buffers', () => {
  test('one that is detached or too short is refused', async () => {
    const bytes = new Float32Array(4)
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    await expect(readDataset(bytes)).rejects.toMatchObject(ARGUMENT)
    await expect(readDataset([{ a: bytes }])).rejects.toMatchObject(ARGUMENT)
    await expect(readDataset({ data: bytes, shape: [4] })).rejects.toMatchObject(ARGUMENT)
  })

  test('one that shrinks while it is read is an error, and never the digest of a part', async () => {
    const buffer = new ArrayBuffer(40 << 20, { maxByteLength: 40 << 20 })
    const promise = readDataset(new Uint8Array(buffer))
    setImmediate(() => buffer.resize(1 << 20))
    await expect(promise).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_CHANGED' })
  })
})
