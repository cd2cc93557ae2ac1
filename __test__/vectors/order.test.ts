import { expect, test } from 'vitest'
import { SampleOrder } from '../../src/tracking/sample-order.ts'
import { readCases } from './support.ts'
import type { SampleMode } from '../../src/tracking/sample-order.ts'

interface OrderCase {
  readonly name: string
  readonly batches: readonly unknown[]
  readonly samples?: SampleMode
  readonly order: readonly string[]
  readonly count: number
  readonly separated: boolean
  readonly content: string
}

const CASES = readCases('order.json') as readonly OrderCase[]

const ARRAYS = { U8: Uint8Array, I16: Int16Array, F32: Float32Array, I64: BigInt64Array } as const

interface WrittenArray {
  readonly dtype: keyof typeof ARRAYS
  readonly shape: readonly number[]
  readonly data: string
}

/** Return the value that a vector describes. */
function valueOf(written: unknown): unknown {
  if (Array.isArray(written)) return written.map(valueOf)
  if (typeof written !== 'object' || written === null) return written
  if ('map' in written)
    return new Map(Object.entries(written.map as object).map(([key, value]) => [key, valueOf(value)]))
  if ('float' in written) return Number(String(written.float).replace('nan', 'NaN'))
  const bytes = 'bytes' in written ? String(written.bytes) : undefined
  if (bytes !== undefined) return Uint8Array.from(Buffer.from(bytes, 'base64')).buffer
  const { dtype, shape, data } = (written as { readonly array: WrittenArray }).array
  const { buffer } = Uint8Array.from(Buffer.from(data, 'base64'))
  return { data: new ARRAYS[dtype](buffer), shape }
}

test.each(CASES)('$name', ({ batches, samples, order, count, separated, content }) => {
  const found = new SampleOrder(samples)
  const orders = batches.map((batch) => {
    found.add(valueOf(batch))
    return found.order
  })
  expect({ orders, count: found.samples, separated: found.isSeparated, content: found.content }).toEqual({
    orders: order,
    count,
    separated,
    content,
  })
})
