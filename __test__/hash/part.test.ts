import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestBytes } from '../../src/hash/bytes.ts'
import { hashFile } from '../../src/hash/file.ts'
import { hashPart, mergeParts, parsePart } from '../../src/hash/part.ts'
import { folderOf, paint } from '../support/folder.ts'

const BYTES = paint(20_000_001)

test('parts made in any order, written and read back, merge into the digest of the file', async () => {
  const path = join(folderOf({ file: BYTES }), 'file')
  const whole = await hashFile(path)
  const parts = await Promise.all([3, 1, 2].map((part) => hashPart(path, part, 3)))
  const read = parts.map((part) => parsePart(JSON.stringify(part)))
  expect(mergeParts(read)).toEqual({ size: BYTES.length, digest: whole.digest })
  expect(() => mergeParts(read.slice(1))).toThrow(expect.objectContaining({ code: 'ERR_LINEAPRINT_RANGE' }))
  expect(mergeParts([await hashPart(path, 1, 1)]).digest).toEqual(whole.digest)
})

test('a range has the digest of its bytes', async () => {
  const path = join(folderOf({ file: BYTES }), 'file')
  const range = await hashFile(path, { start: 777, end: 9_999_999, algorithm: 'both' })
  expect(range).toMatchObject({
    size: 9_999_222,
    digests: await digestBytes(BYTES.subarray(777, 9_999_999), { algorithm: 'both' }),
  })
  expect((await hashFile(path, { start: 20_000_000 })).size).toBe(1)
  await expect(hashFile(path, { end: 20_000_002 })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_RANGE',
    path,
  })
  await expect(hashFile(path, { start: -1 })).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
})

test('what is no part is refused', async () => {
  const path = join(folderOf({ file: 'x' }), 'file')
  for (const [part, parts] of [
    [0, 1],
    [2, 1],
    [1.5, 2],
    [1, 0],
  ] as const) {
    await expect(hashPart(path, part, parts), `${part} of ${parts}`).rejects.toMatchObject({ field: 'part' })
  }
  for (const text of ['', '{}', '[]', '{"schema":"lineaprint/part/v1","size":1,"pieces":[[0,1,"zz"]]}']) {
    expect(() => parsePart(text, 'p.json'), text).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_FORMAT' }),
    )
  }
})
