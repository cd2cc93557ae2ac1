import { expect, test } from 'vitest'
import { readJson } from '../../soak/formats-json.ts'
import { soundModel } from '../../soak/formats-mutate.ts'
import { readSlowly } from '../../soak/formats-reader.ts'
import { formatsRound } from '../../soak/formats.ts'
import { Generator } from '../../src/capture/seeds/generator.ts'
import { fromHeader } from '../support/safetensors.ts'
import { faultsOf, quietly } from './support.ts'

test('a model file gives a typed error or what the slow reader finds', { timeout: 120_000 }, async () => {
  const outcome = await formatsRound({ ...quietly, executions: 2000 })
  expect(faultsOf(outcome)).toEqual([])
  expect(outcome.rounds).toBe(2000)
})

test('the slow reader takes sound models', () => {
  for (let seed = 0; seed < 100; seed++) {
    const { entry, files } = soundModel(new Generator(seed))
    if ([...files.values()].some((file) => file.includes('{}'))) continue
    expect(readSlowly(entry, files)).toBeInstanceOf(Map)
  }
})

test('and refuses others', () => {
  const t = '"dtype":"F32","shape":[1],"data_offsets":[0,4]'
  const broken = [
    '{}',
    `{"t":{${t}},"t":{${t}}}`,
    `{"t":{${t}},"\\u0074":{${t}}}`,
    `{"t":{${t},"extra":1}}`,
    '{"t":["F32",[1],[0,4]]}',
    '{"t":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}',
    '{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
    ` {"t":{${t}}}`,
    `{"t":{${t}}}\n`,
    `{"\\ud800":{${t}}}`,
    `{"__metadata__":{"a":1},"t":{${t}}}`,
  ]
  const read = (header: string): unknown =>
    readSlowly('m', new Map([['m', Buffer.from(fromHeader(header, new Uint8Array(4)))]]))
  expect(read(`{"t":{${t}}}  `)).toBeInstanceOf(Map)
  for (const header of broken) expect(() => read(header), header).toThrow(SyntaxError)
})

test('the slow JSON reader agrees with JSON.parse on what is JSON', () => {
  for (const text of ['1', '-0.5e+3', '[ ]', '{"a":[1,{"b":null}]}', '"\\u00e9\\n"', ' true\n', '""']) {
    expect(() => readJson(text), text).not.toThrow()
    expect(() => JSON.parse(text) as unknown, text).not.toThrow()
  }
  for (const text of [
    '',
    '01',
    '+1',
    '.5',
    '1.',
    '[1,]',
    '{"a"}',
    '"\\x"',
    '"\n"',
    '1 2',
    'nul',
    '{,}',
    '\ufeff1',
  ]) {
    expect(() => readJson(text), text).toThrow(SyntaxError)
    expect(() => JSON.parse(text) as unknown, text).toThrow(SyntaxError)
  }
})
