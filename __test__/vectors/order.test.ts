import { expect, test } from 'vitest'
import { SampleOrder } from '../../src/tracking/sample-order.ts'
import { readCases, valueOf } from './support.ts'
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
