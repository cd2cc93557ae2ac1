import fc from 'fast-check'
import { expect, test } from 'vitest'
import { reduceLine } from '../../src/server/reduce.ts'

const value = fc.oneof(
  { weight: 9, arbitrary: fc.double({ noNaN: true, min: -1e9, max: 1e9 }) },
  fc.constant(NaN),
)

test('of every pixel the least and the greatest value stay, in their order', () => {
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 2000 }),
      fc.integer({ min: 1, max: 60 }),
      (list, pixels) => {
        const x = Float64Array.from(list, (_, index) => index)
        const y = Float64Array.from(list)
        const {
          x: kept,
          y: values,
          isReduced,
          inRange,
          notFinite,
        } = reduceLine({ x, y }, -Infinity, Infinity, pixels)
        expect(inRange).toBe(list.length)
        expect(notFinite).toBe(list.filter((number) => Number.isNaN(number)).length)
        expect([...kept]).toEqual([...kept].toSorted((a, b) => a - b))
        expect([...kept].map((index) => y[index])).toEqual([...values])
        expect(kept.length).toBeLessThanOrEqual(isReduced ? pixels * 5 : list.length)
        // The slow way: every value into the column that it falls into.
        const width = (list.length - 1) / pixels
        const columnOf = (index: number): number => {
          let column = 0
          while (column < pixels - 1 && index >= (column + 1) * width) column++
          return column
        }
        for (let pixel = 0; pixel < pixels; pixel++) {
          const own = [...x].filter((index) => columnOf(index) === pixel)
          const shown = [...kept].filter((index) => columnOf(index) === pixel)
          for (const pick of [Math.min, Math.max]) {
            const of = (indexes: number[]): number =>
              pick(...indexes.map((index) => y[index] ?? NaN).filter((number) => Number.isFinite(number)))
            expect(of(shown)).toBe(of(own))
          }
        }
      },
    ),
  )
})

test('one spike among a million values is kept', () => {
  const y = new Float64Array(1_000_000)
  y[654_321] = 1
  const x = Float64Array.from(y, (_, index) => index)
  const { x: kept, y: values } = reduceLine({ x, y }, -Infinity, Infinity, 800)
  expect(kept[values.indexOf(1)]).toBe(654_321)
})

test('a range has one value more on each side', () => {
  const x = Float64Array.from([0, 1, 2, 3, 4])
  expect([...reduceLine({ x, y: x }, 1.5, 2.5, 100).x]).toEqual([1, 2, 3])
  expect([...reduceLine({ x, y: x }, 7, 8, 100).x]).toEqual([4])
  expect(reduceLine({ x: new Float64Array(), y: new Float64Array() }, 0, 1, 10).inRange).toBe(0)
})

test('values at one position are one column', () => {
  const x = new Float64Array(1000).fill(7)
  const y = Float64Array.from(x, (_, index) => index)
  expect([...reduceLine({ x, y }, -Infinity, Infinity, 10).y]).toEqual([0, 999])
})
