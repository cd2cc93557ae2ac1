import fc from 'fast-check'
import { expect, test } from 'vitest'
import { joinSeries, runsBefore } from '../../../src/store/metrics/continued.ts'
import { readMetrics } from '../../../src/store/metrics/series.ts'
import { folderOf } from '../../support/folder.ts'
import { rounds } from '../../support/random.ts'
import { finished } from '../../tracking/support.ts'
import type { StoredRun } from '../../../src/store/runs.ts'

/** Finish a run that logs its own number at some steps. */
function loggedRun(
  folder: string,
  experimentId: string,
  steps: readonly number[],
  continues?: string,
): Promise<StoredRun> {
  return finished(folder, { experimentId, continues }, (tracker) => {
    for (const step of steps) tracker.logMetric('loss', Number(experimentId.at(-1)) * 100 + step, { step })
  })
}

test('the series of a run begins with those of the runs that it continues, and later runs win', async () => {
  const folder = folderOf()
  const first = await loggedRun(folder, 'run-1', [0, 1, 2, 3, 4])
  await loggedRun(folder, 'run-2', [3, 4, 5], 'run-1')
  const last = await loggedRun(folder, 'run-3', [5, 6], 'run-2')
  expect(last.record.continues).toBe('run-2')
  const { series, warnings } = await readMetrics([last, first])
  expect(warnings).toEqual([])
  expect(series.map(({ run, values, steps }) => ({ run, values: [...values], steps: [...steps] }))).toEqual([
    { run: 'run-3', values: [100, 101, 102, 203, 204, 305, 306], steps: [0, 1, 2, 3, 4, 5, 6] },
    { run: 'run-1', values: [100, 101, 102, 103, 104], steps: [0, 1, 2, 3, 4] },
  ])
  expect(series[0]?.parts).toEqual([
    { run: 'run-1', count: 3, replaced: 2 },
    { run: 'run-2', count: 2, replaced: 1 },
    { run: 'run-3', count: 2, replaced: 0 },
  ])
  const alone = await readMetrics([last], { continued: false })
  expect(alone.series.map(({ values, parts }) => ({ values: [...values], parts }))).toEqual([
    { values: [305, 306], parts: [{ run: 'run-3', count: 2, replaced: 0 }] },
  ])
})

test('a metric that only the earlier run has, and values without steps, stay', async () => {
  const folder = folderOf()
  await finished(folder, { experimentId: 'run-1' }, (tracker) => {
    tracker.logMetric('only here', 1)
    tracker.logMetric('both', 2)
    tracker.logMetric('both', 3, { step: 9 })
  })
  const run = await finished(folder, { experimentId: 'run-2', continues: 'run-1' }, (tracker) => {
    tracker.logMetric('both', 4, { step: 0 })
    tracker.logMetric('both', 5)
  })
  const { series } = await readMetrics([run])
  expect(Object.fromEntries(series.map(({ name, values }) => [name, [...values]]))).toEqual({
    'only here': [1],
    both: [2, 4, 5],
  })
})

test('what a record names as the run before it is checked', async () => {
  const folder = folderOf()
  await loggedRun(folder, 'run-1', [1])
  const run = await loggedRun(folder, 'run-2', [2], 'run-1')
  const named = async (continues: string): Promise<unknown> => {
    const warnings: string[] = []
    const chain = await runsBefore({ ...run, record: { ...run.record, continues } }, warnings)
    return { ids: chain.map(({ id }) => id), warnings }
  }
  const none = { ids: ['run-2'], warnings: [expect.stringContaining('its series are not complete')] }
  for (const continues of ['../run-1', '', '/etc', 'gone', 'run-2'])
    expect(await named(continues)).toEqual(none)
  expect(await named('run-1')).toEqual({ ids: ['run-1', 'run-2'], warnings: [] })
})

test('a run that is not there cannot be continued', async () => {
  await expect(loggedRun(folderOf(), 'run-1', [], 'no such run')).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_RUN',
  })
})

test('series are joined as value by value', () => {
  const columns = fc
    .array(fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant(NaN)), { maxLength: 8 })
    .map((steps) => ({
      values: Float64Array.from(steps, (_, index) => index),
      steps: Float64Array.from(steps),
      times: Float64Array.from(steps, (_, index) => -index),
    }))
  fc.assert(
    fc.property(fc.array(columns, { minLength: 1, maxLength: 4 }), (runs) => {
      const wanted = runs.flatMap(({ values, steps, times }, run) =>
        [...values.keys()].flatMap((index) => {
          const step = steps[index] ?? NaN
          const isReplaced = runs.slice(run + 1).some((later) => later.steps.some((other) => other <= step))
          return isReplaced ? [] : [[run, values[index], step, times[index]]]
        }),
      )
      const { parts, values, steps, times } = joinSeries(
        runs.map((given, run) => ({ run: String(run), columns: given })),
      )
      const owners = parts.flatMap(({ run, count }) => Array.from({ length: count }, () => Number(run)))
      expect(owners.map((run, index) => [run, values[index], steps[index], times[index]])).toEqual(wanted)
      expect(parts.map(({ count, replaced }) => count + replaced)).toEqual(
        runs.map((given) => given.values.length),
      )
    }),
    { numRuns: rounds(300) },
  )
})
