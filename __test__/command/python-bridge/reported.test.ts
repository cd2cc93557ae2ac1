import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ReportedMetrics, sourceOf } from '../../../src/command/python-bridge/reported.ts'
import type { Reporter } from '../../../src/command/python-bridge/reported.ts'
import type { RecordedNumber } from '../../../src/json/special-floats.ts'

const BOARD: Reporter = { library: 'tensorboard', instance: 1 }
const SECOND: Reporter = { library: 'tensorboard', instance: 2 }
const WANDB: Reporter = { library: 'wandb', instance: 1 }

type Report = readonly [reporter: Reporter | undefined, value: RecordedNumber, step?: number | undefined]

/** The series that the reports of one metric of one process give, and those that were merged. */
function seriesOf(
  reports: readonly Report[],
): readonly [series: Record<string, unknown[]>, merged: [string, readonly string[]][], missing: number] {
  const metrics = new ReportedMetrics()
  const series: Record<string, unknown[]> = {}
  let lost = 0
  for (const [reporter, value, step] of reports) {
    const { source = 'own', values, missing = 0 } = metrics.take(1, 'loss', reporter, value, step)
    lost += missing
    for (const entry of values)
      series[source] = [
        ...(series[source] ?? []),
        entry.step === undefined ? entry.value : [entry.value, entry.step],
      ]
  }
  const merged = metrics
    .merged()
    .map(({ source = 'own', others }): [string, readonly string[]] => [source, others])
  return [series, merged, lost]
}

test('two libraries that are told the same are one series', () => {
  const reports = [0, 1, 2].flatMap((step): Report[] => [
    [BOARD, step / 2, step],
    [WANDB, step / 2, step],
  ])
  expect(seriesOf(reports)).toEqual([
    {
      tensorboard: [
        [0, 0],
        [0.5, 1],
        [1, 2],
      ],
    },
    [['tensorboard', ['wandb']]],
    0,
  ])
})

test('a library that is told a part of the values shares the series', () => {
  const reports: Report[] = [
    [BOARD, 1, 0],
    [BOARD, 2, 1],
    [WANDB, 2, 1],
    [BOARD, 3, 2],
  ]
  expect(seriesOf(reports)[1]).toEqual([['tensorboard', ['wandb']]])
})

test('from the first difference on, a library has a series of its own, with what it had reported before', () => {
  const reports: Report[] = [
    [BOARD, 1, 0],
    [WANDB, 1, 0],
    [BOARD, 2, 1],
    [WANDB, 2, 1],
    [BOARD, 3, 2],
    [WANDB, 4, 2],
    [WANDB, 5, 3],
    [BOARD, 5, 3],
  ]
  expect(seriesOf(reports)).toEqual([
    {
      tensorboard: [
        [1, 0],
        [2, 1],
        [3, 2],
        [5, 3],
      ],
      wandb: [
        [1, 0],
        [2, 1],
        [4, 2],
        [5, 3],
      ],
    },
    [],
    0,
  ])
})

test.each<[string, readonly Report[], string[]]>([
  [
    'another value',
    [
      [BOARD, 1, 0],
      [WANDB, 2, 0],
    ],
    ['tensorboard', 'wandb'],
  ],
  [
    'another step',
    [
      [BOARD, 1, 0],
      [WANDB, 1, 1],
    ],
    ['tensorboard', 'wandb'],
  ],
  [
    'a step and none',
    [
      [BOARD, 1, 0],
      [WANDB, 1],
    ],
    ['tensorboard', 'wandb'],
  ],
  [
    'two writers of one library',
    [
      [BOARD, 1, 0],
      [SECOND, 1, 0],
    ],
    ['tensorboard', 'tensorboard 2'],
  ],
  [
    'zero and its negative',
    [
      [BOARD, 0, 0],
      [WANDB, -0, 0],
    ],
    ['tensorboard', 'wandb'],
  ],
  [
    'NaN, which equals itself here',
    [
      [BOARD, { __float__: 'NaN' }, 0],
      [WANDB, { __float__: 'NaN' }, 0],
    ],
    ['tensorboard'],
  ],
  [
    'the program itself first',
    [
      [undefined, 1, 0],
      [WANDB, 2, 0],
    ],
    ['own', 'wandb'],
  ],
  [
    'the program itself with the same values',
    [
      [WANDB, 1, 0],
      [undefined, 1, 0],
    ],
    ['wandb'],
  ],
])('what is kept apart: %s', (_, reports, sources) => {
  expect(Object.keys(seriesOf(reports)[0])).toEqual(sources)
})

