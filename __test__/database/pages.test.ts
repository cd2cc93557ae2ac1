import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test, vi } from 'vitest'
import { checkRunId } from '../../src/core/run-id.ts'
import { orderRuns, runsWithIds } from '../../src/database/pages.ts'
import { parseField, writtenField } from '../../src/database/expression/fields.ts'
import { readFolders } from '../../src/database/folders.ts'
import { removeStoredRun } from '../../src/database/removal.ts'
import { RunIds } from '../../src/database/run-order.ts'
import { groupRuns } from '../../src/database/groups.ts'
import { listRuns } from '../../src/database/runs.ts'
import { annotate } from '../../src/store/annotations.ts'
import { storeIn } from '../../src/store/store.ts'
import { thisProcess } from '../../src/util/process-identity.ts'
import { folderOf } from '../support/folder.ts'
import { finished } from '../tracking/support.ts'
import { recordOf, writeRun } from './support.ts'
import type { MarkedGroups } from '../../src/database/group-order.ts'
import type { OrderedRuns } from '../../src/database/run-order.ts'

async function storeOf(count: number): Promise<string> {
  const root = folderOf()
  for (let index = 0; index < count; index++)
    await finished(
      root,
      { experimentId: `run-${index}`, tags: index % 2 === 0 ? ['even'] : [] },
      (tracker) => {
        tracker.logMetric('loss', (index * 7) % 5)
        tracker.logMetric('rate', index)
      },
    )
  return root
}

test('the order is that of a list, the newest first without one', async () => {
  const root = await storeOf(6)
  const store = storeIn(root)
  for (const filter of [
    {},
    { sort: ['metrics.loss', '-metrics.rate'] },
    { where: 'tags has "even"', sort: ['-started'] },
  ]) {
    const { runs, total } = await listRuns(store, filter)
    const order = await orderRuns(store, { ...filter, columns: ['auto'] })
    const ids = runs.map(({ id }) => id)
    expect(order.ids.slice(0, 10)).toEqual('sort' in filter ? ids : ids.toReversed())
    expect(order.ids.length).toBe(ids.length)
    expect(order.columns.map(writtenField)).toEqual(['metrics.loss', 'metrics.rate'])
    expect(order).toMatchObject({ total, damaged: [] })
    expect(order.names).toEqual({ parameters: [], metrics: ['loss', 'rate'] })
  }
})

test('runs by their ids have the values of columns; one that is gone is left out', async () => {
  const root = await storeOf(3)
  const store = storeIn(root)
  const ids = (await orderRuns(store, {})).ids.slice(0, 10)
  const columns = ['metrics.rate', 'tags'].map((name) => parseField(name, 'columns'))
  const [first, second] = await runsWithIds(store, ids, columns)
  expect([first?.id, first?.values]).toEqual(['run-2', { 'metrics.rate': 2, tags: ['even'] }])
  expect(second?.values).toEqual({ 'metrics.rate': 1, tags: [] })
  const gone = await runsWithIds(store, ['run-7' as (typeof ids)[number], ...ids], [])
  expect(gone.map(({ id }) => id)).toEqual(ids)
})

test.skipIf(process.platform === 'win32')('without an index the answers are the same', async () => {
  const root = await storeOf(4)
  const store = storeIn(root)
  const indexed = await orderRuns(store, { columns: ['auto'] })
  // An index is refused in a folder that everybody can write to.
  chmodSync(store.root, 0o777)
  expect((await listRuns(store)).slow).toBeDefined()
  const { mark, ...read } = await orderRuns(store, { columns: ['auto'] })
  expect([mark, read]).toEqual([undefined, without(indexed)])
  expect((await readFolders(store)).runs.length).toBe(4)
})

