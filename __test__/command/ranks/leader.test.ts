import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Ranks } from '../../../src/command/ranks/leader.ts'
import { readRun } from '../../../src/store/runs.ts'
import { MetricFiles } from '../../../src/tracking/metric-files/metric-files.ts'
import { folderOf } from '../../support/folder.ts'
import { startedRecorder } from '../../tracking/support.ts'
import { LAUNCH } from './launch-fixture.ts'
import type { Launch } from '../../../src/command/ranks/launch.ts'
import type { MessageOf } from '../../../src/command/python-bridge/messages.ts'
import type { Recorder } from '../../../src/tracking/recorder.ts'

const OF_THREE: Launch = { ...LAUNCH, size: 3, localSize: 3 }

const NOTHING = { datasets: [], models: [], outputs: [], metricFiles: [] }

function joining(rank: number): MessageOf<'join'> {
  return { call: 'join', id: 1, protocol: 1, pid: 10 + rank, rank, localRank: rank, ...NOTHING }
}

function leaving(exitCode: number | null, signal: string | null = null): MessageOf<'leave'> {
  const stdout = { status: 'captured', file: 'stdout.log', bytes: 3, keptBytes: 3 } as const
  const stderr = { status: 'not-captured', reason: 'it was closed' } as const
  return { call: 'leave', id: 2, exitCode, signal, durationMs: 5, stdout, stderr, warnings: ['w'] }
}

async function leader(
  declared = NOTHING,
): Promise<{ ranks: Ranks; recorder: Recorder; scratch: string; root: string }> {
  const root = folderOf({ 'a.txt': 'a', 'b.txt': 'b' })
  const recorder = await startedRecorder(root)
  const ranks = new Ranks(OF_THREE, recorder, new MetricFiles(recorder), declared)
  const scratch = folderOf()
  ranks.open(scratch)
  return { ranks, recorder, scratch, root }
}

const CALM = new AbortController().signal

const ended = { kind: 'exited', code: 0 } as const

test('a rank joins once, and its end and its log are kept', async () => {
  const { ranks, recorder, scratch } = await leader()
  const answer = await ranks.join(joining(1))
  expect(answer).toMatchObject({ run: recorder.id, directory: recorder.runDirectory })
  for (const rank of [0, 1])
    await expect(ranks.join(joining(rank))).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE' })
  await ranks.join(joining(2))
  for (const rank of [1, 2]) writeFileSync(join(scratch, `rank-${rank}`, 'stdout.log'), 'out')
  await ranks.leave(1, leaving(0))
  await ranks.leave(2, leaving(0))
  await ranks.settle(ended, CALM)
  expect(ranks.failure()).toBeUndefined()
  await expect(ranks.join(joining(3))).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE' })
  const { warnings } = await recorder.finish()
  expect(warnings).toEqual(['rank 1: w', 'rank 2: w'])
  expect(readFileSync(join(recorder.runDirectory, 'ranks/rank-2/stdout.log'), 'utf8')).toBe('out')
})

test.each([
  ['a code', leaving(3), 'rank 1 ended with code 3'],
  ['a signal', leaving(null, 'SIGKILL'), 'rank 1 was ended by SIGKILL'],
] as const)('%s of a rank is why the run failed', async (_, end, failure) => {
  const { ranks, scratch } = await leader()
  for (const rank of [1, 2]) {
    await ranks.join(joining(rank))
    writeFileSync(join(scratch, `rank-${rank}`, 'stdout.log'), 'out')
  }
  await ranks.leave(2, leaving(0))
  await ranks.leave(1, end)
  await ranks.settle(ended, CALM)
  expect(ranks.failure()).toBe(failure)
})

test('a rank whose wrapper is gone is lost, and what it had written is kept', async () => {
  const { ranks, recorder, scratch } = await leader()
  await ranks.join(joining(1))
  await ranks.join(joining(2))
  writeFileSync(join(scratch, 'rank-1', 'stdout.log'), 'so far')
  writeFileSync(join(scratch, 'rank-2', 'stdout.log'), 'out')
  await ranks.lose(1)
  await ranks.leave(2, leaving(0))
  // The end of a connection that has reported before is no loss.
  await ranks.lose(2)
  await ranks.settle(ended, CALM)
  expect(ranks.failure()).toBe('the wrapper of rank 1 ended without a report')
  expect(readFileSync(join(recorder.runDirectory, 'ranks/rank-1/stdout.log'), 'utf8')).toBe('so far')
})

test('after a failure of the own command the others are not waited for', async () => {
  const { ranks, recorder } = await leader()
  await ranks.join(joining(1))
  await ranks.settle({ kind: 'exited', code: 2 }, CALM)
  await ranks.leave(1, leaving(0))
  const { warnings } = await recorder.finish('failed')
  expect(warnings).toMatchObject([expect.stringContaining('the run ended before 1 rank')])
})

test('a signal stops waiting', async () => {
  const { ranks } = await leader()
  await ranks.join(joining(1))
  await ranks.settle(ended, AbortSignal.abort())
  expect(ranks.failure()).toBe('rank 1 had not ended')
})

test('inputs and outputs that only one rank declares are recorded as those of this rank', async () => {
  const root = folderOf({ 'a.txt': 'a', 'b.txt': 'b' })
  const recorder = await startedRecorder(root)
  const [a, b] = [join(root, 'a.txt'), join(root, 'b.txt')]
  const common = { ...NOTHING, datasets: [{ name: 'data', path: a }] }
  const ranks = new Ranks(OF_THREE, recorder, new MetricFiles(recorder), common)
  const scratch = folderOf()
  ranks.open(scratch)
  await recorder.track((await import('../../../src/tracking/inputs.ts')).KINDS.dataset, a, 'data')
  await ranks.join({ ...joining(1), ...common })
  const outputs = [{ name: 'model', path: b }]
  await ranks.join({ ...joining(2), datasets: [{ name: 'data', path: b }], outputs })
  expect(ranks.outputs).toMatchObject(outputs)
  await ranks.settle(ended, AbortSignal.abort())
  await recorder.finish()
  const { record } = await readRun(recorder.runDirectory)
  expect(Object.keys(record.datasets)).toEqual(['data', 'data/rank 2'])
  expect(record.processes).toMatchObject([{ rank: 2, pid: 12 }])
})

test('a link in place of a log is not followed', async () => {
  const { ranks, recorder, scratch } = await leader()
  await ranks.join(joining(1))
  await ranks.join(joining(2))
  mkdirSync(join(scratch, 'rank-1', 'stdout.log'))
  writeFileSync(join(scratch, 'rank-2', 'stdout.log'), 'out')
  await ranks.leave(1, leaving(0))
  await ranks.leave(2, leaving(0))
  await ranks.settle(ended, CALM)
  await recorder.finish()
  const { record } = await readRun(recorder.runDirectory)
  // The recorder of this test has no launch, so the ranks stand in its journal only.
  expect(record.files.map((file) => file.path)).toContain('ranks/rank-2/stdout.log')
  expect(record.files.map((file) => file.path)).not.toContain('ranks/rank-1/stdout.log')
})
