/** The error about a message that cannot be used: one case for each kind of thing a schema refuses. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkMessage } from '../../../src/command/python-bridge/messages.ts'
import { HELLO } from './hello.ts'

const SEEDS = { call: 'seeds', seed: 1, origin: 'run', deterministic: false, path: [], targets: [] }
const DATASET = { call: 'dataset', id: 1, name: 'd' }
const MODEL = { call: 'model', id: 1, name: 'm' }
const metrics = (...values: readonly unknown[]): object => ({ call: 'metrics', values })

const reported = (fields: object): object => ({
  call: 'reported',
  source: 'wandb',
  instance: 1,
  values: [],
  ...fields,
})

test.each([
  [{}, '', 'call', { code: 'invalid_union', discriminator: 'call' }],
  [{ call: { a: 1 } }, '', 'call', { code: 'invalid_union', discriminator: 'call' }],
  [{ call: 'eval' }, 'eval', 'call', { code: 'invalid_union', discriminator: 'call' }],
  [{ call: 'flush' }, 'flush', 'id', { code: 'invalid_type', expected: 'number' }],
  [{ call: 'flush', id: '1' }, 'flush', 'id', { code: 'invalid_type', expected: 'number' }],
  [{ call: 'flush', id: 1.5 }, 'flush', 'id', { code: 'invalid_type', expected: 'int' }],
  [{ call: 'flush', id: -1 }, 'flush', 'id', { code: 'too_small', minimum: 0 }],
  [{ call: 'flush', id: 2 ** 60 }, 'flush', 'id', { code: 'too_big', maximum: 9007199254740991 }],
  [{ ...HELLO, protocol: 2 }, 'hello', 'protocol', { code: 'invalid_value', values: [1] }],
  [
    { ...HELLO, kind: 'x' },
    'hello',
    'kind',
    { code: 'invalid_value', values: ['program', 'spawned', 'forked'] },
  ],
  [{ ...HELLO, version: 'x'.repeat(65) }, 'hello', 'version', { code: 'too_big', maximum: 64 }],
  [{ ...HELLO, hashSeed: 1 }, 'hello', 'hashSeed', { code: 'invalid_type', expected: 'string' }],
  [{ ...HELLO, path: Array(65).fill(1) }, 'hello', 'path', { code: 'too_big', maximum: 64 }],
  [{ ...HELLO, path: 'x' }, 'hello', 'path', { code: 'invalid_type', expected: 'array' }],
  [{ ...SEEDS, deterministic: 1 }, 'seeds', 'deterministic', { code: 'invalid_type', expected: 'boolean' }],
  [{ ...SEEDS, targets: [{}] }, 'seeds', 'targets.0.name', { code: 'invalid_type', expected: 'string' }],
  [{ call: 'state', at: 'end', generators: [] }, 'state', 'generators', { code: 'custom' }],
  [{ call: 'metadata', values: 1 }, 'metadata', 'values', { code: 'custom' }],
  [{ call: 'tags', tags: [''] }, 'tags', 'tags.0', { code: 'too_small', minimum: 1 }],
  [{ ...MODEL, remarks: ['x'.repeat(2001)] }, 'model', 'remarks.0', { code: 'too_big', maximum: 2000 }],
  [{ ...MODEL, config: { name: 'n' } }, 'model', 'config.text', { code: 'invalid_type', expected: 'string' }],
  [
    { ...MODEL, config: { name: 'n', text: 'x'.repeat(2 ** 20 + 1), ignored: [] } },
    'model',
    'config.text',
    { code: 'too_big', maximum: 2 ** 20 },
  ],
  [{ ...MODEL, ignoredCount: -1 }, 'model', 'ignoredCount', { code: 'too_small', minimum: 0 }],
  [metrics(['a']), 'metrics', 'values.0', { code: 'too_small', minimum: 2 }],
  [metrics(['a', 1, 2]), 'metrics', 'values.0', { code: 'too_big', maximum: 2 }],
  [metrics(1), 'metrics', 'values.0', { code: 'invalid_type', expected: 'tuple' }],
  [metrics(['a', 'x']), 'metrics', 'values.0.1', { code: 'invalid_union' }],
  [
    metrics(['a', { __float__: 'NaN', x: 1 }]),
    'metrics',
    'values.0.1',
    { code: 'unrecognized_keys', keys: ['x'] },
  ],
  [reported({ source: 'TensorBoard' }), 'reported', 'source', { code: 'invalid_format' }],
  [reported({ source: 'lineaprint' }), 'reported', 'source', { code: 'custom' }],
  [reported({ instance: 0 }), 'reported', 'instance', { code: 'too_small', minimum: 1 }],
  [reported({ values: [['a', 1, 'x']] }), 'reported', 'values.0', { code: 'invalid_union' }],
  [reported({ call: 'parameters', values: [['', 1]] }), 'parameters', 'values.0.0', { code: 'too_small' }],
  [{ ...DATASET, path: 'a\0b' }, 'dataset', 'path', { code: 'custom' }],
  [{ ...DATASET, file: '../x' }, 'dataset', 'file', { code: 'invalid_format', format: 'regex' }],
  [{ ...DATASET, shape: [1.5] }, 'dataset', 'shape.0', { code: 'invalid_type', expected: 'int' }],
] as const)('%j', (message, call, field, issue) => {
  expect(() => checkMessage(message)).toThrow(
    expect.objectContaining({
      code: 'ERR_LINEAPRINT_ARGUMENT',
      field,
      // Which message it was is in the sentence alone.
      message: expect.stringContaining(` ${JSON.stringify(call)} `) as string,
      cause: expect.objectContaining({
        issues: expect.arrayContaining([expect.objectContaining(issue)]) as object[],
      }) as Error,
    }),
  )
})

test('a flush is checked as every message with an id is', () => {
  const idOrErrorOf = (message: object): unknown => {
    try {
      const checked = checkMessage(message)
      return 'id' in checked && [checked.id, Object.keys(checked).includes('more')]
    } catch (error) {
      return (error as Error).message.replace(/^.* cannot be used: /, '')
    }
  }
  const ids = fc.oneof(
    fc.constantFrom(0, -0, 1, -1, 1.5, 2 ** 53 - 1, 2 ** 53, NaN, Infinity, null, undefined, true, '1', [1]),
    fc.integer(),
    fc.double(),
    fc.bigInt(),
  )
  fc.assert(
    fc.property(ids, (id) => {
      const slow = idOrErrorOf({ call: 'output', id, name: 'o', path: 'p', more: 1 })
      expect(idOrErrorOf({ call: 'flush', id, more: 1 })).toEqual(slow)
    }),
  )
})
