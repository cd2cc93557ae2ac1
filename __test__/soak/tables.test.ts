import { expect, test } from 'vitest'
import { soundTable } from '../../soak/tables-mutate.ts'
import { readCsvSlowly } from '../../soak/tables-reader.ts'
import { tablesRound } from '../../soak/tables.ts'
import { hashTable } from '../../src/dataset/table.ts'
import { Generator } from '../../src/capture/seeds/generator.ts'
import { faultsOf, quietly } from './support.ts'

test('a file of a table gives a typed error or one digest', { timeout: 120_000 }, async () => {
  const outcome = await tablesRound({ ...quietly, executions: 2000 })
  expect(faultsOf(outcome)).toEqual([])
  expect(outcome.rounds).toBe(2000)
})

test('sound tables are read', async () => {
  for (let seed = 0; seed < 100; seed++) {
    const { format, content } = soundTable(new Generator(seed))
    expect((await hashTable(content, { format })).digest.type).toBe('table.v1.blake3')
  }
})

test('the slow reader of CSV', () => {
  const read = (text: string): string[][] => readCsvSlowly(Buffer.from(text))
  expect(read('\ufeffa,"b ""c"""\r\n1,"x\ny"\n,')).toEqual([
    ['a', 'b "c"'],
    ['1', 'x\ny'],
    ['', ''],
  ])
  expect(read('a\n\n')).toEqual([['a'], ['']])
  for (const text of ['', 'a,b\n1', 'a"b', '"a', '"a"b', 'a\rb', 'a\r', 'a\n\n1,2'])
    expect(() => read(text), text).toThrow(SyntaxError)
})