test('a field is written as it is read, whatever its name is', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ minLength: 1 }),
        fc.constantFrom('loss', 'val/loss', 'a.b', 'loss.min', 'a"b', 'a\\b', '1e5', 'min'),
      ),
      fc.constantFrom('last' as const, 'min' as const, 'max' as const),
      (name, part) => {
        for (const field of [
          { kind: 'metric', name, part },
          { kind: 'parameter', name },
        ] as const)
          expect(parseField(writtenField(field), 'columns')).toEqual(field)
      },
    ),
  )
  expect(writtenField({ kind: 'metric', name: 'val/loss', part: 'min' })).toBe('metrics.val/loss.min')
})

test('a store that is not there has no runs', async () => {
  const order = await orderRuns(storeIn(folderOf()), { where: 'metrics.loss > 1' })
  expect(order).toEqual({
    ids: RunIds.of([]),
    first: [],
    columns: [],
    damaged: [],
    total: 0,
    names: { parameters: [], metrics: [] },
    mark: undefined,
  })
})

function without(answer: OrderedRuns): Omit<OrderedRuns, 'mark'> {
  const { mark: _, ...order } = answer
  return order
}

test('an earlier answer counts until a run comes, changes, is annotated, lost or removed', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const root = await storeOf(3)
  const store = storeIn(root)
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  const ended = once(child, 'exit')
  onTestFinished(() => void child.kill('SIGKILL'))
  const running = recordOf('goes-on', {
    status: 'running',
    process: { ...thisProcess(), pid: child.pid ?? 0, startTime: null },
  })
  writeRun(store, running)
  const filter = { where: 'status != "killed"', columns: ['auto'] }
  // Records that changed a moment ago are read again, whatever is known of them.
  const ask = async (kept?: OrderedRuns): Promise<OrderedRuns> => {
    vi.setSystemTime(Date.now() + 10_000)
    return orderRuns(store, filter, kept)
  }
  await ask()
  let before = await ask()
  for (const change of [
    async () => finished(root, { experimentId: 'run-8' }, (tracker) => tracker.logMetric('rate', 8)),
    async () => annotate(join(store.runs, 'run-1'), { addTags: ['seen'] }),
    async () => {
      child.kill('SIGKILL')
      await ended
    },
    async () => writeRun(store, { ...running, status: 'failed' }),
    async () => removeStoredRun(store, checkRunId('run-2')),
  ]) {
    const same = await ask(before)
    expect([same.ids === before.ids, same]).toEqual([true, before])
    await change()
    const after = await ask(before)
    expect(after.ids === before.ids).toBe(false)
    expect(without(after)).not.toEqual(without(before))
    expect(without(after)).toEqual(without(await orderRuns(store, filter)))
    before = after
  }
})

test('a question about an age is asked anew: the moment is another one', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const store = storeIn(await storeOf(2))
  const filter = { where: 'started > "1h"' }
  const groups = { by: 'tags', where: 'started > "1h"' }
  for (const [hours, matched] of [
    [0.1, 2],
    [0.1, 2],
    [2, 0],
  ] as const) {
    const [order, grouped] = [await orderRuns(store, filter), await groupRuns(store, groups)]
    vi.setSystemTime(Date.now() + hours * 3_600_000)
    expect((await orderRuns(store, filter, order)).ids.length).toBe(matched)
    expect((await groupRuns(store, groups, grouped)).count).toBe(matched)
  }
})

test('groups count until a run changes', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const root = await storeOf(2)
  const store = storeIn(root)
  const ask = async (kept?: MarkedGroups): Promise<MarkedGroups> => {
    vi.setSystemTime(Date.now() + 10_000)
    return groupRuns(store, { by: 'tags', measure: 'metrics.rate' }, kept)
  }
  await ask()
  const before = await ask()
  expect((await ask(before)).groups).toBe(before.groups)
  await annotate(join(store.runs, 'run-1'), { addTags: ['seen'] })
  const after = await ask(before)
  expect([before, after].map(({ groups }) => groups.map(({ value }) => value))).toEqual([
    ['even', null],
    ['even', 'seen'],
  ])
})
