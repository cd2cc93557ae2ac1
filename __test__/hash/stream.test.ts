import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { hashBytes } from '../../src/hash/bytes.ts'
import { hashStream } from '../../src/hash/stream.ts'
import { folderOf, paint } from '../support/folder.ts'

const BYTES = paint(1_000_003)

test('every kind of stream gives the digest of its bytes', async () => {
  const path = join(folderOf({ file: BYTES }), 'file')
  const expected = await hashBytes(BYTES, { algorithm: 'both' })
  const iterable = async function* (): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < BYTES.length; start += 777) yield BYTES.subarray(start, start + 777)
  }
  const streams = [
    createReadStream(path),
    Readable.from([BYTES]),
    new Blob([BYTES]).stream(),
    iterable(),
    [BYTES],
  ]
  for (const stream of streams) expect(await hashStream(stream, { algorithm: 'both' })).toEqual(expected)
})

test('text counts as UTF-8, and an empty stream has the digest of nothing', async () => {
  expect(await hashStream(['ä', '€'])).toEqual(await hashBytes(Buffer.from('ä€')))
  expect(await hashStream([])).toEqual(await hashBytes(new Uint8Array()))
})

test('a surrogate pair can be cut between two pieces of text, and half of one is refused', async () => {
  expect(await hashStream(['a\ud83d', '\ude00', 'b'])).toEqual(await hashBytes(Buffer.from('a😀b')))
  expect(await hashStream(['a\ud83d', '', '\ude00'])).toEqual(await hashBytes(Buffer.from('a😀')))
  for (const pieces of [
    ['\ud83d'],
    ['\ud83d', 'x'],
    ['\ude00'],
    ['\ud83d', Buffer.from('x')],
    ['a\ude00b', ''],
  ])
    await expect(hashStream(pieces)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
})

test('the source is not asked for more than is hashed', async () => {
  let given = 0
  const source = function* (): Generator<Uint8Array> {
    for (; given < 1000; given++) yield new Uint8Array(10)
  }
  const controller = new AbortController()
  const hashing = hashStream(
    (async function* () {
      for (const piece of source()) {
        if (given === 10) controller.abort('enough')
        yield piece
      }
    })(),
    { signal: controller.signal },
  )
  await expect(hashing).rejects.toBe('enough')
  expect(given).toBe(10)
})

test('the error of a stream is passed on, and other values are refused', async () => {
  const broken = new Error('lost connection')
  const failing = (async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1)
    throw broken
  })()
  await expect(hashStream(failing)).rejects.toBe(broken)
  // @ts-expect-error numbers are not bytes
  await expect(hashStream([1, 2])).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
})
