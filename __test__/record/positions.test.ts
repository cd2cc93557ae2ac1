import { expect, test } from 'vitest'
import { distinctionOf, distinctions, positionOf } from '../../src/record/positions.ts'
import type { ReportingProcess } from '../../src/record/record.ts'

test.each([
  [{}, ''],
  [{ rank: 0 }, 'rank 0'],
  [{ rank: 12 }, 'rank 12'],
  [{ path: [2 ** 22] }, 'worker 1'],
  [{ path: [2 ** 26 + 3, 2 ** 22 + 1] }, 'rank 3, worker 2'],
  [{ path: [1, 2] }, 'fork 1, fork 2'],
  [{ path: [2 ** 20 + 4] }, 'spawn 4'],
  [{ path: [2 ** 21, 1] }, 'fork server, fork 1'],
  [{ path: [2 ** 23, 2 ** 22 + 1] }, 'command 1, worker 2'],
  [{ path: [2 ** 24, 2 ** 25 + 1] }, 'process, copy 1'],
  [{ rank: 1, path: [2 ** 22] }, 'rank 1, worker 1'],
] as const)('%j is %s', (process, words) => {
  expect(positionOf(process)).toBe(words)
})

test('rank 0 is compared with a program that has no rank', () => {
  expect(distinctionOf({ rank: 0 })).toBe('')
  expect(distinctionOf({ rank: 1 })).toBe('rank 1')
  expect(distinctionOf({ rank: 0, path: [2 ** 22] })).toBe('rank 0, worker 1')
  expect(distinctionOf(undefined)).toBe('')
})

function tableOf(...processes: readonly Partial<ReportingProcess>[]): Map<number, ReportingProcess> {
  return new Map(
    processes.map((process, at) => [at + 1, { number: at + 1, pid: 100 + at, ...process }] as const),
  )
}

test('programs of one position are told apart by the order of their start, and not of their arrival', () => {
  const processes = tableOf(
    { script: 'eval.py', startTime: 30 },
    { script: 'train.py', startTime: 20 },
    { script: 'train.py', startTime: 10, pid: 7 },
    { script: 'train.py', startTime: 10, pid: 8 },
  )
  expect(distinctions([1, 2, 3, 4], processes)).toEqual(
    new Map([
      [3, ''],
      [4, 'train.py, no. 2'],
      [2, 'train.py, no. 3'],
      [1, 'eval.py'],
    ]),
  )
})

test('a rank that was started again is told apart as well', () => {
  const processes = tableOf({ rank: 1, startTime: 1 }, { rank: 1, startTime: 2 }, { rank: 2, startTime: 1 })
  expect(distinctions([1, 2, 3], processes)).toEqual(
    new Map([
      [1, 'rank 1'],
      [2, 'rank 1, no. 2'],
      [3, 'rank 2'],
    ]),
  )
})

test('words of different processes differ, whatever their facts', () => {
  const processes = tableOf({}, { script: '' }, { script: 'a' }, { rank: 0 }, { path: [] }, { rank: 1 })
  const words = [...distinctions([0, 1, 2, 3, 4, 5, 6], processes).values()]
  expect(new Set(words).size).toBe(7)
})
