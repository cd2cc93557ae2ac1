import { expect, test } from 'vitest'
import { encodeLines } from '../../src/server/lines.ts'
import type { MetricsHead } from '../../src/server/api/types.ts'
import type { Axis } from '../../src/server/lines.ts'

function decoded(bytes: Uint8Array<ArrayBuffer>): { head: MetricsHead; columns: number[] } {
  const length = new DataView(bytes.buffer).getUint32(0, true)
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as MetricsHead
  return { head, columns: [...new Float64Array(bytes.buffer, 4 + length)] }
}

function lines(steps: number[], values: number[], axis: Axis): ReturnType<typeof decoded> {
  const times = Float64Array.from(values, (_, index) => 10_000 + index * 500)
  const series = {
    run: 'r',
    name: 'é',
    steps: Float64Array.from(steps),
    values: Float64Array.from(values),
    times,
    parts: [{ run: 'r', count: values.length, replaced: 0 }],
  }
  return decoded(encodeLines([{ series, startedAt: 9000 }], { axis, pixels: 100 }, ['a warning']))
}

test('steps that were logged again are in their order, and each value stays', () => {
  const { head, columns } = lines([0, 1, 2, 1, 2], [5, 4, 3, 40, 30], 'step')
  expect(columns).toEqual([0, 1, 1, 2, 2, 5, 4, 40, 3, 30])
  expect(head.warnings).toEqual(['a warning'])
  expect(head.series[0]).toMatchObject({ name: 'é', axis: 'step', count: 5, from: 0, to: 2 })
})

test('values without steps are at their numbers, and times count from the start', () => {
  const { head, columns } = lines([0, NaN, 5], [7, 8, 9], 'step')
  expect(head.series[0]?.axis).toBe('index')
  expect(columns).toEqual([0, 1, 2, 7, 8, 9])
  expect(lines([0, 1], [1, 2], 'time').columns).toEqual([1, 1.5, 1, 2])
})

test('no series is a head alone', () => {
  expect(decoded(encodeLines([], { axis: 'step', pixels: 10 }, [])).head).toEqual({
    series: [],
    warnings: [],
  })
})
