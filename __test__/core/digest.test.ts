import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { Digest, listDigests, primary } from '../../src/core/digest.ts'

const HEX = 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'

test('the written form is read back', () => {
  for (const text of [
    `blake3:${HEX}`,
    `sha256:${HEX}`,
    `tree.v1.blake3:${HEX}`,
    `weights.v1.sha256:${HEX}`,
  ]) {
    const digest = Digest.parse(text)
    expect(digest.toString()).toBe(text)
    expect(JSON.stringify({ digest })).toBe(`{"digest":"${text}"}`)
    expect(Buffer.from(digest.bytes).toString('hex')).toBe(HEX)
  }
  expect(inspect(Digest.parse(`blake3:${HEX}`))).toBe(`Digest <blake3:${HEX}>`)
})

test('anything else is refused', () => {
  const broken = [
    '',
    HEX,
    `md5:${HEX}`,
    `blake3:${HEX.slice(1)}`,
    `blake3:${HEX.toUpperCase()}`,
    `tree.v2.blake3:${HEX}`,
  ]
  for (const text of [
    ...broken,
    `unknown.v1.blake3:${HEX}`,
    `tree.v01.blake3:${HEX}`,
    ` blake3:${HEX}`,
    `blake3:${HEX}\n`,
  ]) {
    expect(() => Digest.parse(text), text).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT', received: JSON.stringify(text) }),
    )
  }
})

test('digests of different types cannot be compared', () => {
  const plain = Digest.parse(`blake3:${HEX}`)
  expect(plain.equals(new Digest('blake3', HEX))).toBe(true)
  expect(plain.equals(new Digest('blake3', new Uint8Array(32)))).toBe(false)
  for (const other of [`sha256:${HEX}`, `tree.v1.blake3:${HEX}`]) {
    expect(() => plain.equals(Digest.parse(other))).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_INCOMPARABLE' }),
    )
  }
})

test('BLAKE3 is the one to show', () => {
  const blake3 = new Digest('blake3', HEX)
  const sha256 = new Digest('sha256', HEX)
  expect(primary({ blake3, sha256 })).toBe(blake3)
  expect(primary({ sha256 })).toBe(sha256)
  expect(listDigests({ sha256, blake3 })).toEqual([blake3, sha256])
})
