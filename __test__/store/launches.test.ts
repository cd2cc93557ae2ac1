import { expect, test } from 'vitest'
import { groupLaunches } from '../../src/store/launches.ts'
import { checkRunId } from '../../src/core/run-id.ts'
import type { ListedRun } from '../../src/store/runs.ts'

/** A run from one second to another, as it is listed. */
function listed(
  id: string,
  seconds: readonly [number, number | null],
  launch: ListedRun['launch'],
): ListedRun {
  const [start, end] = seconds.map((second) =>
    second === null ? null : new Date(second * 1000).toISOString(),
  )
  return {
    id: checkRunId(id),
    name: 'train',
    runName: null,
    status: end === null ? 'running' : 'finished',
    startedAt: start ?? '',
    finishedAt: end ?? null,
    durationMs: null,
    tags: [],
    notes: '',
    parent: null,
    continues: null,
    folder: `/${id}`,
    argv: [],
    launch,
  }
}

test('runs of one launch stand together, the lowest rank first, and those of a later one of its name apart', () => {
  const on = (node: string, rank: number, group = 'job'): ListedRun['launch'] => ({
    launcher: 'torchrun',
    group,
    node,
    rank,
    size: 8,
  })
  const runs = [
    listed('b4', [0, 20], on('b', 4)),
    listed('alone', [1, 2], null),
    listed('a0', [2, 20], on('a', 0)),
    listed('other', [3, 20], on('c', 2, 'other')),
    // The name is that of the launch before, which has ended.
    listed('a0-again', [30, 40], on('a', 0)),
    listed('c2-again', [31, null], on('c', 2)),
    // Of the same machine: a third launch.
    listed('c2-third', [32, null], on('c', 2)),
  ]
  expect(groupLaunches(runs).map(({ id }) => id)).toEqual([
    'a0',
    'b4',
    'alone',
    'other',
    'a0-again',
    'c2-again',
    'c2-third',
  ])
})
