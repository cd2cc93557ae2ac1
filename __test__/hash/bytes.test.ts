import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashBytes } from '../../src/hash/bytes.ts'
import { hashFile } from '../../src/hash/file.ts'
import { folderOf, paint } from '../support/folder.ts'

test('every view counts by its bytes', async () => {
  const bytes = paint(80_000)
  const expected = createHash('sha256').update(bytes.subarray(8, 72_008)).digest('hex')
  const { buffer } = bytes
  const shared = new SharedArrayBuffer(72_000)
  new Uint8Array(shared).set(bytes.subarray(8, 72_008))
  const views = [
    bytes.subarray(8, 72_008),
    Buffer.from(buffer, 8, 72_000),
    new Float64Array(buffer, 8, 9000),
    new DataView(buffer, 8, 72_000),
    buffer.slice(8, 72_008),
    new Uint8Array(shared),
  ]
  for (const view of views)
    expect(await hashBytes(view, { algorithm: 'sha256' })).toMatchObject({
      size: 72_000,
      digest: { hex: expected },
      digests: { sha256: { hex: expected } },
    })
})

test('long buffers are hashed in slices with the digest of the file', async () => {
  for (const length of [8 << 20, (8 << 20) + 1, 33_333_333]) {
    const bytes = paint(length)
    const file = await hashFile(join(folderOf({ file: bytes }), 'file'), { algorithm: 'both' })
    const { size, digest, digests } = file
    expect(await hashBytes(bytes, { algorithm: 'both' })).toEqual({ size, digest, digests })
  }
})

test('other callbacks run while a long buffer is hashed', async () => {
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  await hashBytes(new Uint8Array(200 << 20), { algorithm: 'sha256' })
  clearInterval(timer)
  expect(turns).toBeGreaterThan(5)
})

test('a buffer that is transferred or resized meanwhile is an error', async () => {
  const transferred = new Uint8Array(64 << 20)
  const hashing = hashBytes(transferred)
  structuredClone(transferred.buffer, { transfer: [transferred.buffer] })
  await expect(hashing).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_CHANGED' })
  const resizable = new ArrayBuffer(64 << 20, { maxByteLength: 128 << 20 })
  const resized = hashBytes(resizable)
  resizable.resize(1024)
  await expect(resized).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_CHANGED' })
})

test('an aborted call rejects with the reason', async () => {
  const controller = new AbortController()
  const hashing = hashBytes(new Uint8Array(64 << 20), { signal: controller.signal })
  controller.abort('enough')
  await expect(hashing).rejects.toBe('enough')
})

test('what is not bytes is refused', async () => {
  // @ts-expect-error text is not bytes: it has no encoding
  await expect(hashBytes('text')).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    received: 'string',
  })
})
