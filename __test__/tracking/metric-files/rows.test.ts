import fc from 'fast-check'
import { expect, test } from 'vitest'
import { metricFormat, rowReader } from '../../../src/tracking/metric-files/rows.ts'

test.each([
  ['a/metrics.json', 'json'],
  ['M.JSONL', 'jsonl'],
  ['m.ndjson', 'jsonl'],
  ['m.csv', 'csv'],
  ['m.tsv', 'tsv'],
])('%s is %s', (path, format) => {
  expect(metricFormat(path)).toBe(format)
})

test.each(['m.txt', 'json', 'm.json.gz', ''])('%j is refused', (path) => {
  expect(() => metricFormat(path)).toThrow(expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT' }))
})

function rowsOf(text: string, format: 'csv' | 'tsv' = 'csv'): (readonly (readonly [string, number])[])[] {
  const reader = rowReader(format)
  return text.split('\n').flatMap((line) => {
    const row = reader.row(line)
    return row === undefined ? [] : [row.values]
  })
}

test.each([
  [
    'a,b\n1,2\n\n3,4',
    [
      [
        ['a', 1],
        ['b', 2],
      ],
      [
        ['a', 3],
        ['b', 4],
      ],
    ],
  ],
  [
    '\uFEFFa;b\n1;2',
    [
      [
        ['a', 1],
        ['b', 2],
      ],
    ],
  ],
  // A cell in quotes has separators, quotes and line ends.
  [
    '"a,x","b""y"\n"1","2"',
    [
      [
        ['a,x', 1],
        ['b"y', 2],
      ],
    ],
  ],
  ['note,b\n"one\ntwo",2', [[['b', 2]]]],
  ['a,b\n1', [[['a', 1]]]],
])('%j', (text, rows) => {
  expect(rowsOf(text)).toEqual(rows)
})

test('tabs separate the cells of .tsv', () => {
  expect(rowsOf('a\tb,c\n1\t2', 'tsv')).toEqual([
    [
      ['a', 1],
      ['b,c', 2],
    ],
  ])
})

test('a table without a header, and a row with too many cells, are refused', () => {
  expect(() => rowReader('csv').row('1,2.5,-3')).toThrow(/no header/)
  const reader = rowReader('csv')
  reader.row('a,b')
  expect(() => reader.row('1,2,3')).toThrow(/more cells/)
  expect(reader.row('1,2')?.values).toHaveLength(2)
})

test('cells are read as they were written, in quotes or not', () => {
  const cell = fc.oneof(fc.string(), fc.constantFrom('a,b', '"', 'x\ny', '1.5', ''))
  fc.assert(
    fc.property(fc.array(cell, { minLength: 1, maxLength: 6 }), (names) => {
      const quoted = names.map((name) => `"${`n${name}`.replaceAll('"', '""')}"`).join(',')
      const reader = rowReader('csv')
      for (const line of quoted.split('\n')) reader.row(line)
      const row = reader.row(names.map((_, index) => String(index)).join(','))
      expect(row?.values).toEqual(
        names.flatMap((name, index) => {
          const key = `n${name}`.trim()
          return key === '' ? [] : [[key, index]]
        }),
      )
    }),
  )
})

test('a quote that is never closed costs time in proportion to the lines behind it', () => {
  const reader = rowReader('csv')
  expect(reader.row('a,b')).toBeUndefined()
  expect(reader.row('1,"open')).toBeUndefined()
  const refused: unknown[] = []
  for (let line = 0; line < 300_000; line++) {
    try {
      reader.row('12345678')
    } catch (error) {
      refused.push(error)
    }
  }
  // What follows is read as rows again.
  expect(refused).toMatchObject([
    { code: 'ERR_LINEAPRINT_FORMAT', expected: expect.stringContaining('1048576') as string },
  ])
  expect(reader.row('3,4')?.values).toEqual([
    ['a', 3],
    ['b', 4],
  ])
})

test('a header of several lines, with semicolons and a byte order mark', () => {
  expect(rowsOf('\uFEFFa;"b\nc"\n1;2')).toEqual([
    [
      ['a', 1],
      ['b\nc', 2],
    ],
  ])
})

test('a number beyond a double is named, and is not infinite', () => {
  const reader = rowReader('csv')
  reader.row('a,b,c')
  expect(reader.row('1,1e999,inf')).toMatchObject({
    values: [
      ['a', 1],
      ['c', Infinity],
    ],
    beyond: ['b'],
  })
})
