/** Requests of programs that start a run: hostile input is refused, and another version is named as such. */
import { expect, test } from 'vitest'
import { parseRequest } from '../../src/command/program-request.ts'
import { PROTOCOL } from '../../src/command/python-bridge/frames.ts'

const GOOD = { protocol: PROTOCOL, pid: 7, startTime: null, argv: ['python', 'train.py'], isRepeatable: true }

test('a request with everything, and with the least', () => {
  expect(parseRequest(JSON.stringify(GOOD))).toEqual(GOOD)
  const paths = [{ name: 'a', path: '/a' }]
  const all = {
    ...GOOD,
    startTime: 5,
    name: 'n',
    tags: ['t'],
    notes: '',
    metadata: { a: [1] },
    seed: 3,
    outputDir: '/o',
    config: '/c',
    datasets: paths,
    models: paths,
    outputs: paths,
  }
  expect(parseRequest(JSON.stringify(all))).toEqual(all)
})

test.each([
  ['', 'ERR_LINEAPRINT_ARGUMENT'],
  ['{', 'ERR_LINEAPRINT_ARGUMENT'],
  ['null', 'ERR_LINEAPRINT_STATE'],
  ['[]', 'ERR_LINEAPRINT_STATE'],
  [JSON.stringify({ ...GOOD, protocol: PROTOCOL + 1, more: 1 }), 'ERR_LINEAPRINT_STATE'],
  [JSON.stringify({ ...GOOD, pid: 0 }), 'ERR_LINEAPRINT_ARGUMENT'],
  [JSON.stringify({ ...GOOD, pid: 1.5 }), 'ERR_LINEAPRINT_ARGUMENT'],
  [JSON.stringify({ ...GOOD, argv: [] }), 'ERR_LINEAPRINT_ARGUMENT'],
  [JSON.stringify({ ...GOOD, seed: -1 }), 'ERR_LINEAPRINT_ARGUMENT'],
  [JSON.stringify({ ...GOOD, seed: 2 ** 53 }), 'ERR_LINEAPRINT_ARGUMENT'],
  [JSON.stringify({ ...GOOD, tags: 'a' }), 'ERR_LINEAPRINT_ARGUMENT'],
  [JSON.stringify({ ...GOOD, datasets: [{ name: '', path: '/a' }] }), 'ERR_LINEAPRINT_ARGUMENT'],
  [JSON.stringify({ ...GOOD, unknown: 1 }), 'ERR_LINEAPRINT_ARGUMENT'],
])('%s is refused', (text, code) => {
  expect(() => parseRequest(text)).toThrow(expect.objectContaining({ code }) as Error)
})
