import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, expect, test } from 'vitest'
import { digestWindow } from '../../src/command/tensor-window.ts'
import { hashBytes } from '../../src/hash/bytes.ts'
import { hashTensors } from '../../src/model/in-memory.ts'
import { keptFolder } from '../support/kept-folder.ts'

const SLOT = 4096
const WINDOW = openSync(join(keptFolder(), 'window'), 'w+')
afterAll(() => closeSync(WINDOW))

const DATA = Uint8Array.from({ length: 5000 }, (_, at) => (at * 7) % 251)

const REQUEST = {
  protocol: 1,
  algorithm: 'blake3',
  descriptor: WINDOW,
  slot: SLOT,
  slots: 2,
  head: 3,
  file: true,
  tensors: [
    { name: 'b', dtype: 'U8', shape: [0], size: 0 },
    { name: 'a', dtype: 'U8', shape: [5000], size: 5000 },
    { name: 'c', dtype: 'U8', shape: [0], size: 0 },
  ],
}

/** Sends lines, and fills the slots as a program does. */
async function send(
  request: unknown,
  ...blocks: readonly (Uint8Array | string)[]
): Promise<[unknown, string]> {
  let dots = ''
  const lines = async function* (): AsyncGenerator<string> {
    yield `${typeof request === 'string' ? request : JSON.stringify(request)}\n`
    for (const [index, block] of blocks.entries()) {
      while (dots.length < index - 1) await new Promise((done) => void setImmediate(done))
      if (typeof block !== 'string') writeSync(WINDOW, block, 0, block.length, (index % 2) * SLOT)
      yield typeof block === 'string' ? `${block}\n` : `${block.length}\n`
    }
  }
  const answer = await digestWindow(Readable.from(lines()), (dot) => (dots += dot))
  return [answer, dots]
}

test('tensors that come in blocks have the digests of the whole', async () => {
  const head = Uint8Array.of(1, 2, 3)
  const first = Buffer.concat([head, DATA.subarray(0, 1024)])
  const [answer, dots] = await send(REQUEST, first, DATA.subarray(1024, 4096), DATA.subarray(4096))
  const { weights, tensors } = await hashTensors({
    a: { data: DATA, shape: [5000] },
    b: { data: new Uint8Array(0), shape: [0] },
    c: { data: new Uint8Array(0), shape: [0] },
  })
  const [a, b, c] = tensors.map(({ digest }) => String(digest))
  const file = await hashBytes(Buffer.concat([head, DATA]))
  expect(answer).toEqual({ weights: String(weights), tensors: [b, a, c], file: String(file.digest) })
  expect(dots).toBe('...')
})

test('without bytes, the request is the only message', async () => {
  const [answer] = await send({ ...REQUEST, head: 0, file: false, algorithm: 'sha256', tensors: [] })
  const { weights } = await hashTensors({}, { algorithm: 'sha256' })
  expect(answer).toEqual({ weights: String(weights), tensors: [] })
})

test.each([
  ['no JSON', '{'],
  ['another protocol', { ...REQUEST, protocol: 2 }],
  ['a standard stream', { ...REQUEST, descriptor: 0 }],
  ['a slot that is too large', { ...REQUEST, slot: 2 ** 40 }],
  [
    'a size that is no integer',
    { ...REQUEST, tensors: [{ name: 'a', dtype: 'U8', shape: [1], size: 2 ** 60 }] },
  ],
  ['another member', { ...REQUEST, more: 1 }],
  ['a block of no length', REQUEST, '0'],
  ['a block that is longer than a slot', REQUEST, '4097'],
  ['a block that is no number', REQUEST, 'x'],
  ['a block that is longer than what is left', { ...REQUEST, tensors: [], head: 3 }, '4'],
])('refused: %s', async (_, request, ...blocks: string[]) => {
  await expect(send(request, ...blocks)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
})

test('a program that ends too early', async () => {
  await expect(send(REQUEST, DATA.subarray(0, 3))).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE' })
})
