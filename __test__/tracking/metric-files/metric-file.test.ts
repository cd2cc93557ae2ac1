import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LineaprintError } from '../../../src/core/errors.ts'
import { MetricFile } from '../../../src/tracking/metric-files/metric-file.ts'
import { folderOf } from '../../support/folder.ts'
import type { MetricSink } from '../../../src/tracking/metric-files/metric-file.ts'

type Logged = readonly [name: string, value: number, step: number | undefined]

interface Watched {
  readonly file: MetricFile
  readonly path: string
  readonly logged: Logged[]
  readonly warnings: string[]
}

/** A file that is watched from before the run on. */
async function watched(
  name: string,
  before?: string,
  limits?: { rows: number; values: number; names: number },
): Promise<Watched> {
  const path = join(folderOf(), name)
  if (before !== undefined) writeFileSync(path, before)
  const logged: Logged[] = []
  const warnings: string[] = []
  const sink: MetricSink = {
    log: (metric, value, step) => {
      if (metric === 'refused') throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'not this name')
      logged.push([metric, value, step])
    },
    warn: (sentence) => warnings.push(sentence),
  }
  const file = new MetricFile(path, name, sink, limits)
  await file.begin()
  return { file, path, logged, warnings }
}

test('a document is read at the end, once', async () => {
  const { file, path, logged } = await watched('metrics.json')
  writeFileSync(path, '{"loss":1}')
  await file.poll()
  writeFileSync(path, '{"loss":0.5,"val":{"acc":NaN},"note":"x"}')
  expect(await file.finish()).toEqual({
    path,
    source: 'metrics.json',
    status: 'read',
    format: 'json',
    values: 2,
  })
  expect(logged).toEqual([
    ['loss', 0.5, undefined],
    ['val.acc', NaN, undefined],
  ])
})

test('the elements of a list in a document are rows', async () => {
  const { file, path, logged, warnings } = await watched('history.json')
  writeFileSync(path, '[{"loss":1},{"loss":2,"step":10},3]')
  await file.finish()
  expect(logged).toEqual([
    ['loss', 1, 0],
    ['loss', 2, 10],
  ])
  expect(warnings).toMatchObject([expect.stringContaining('element 2 is not an object')])
})

test('rows are recorded as they are appended, and a line without an end at the end only', async () => {
  const { file, path, logged } = await watched('log.jsonl')
  await file.poll()
  writeFileSync(path, '{"a":1}\n{"a"')
  await file.poll()
  expect(logged).toEqual([['a', 1, 0]])
  await file.poll()
  appendFileSync(path, ':2}\n{"a":3,"epoch":7}')
  await file.poll()
  expect(logged).toHaveLength(2)
  expect(await file.finish()).toMatchObject({ status: 'read', rows: 3, values: 3 })
  expect(logged).toEqual([
    ['a', 1, 0],
    ['a', 2, 1],
    ['a', 3, 7],
  ])
})

test('a last line that was cut off is a warning, and the rows before it stand', async () => {
  const { file, path, logged, warnings } = await watched('log.jsonl')
  writeFileSync(path, '{"a":1}\n{"a":')
  expect(await file.finish()).toMatchObject({ status: 'read', values: 1 })
  expect(logged).toHaveLength(1)
  expect(warnings).toMatchObject([expect.stringMatching(/^log\.jsonl: 1 row could not be read; .*line 2/)])
})

test('a table that is replaced with more rows and columns has each value once', async () => {
  const { file, path, logged, warnings } = await watched('t.csv')
  const replace = (text: string): void => {
    writeFileSync(`${path}.tmp`, text)
    renameSync(`${path}.tmp`, path)
  }
  replace('step,a\n0,1\n')
  await file.poll()
  replace('step,a,b\n0,1,\n5,2,9\n')
  await file.poll()
  replace('step,a,b\n0,1,\n5,2,9\n6,3,\n')
  expect(await file.finish()).toMatchObject({ rows: 3, values: 4 })
  expect(logged).toEqual([
    ['a', 1, 0],
    ['a', 2, 5],
    ['b', 9, 5],
    ['a', 3, 6],
  ])
  expect(warnings).toEqual([])
})

test('a file that is written again in place with other rows has both, and says so', async () => {
  const { file, path, logged, warnings } = await watched('t.csv')
  writeFileSync(path, 'a\n1\n2\n')
  await file.poll()
  writeFileSync(path, 'a\n5\n2\n3\n')
  expect(await file.finish()).toMatchObject({ values: 4 })
  expect(logged.map(([, value]) => value)).toEqual([1, 2, 5, 3])
  expect(warnings).toMatchObject([expect.stringContaining('1 row changed while the run went on')])
})

test('a file that is truncated keeps what was recorded, and goes on from its new beginning', async () => {
  const { file, path, logged } = await watched('t.csv')
  writeFileSync(path, 'a\n1\n2\n3\n')
  await file.poll()
  truncateSync(path, 0)
  await file.poll()
  appendFileSync(path, 'a\n1\n9\n')
  await file.finish()
  expect(logged.map(([, value]) => value)).toEqual([1, 2, 3, 9])
})

