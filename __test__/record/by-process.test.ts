import { expect, test } from 'vitest'
import { SeriesByProcess, ValuesByPosition } from '../../src/record/by-process.ts'
import type { ReportingProcess } from '../../src/record/record.ts'

const RANKS = new Map<number, ReportingProcess>(
  // They connect in any order.
  [2, 0, 10, 1].map((rank, at) => [at + 1, { number: at + 1, pid: at, rank }]),
)

test('each process has a series of its own, in the order of the positions', () => {
  const series = new SeriesByProcess<string>()
  for (const [number, { rank }] of RANKS) series.set('loss', number, `of ${rank}`)
  series.set('only', 3, 'of 10')
  const named = series.named(RANKS)
  expect(named.map(({ key, value }) => [key, value])).toEqual([
    ['loss', 'of 0'],
    ['loss/rank 1', 'of 1'],
    ['loss/rank 2', 'of 2'],
    ['loss/rank 10', 'of 10'],
    ['only/rank 10', 'of 10'],
  ])
  for (const { key, name, process } of named) expect(series.key(name, process, RANKS)).toBe(key)
})

test('several sources of a process have a series each; what it logged itself keeps the name', () => {
  const series = new SeriesByProcess<string>()
  series.set('loss', 2, 'of wandb', 'wandb')
  expect(series.key('loss', 2, RANKS, 'wandb')).toBe('loss')
  series.set('loss', 2, 'of tensorboard', 'tensorboard 2')
  expect(series.named(RANKS).map(({ key, source }) => [key, source])).toEqual([
    ['loss', 'wandb'],
    ['loss (tensorboard 2)', 'tensorboard 2'],
  ])
  series.set('loss', 2, 'own')
  series.set('loss', 4, 'of rank 1', 'wandb')
  const named = series.named(RANKS)
  expect(named.map(({ key, value }) => [key, value])).toEqual([
    ['loss', 'own'],
    ['loss (wandb)', 'of wandb'],
    ['loss (tensorboard 2)', 'of tensorboard'],
    ['loss/rank 1', 'of rank 1'],
  ])
  for (const { key, name, process, source } of named)
    expect(series.key(name, process, RANKS, source)).toBe(key)
  expect([series.get('loss', 2, 'wandb'), series.get('loss', 2), series.get('loss', 3)]).toEqual([
    'of wandb',
    'own',
    undefined,
  ])
})

test('a name that a process used is not given to another series', () => {
  const series = new SeriesByProcess<number>()
  series.set('loss/rank 1', 2, 1)
  series.set('loss', 2, 2)
  series.set('loss', 4, 3)
  const keys = series.named(RANKS).map(({ key }) => key)
  expect(keys).toEqual(['loss/rank 1', 'loss', 'loss/rank 1 (2)'])
})

test('the key follows a process that uses the name later and started earlier', () => {
  const processes = new Map<number, ReportingProcess>([
    [1, { number: 1, pid: 9, script: 'b.py', startTime: 2 }],
    [2, { number: 2, pid: 8, script: 'a.py', startTime: 1 }],
  ])
  const series = new SeriesByProcess<number>()
  series.set('loss', 1, 1)
  expect(series.key('loss', 1, processes)).toBe('loss')
  series.set('loss', 2, 2)
  expect(series.key('loss', 1, processes)).toBe('loss/b.py')
  expect(series.key('loss', 2, processes)).toBe('loss')
})

test('equal values of several positions share their name, and others do not', () => {
  const values = new ValuesByPosition<number>([['start', 0]])
  for (const process of RANKS.values()) {
    values.set('same', 7, process)
    values.set('other', process.rank ?? 0, process)
  }
  values.set('start', 1)
  const named = values.named((_, value) => String(value))
  expect(named).toEqual([
    ['start', 1],
    ['same', 7],
    ['other', 0],
    ['other/rank 1', 1],
    ['other/rank 2', 2],
    ['other/rank 10', 10],
  ])
  expect(values.get('other', RANKS.get(3))).toBe(10)
  expect(values.get('other')).toBe(0)
})

test('values without an identity stay apart', () => {
  const values = new ValuesByPosition<string>()
  for (const process of [RANKS.get(2), RANKS.get(4)]) values.set('a', 'failed', process)
  expect(values.named(() => undefined).map(([key]) => key)).toEqual(['a', 'a/rank 1'])
})
