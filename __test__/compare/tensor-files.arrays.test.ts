/** Arrays of NumPy whose files differ. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compareFiles } from '../../src/compare/tensor-files.ts'
import { folderOf } from '../support/folder.ts'
import type { FileVerdict } from '../../src/compare/file-verdict.ts'

/** A file as NumPy writes it, its head padded to a multiple of 64. */
function npy(
  type: string,
  shape: string,
  data: Uint8Array,
  pad = 64,
  order = 'False',
  version = 1,
): Uint8Array {
  const text = `{'descr': '${type}', 'fortran_order': ${order}, 'shape': (${shape}), }`
  const prefix = version === 1 ? 10 : 12
  const length = Math.ceil((prefix + text.length + 1) / pad) * pad - prefix
  const head = Buffer.alloc(prefix)
  head.write('\x93NUMPY', 'latin1')
  head[6] = version
  if (version === 1) head.writeUInt16LE(length, 8)
  else head.writeUInt32LE(length, 8)
  return Buffer.concat([head, Buffer.from(`${text.padEnd(length - 1)}\n`), data])
}

function f8(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Float64Array.from(values).buffer)
}

async function verdict(before: Uint8Array, after: Uint8Array, tolerance?: number): Promise<FileVerdict> {
  const root = folderOf({ 'a.npy': before, 'b.npy': after })
  return compareFiles(join(root, 'a.npy'), join(root, 'b.npy'), { tolerance, signal: undefined })
}

test('another padding or version of the head, the same array', async () => {
  const one = npy('<f8', '2,', f8(1, NaN))
  for (const other of [npy('<f8', '2,', f8(1, NaN), 16), npy('<f8', '2,', f8(1, NaN), 64, 'False', 2)])
    expect(await verdict(one, other)).toMatchObject({ verdict: 'same-tensors', differences: [] })
})

test('bits decide without a tolerance; with one the largest difference does', async () => {
  const [one, two] = [npy('<f8', '3,', f8(1, 2, NaN)), npy('<f8', '3,', f8(1, 2.5, NaN))]
  expect(await verdict(one, two)).toMatchObject({
    verdict: 'different',
    detail: 'the elements differ: <f8 [3]',
  })
  expect(await verdict(one, two, 0.5)).toMatchObject({ verdict: 'within-tolerance', maxDifference: 0.5 })
  expect(await verdict(one, two, 0.4)).toMatchObject({
    verdict: 'different',
    maxDifference: 0.5,
  })
})

test('integers, shapes, types and orders have no tolerance', async () => {
  const integers = (value: number): Uint8Array =>
    npy('<i8', '1,', new Uint8Array(BigInt64Array.of(BigInt(value)).buffer))
  expect(await verdict(integers(1), integers(2), 10)).toMatchObject({ verdict: 'different' })
  const array = npy('<f8', '2, 2', f8(1, 2, 3, 4))
  for (const [other, detail] of [
    [npy('<f8', '4,', f8(1, 2, 3, 4)), 'it was <f8 [2, 2] and is <f8 [4]'],
    [npy('<f8', '2, 2', f8(1, 2, 3, 4), 64, 'True'), 'it was <f8 [2, 2] and is <f8 [2, 2] in Fortran order'],
    [npy('<f4', '2, 2', new Uint8Array(16)), 'it was <f8 [2, 2] and is <f4 [2, 2]'],
  ] as const)
    expect(await verdict(array, other, 10)).toMatchObject({ verdict: 'different', detail })
})

test.each([
  ['text', Buffer.from('hello, this is text'), 'not a .npy file'],
  ['an empty file', Buffer.alloc(0), 'not a .npy file'],
  ['an array of objects', npy('|O', '1,', f8(1)), 'the elements are not numbers'],
  [
    'a header length beyond the file',
    Buffer.concat([Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\xff', 'latin1'), Buffer.alloc(99)]),
    'the .npy header is longer than the file',
  ],
  [
    'less data than the header says',
    npy('<f8', '9000000000000000,', f8(1)),
    'the file length does not match its header',
  ],
])('%s: the files differ, and the reason why the arrays are not compared', async (_, bytes, why) => {
  const { verdict: found, detail } = await verdict(npy('<f8', '1,', f8(1)), bytes, 1)
  expect(found).toBe('different')
  expect(detail).toBe(`the bytes differ, and the arrays cannot be compared: ${why}`)
})
