/** What a Python program states of its datasets. */
import { expect, test } from 'vitest'
import { python } from './support.ts'

test('statements and the table of a database', { timeout: 120_000 }, async () => {
  const { record, code } = await python(`
import lineaprint, numpy, sqlite3
database = sqlite3.connect("shop.db")
database.executescript("CREATE TABLE a (x INT); INSERT INTO a VALUES (1); CREATE TABLE b (y TEXT)")
database.commit()
database.close()
lineaprint.track_dataset("shop.db", "db", table="a", licenses="MIT", preprocessing=["sort", "cut"])
lineaprint.track_dataset(numpy.zeros(2), "array", sources=["https://example.org"])
lineaprint.track_dataset("shop.db", "wrong", licenses=[1])
lineaprint.track_dataset("shop.db", "empty", table="")
`)
  expect(code).toBe(0)
  expect(record.datasets).toMatchObject({
    db: { table: { name: 'a', rows: 1 }, stated: { licenses: ['MIT'], preprocessing: ['sort', 'cut'] } },
    array: { kind: 'array', stated: { sources: ['https://example.org'] } },
  })
  expect(Object.keys(record.datasets).toSorted()).toEqual(['array', 'db'])
  const warnings = record.warnings.filter((warning) => warning.includes('track_dataset'))
  expect(warnings).toEqual([
    expect.stringContaining('licenses must be a text or a list of texts'),
    expect.stringContaining('the name of the table must be a non-empty string'),
  ])
})