test('values without steps, and several at one step, are compared in their order', () => {
  const own = [1, 2, 1, 3].map((value): Report => [undefined, value])
  const same = [1, 2, 1, 3].map((value): Report => [WANDB, value])
  expect(seriesOf([...own, ...same])).toEqual([{ own: [1, 2, 1, 3] }, [['own', ['wandb']]], 0])
  const other = [1, 2, 9].map((value): Report => [WANDB, value])
  expect(seriesOf([...own, ...other])[0]).toEqual({ own: [1, 2, 1, 3], wandb: [1, 2, 9] })
  const repeated = [1, 2].map((value): Report => [BOARD, value, 0])
  expect(seriesOf([...repeated, [WANDB, 1, 0], [WANDB, 2, 0]])[1]).toEqual([['tensorboard', ['wandb']]])
})

test('of a long agreement only the last values are repeated, and the others are counted', () => {
  const reports = Array.from({ length: 3000 }, (_, step): Report[] => [
    [BOARD, 1, step],
    [WANDB, 1, step],
  ]).flat()
  const [series, merged, missing] = seriesOf([...reports, [WANDB, 7, 3000]])
  expect(series['tensorboard']).toHaveLength(3000)
  expect(merged).toEqual([])
  expect((series['wandb']?.length ?? 0) + missing).toBe(3001)
  expect(series['wandb']?.at(-1)).toEqual([7, 3000])
  // Without a step, too.
  const alike = Array.from({ length: 3000 }, (_, at): Report[] => [
    [BOARD, at],
    [WANDB, at],
  ]).flat()
  expect(seriesOf(alike).slice(1)).toEqual([[['tensorboard', ['wandb']]], 0])
})

/** Return the values that a list does not have, each as often as it lacks it. */
function without(list: readonly string[], values: readonly string[]): string[] {
  const left = [...list]
  return values.filter((value) => {
    const at = left.indexOf(value)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

test('no value of any library is lost, and none is added', () => {
  const report = fc.tuple(
    fc.constantFrom(undefined, BOARD, SECOND, WANDB),
    fc.constantFrom(0, 1, 2),
    fc.option(fc.nat(3), { nil: undefined }),
  )
  fc.assert(
    fc.property(fc.array(report, { maxLength: 60 }), (reports) => {
      const [series, merged] = seriesOf(reports)
      const text = (values: readonly unknown[]): string[] => values.map((value) => JSON.stringify(value))
      const told = new Map<string, string[]>()
      for (const [reporter, value, step] of reports) {
        const source = reporter === undefined ? 'own' : sourceOf(reporter)
        const entry = step === undefined ? value : [value, step]
        told.set(source, [...(told.get(source) ?? []), JSON.stringify(entry)])
      }
      // What has a series has exactly its values in it; what has none has all of them in that of others.
      const missing = [...told].flatMap(([source, values]) => {
        if (series[source] !== undefined)
          return JSON.stringify(text(series[source])) === JSON.stringify(values) ? [] : [source]
        const name = source === 'own' ? 'lineaprint' : source
        const [shared = ''] = merged.find(([, others]) => others.includes(name)) ?? []
        return without(text(series[shared] ?? []), values)
      })
      expect(missing).toEqual([])
    }),
  )
})

test('processes and names are apart', () => {
  const metrics = new ReportedMetrics()
  for (const [process, name] of [
    [1, 'loss'],
    [2, 'loss'],
    [1, 'other'],
  ] as const)
    expect(metrics.take(process, name, BOARD, 1, 0).values).toHaveLength(1)
  expect(metrics.take(2, 'loss', WANDB, 1, 0).values).toEqual([])
  expect(metrics.merged()).toEqual([{ process: 2, name: 'loss', source: 'tensorboard', others: ['wandb'] }])
})
