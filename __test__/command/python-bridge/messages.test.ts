/** What is said of a message that cannot be used, word for word: one case for each kind of thing a schema refuses. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkMessage } from '../../../src/command/python-bridge/messages.ts'
import { HELLO } from './hello.ts'

const SEEDS = { call: 'seeds', seed: 1, origin: 'run', deterministic: false, path: [], targets: [] }
const DATASET = { call: 'dataset', id: 1, name: 'd' }
const metrics = (...values: readonly unknown[]): object => ({ call: 'metrics', values })

const CALLS =
  "'hello' | 'seeds' | 'state' | 'checkpoint' | 'problem' | 'metrics' | 'metadata' | 'tags' | 'dataset' | " +
  "'model' | 'output' | 'digest' | 'flush' | 'bye'"

test.each([
  [{}, '', `call: Invalid discriminator value. Expected ${CALLS}`],
  [{ call: { a: 1 } }, '', `call: Invalid discriminator value. Expected ${CALLS}`],
  [{ call: 'eval' }, 'eval', `call: Invalid discriminator value. Expected ${CALLS}`],
  [{ call: 'flush' }, 'flush', 'id: Invalid input: expected number, received undefined'],
  [{ call: 'flush', id: '1' }, 'flush', 'id: Invalid input: expected number, received string'],
  [{ call: 'flush', id: 1.5 }, 'flush', 'id: Invalid input: expected int, received number'],
  [{ call: 'flush', id: -1 }, 'flush', 'id: Too small: expected number to be >=0'],
  [{ call: 'flush', id: 2 ** 60 }, 'flush', 'id: Too big: expected int to be <=9007199254740991'],
  [{ ...HELLO, protocol: 2 }, 'hello', 'protocol: Invalid input: expected 1'],
  [{ ...HELLO, kind: 'x' }, 'hello', 'kind: Invalid option: expected one of "program"|"spawned"|"forked"'],
  [
    { ...HELLO, version: 'x'.repeat(65) },
    'hello',
    'version: Too big: expected string to have <=64 characters',
  ],
  [{ ...HELLO, hashSeed: 1 }, 'hello', 'hashSeed: Invalid input: expected string, received number'],
  [{ ...HELLO, path: Array(65).fill(1) }, 'hello', 'path: Too big: expected array to have <=64 items'],
  [{ ...HELLO, path: 'x' }, 'hello', 'path: Invalid input: expected array, received string'],
  [
    { ...SEEDS, deterministic: 1 },
    'seeds',
    'deterministic: Invalid input: expected boolean, received number',
  ],
  [
    { ...SEEDS, targets: [{}] },
    'seeds',
    'targets.0.name: Invalid input: expected string, received undefined',
  ],
  [{ call: 'state', at: 'end', generators: [] }, 'state', 'generators: an object'],
  [{ call: 'metadata', values: 1 }, 'metadata', 'values: an object'],
  [{ call: 'tags', tags: [''] }, 'tags', 'tags.0: Too small: expected string to have >=1 characters'],
  [metrics(['a']), 'metrics', 'values.0: Too small: expected array to have >=2 items'],
  [metrics(['a', 1, 2]), 'metrics', 'values.0: Too big: expected array to have <=2 items'],
  [metrics(1), 'metrics', 'values.0: Invalid input: expected tuple, received number'],
  [metrics(['a', 'x']), 'metrics', 'values.0.1: Invalid input'],
  [metrics(['a', { __float__: 'NaN', x: 1 }]), 'metrics', 'values.0.1: Unrecognized key: "x"'],
  [{ ...DATASET, path: 'a\0b' }, 'dataset', 'path: a path'],
  [
    { ...DATASET, file: '../x' },
    'dataset',
    String.raw`file: Invalid string: must match pattern /^[\w-]{1,64}$/`,
  ],
  [{ ...DATASET, shape: [1.5] }, 'dataset', 'shape.0: Invalid input: expected int, received number'],
] as const)('%j', (message, call, words) => {
  const field = words.slice(0, words.indexOf(':'))
  expect(() => checkMessage(message)).toThrow(
    expect.objectContaining({
      code: 'ERR_LINEAPRINT_ARGUMENT',
      message: `the message ${JSON.stringify(call)} cannot be used: ${words}`,
      field,
    }),
  )
})

test('a flush is checked as every message with an id is', () => {
  const idSaidOf = (message: object): unknown => {
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
      const slow = idSaidOf({ call: 'output', id, name: 'o', path: 'p', more: 1 })
      expect(idSaidOf({ call: 'flush', id, more: 1 })).toEqual(slow)
    }),
  )
})