test('of a file that was there before, only the rows that the run appended are its values', async () => {
  const { file, path, logged, warnings } = await watched('log.csv', 'a\n1\n2\n')
  appendFileSync(path, '3\n')
  await file.poll()
  appendFileSync(path, '4\n')
  expect(await file.finish()).toMatchObject({ status: 'read', rows: 2, values: 2 })
  expect(logged).toEqual([
    ['a', 3, 2],
    ['a', 4, 3],
  ])
  expect(warnings).toMatchObject([expect.stringContaining('2 rows before the run')])
})

test('a file that the run writes again with the same rows has all of them', async () => {
  const { file, path, logged, warnings } = await watched('log.csv', 'a\n1\n2\n')
  writeFileSync(`${path}.tmp`, 'a\n1\n2\n')
  renameSync(`${path}.tmp`, path)
  expect(await file.finish()).toMatchObject({ status: 'read', rows: 2, values: 2 })
  expect(logged).toHaveLength(2)
  expect(warnings).toEqual([])
})

test.each(['metrics.json', 'log.csv'])('%s that the run did not write is not checked', async (name) => {
  const { file, logged, warnings } = await watched(name, name.endsWith('json') ? '{"a":1}' : 'a\n1\n')
  await file.poll()
  expect(await file.finish()).toMatchObject({ status: 'not-checked', values: 0 })
  expect(logged).toEqual([])
  expect(warnings).toMatchObject([expect.stringContaining('there before the run')])
})

test('a file that is not there, a folder and a FIFO are not checked, and nothing waits for them', async () => {
  for (const make of [
    () => undefined,
    (path: string) => mkdirSync(path),
    (path: string) => spawnSync('mkfifo', [path]),
  ]) {
    const { file, path, warnings } = await watched('m.csv')
    make(path)
    await file.poll()
    expect(await file.finish()).toMatchObject({ status: 'not-checked', values: 0 })
    expect(warnings).toHaveLength(1)
  }
})

test('a file that vanishes keeps the values that were recorded', async () => {
  const { file, path, logged } = await watched('m.csv')
  writeFileSync(path, 'a\n1\n')
  await file.poll()
  rmSync(path)
  expect(await file.finish()).toMatchObject({ status: 'not-checked', values: 1 })
  expect(logged).toHaveLength(1)
})

test.each([
  ['binary', Buffer.from([0, 255, 10, 7, 10])],
  ['a document', Buffer.from('{"a":')],
  ['one long line', Buffer.alloc(3 << 20, 'x')],
])('%s in a file of rows is a warning', async (_, content) => {
  const { file, path, logged, warnings } = await watched('m.jsonl')
  writeFileSync(path, content)
  await file.poll()
  const found = await file.finish()
  expect(found.values).toBe(0)
  expect(logged).toEqual([])
  expect(warnings).toHaveLength(1)
})

test('a value that is refused is counted, and the others are recorded', async () => {
  const { file, path, logged, warnings } = await watched('m.jsonl')
  writeFileSync(path, '{"refused":1,"a":2}\n')
  await file.finish()
  expect(logged).toEqual([['a', 2, 0]])
  expect(warnings).toMatchObject([expect.stringContaining('not this name')])
})

test.each([
  [{ rows: 2, values: 9, names: 9 }, '{"a":1}\n{"a":2}\n{"a":3}\n', ['a 1', 'a 2']],
  [{ rows: 9, values: 3, names: 9 }, '{"a":1,"b":2}\n{"a":3,"b":4}\n', ['a 1', 'b 2', 'a 3']],
  [{ rows: 9, values: 9, names: 1 }, '{"a":1}\n{"a":2,"b":3}\n{"a":4}\n', ['a 1', 'a 2']],
])('with the limits %j, no more is recorded', async (limits, text, expected) => {
  const { file, path, logged, warnings } = await watched('log.jsonl', undefined, limits)
  writeFileSync(path, text)
  expect(await file.finish()).toMatchObject({ status: 'read', rows: 2, values: expected.length })
  expect(logged.map(([name, value]) => `${name} ${value}`)).toEqual(expected)
  const { rows, values, names } = limits
  expect(warnings).toEqual([
    `log.jsonl: it has more than ${rows} rows, ${values} values or ${names} names, and only these are recorded`,
  ])
})

test('a file that was full before the run is read if the run replaces it', async () => {
  const limits = { rows: 2, values: 9, names: 9 }
  const { file, path, logged, warnings } = await watched('log.jsonl', '{"a":1}\n{"a":2}\n{"a":3}\n', limits)
  writeFileSync(path, '{"a":9}\n')
  expect(await file.finish()).toMatchObject({ status: 'read', rows: 1, values: 1 })
  expect(logged).toEqual([['a', 9, 0]])
  expect(warnings).toEqual([])
})
