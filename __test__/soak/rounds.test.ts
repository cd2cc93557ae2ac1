import { expect, test } from 'vitest'
import { cancelRound } from '../../soak/cancel.ts'
import { journalRound } from '../../soak/journal.ts'
import { linearRound } from '../../soak/linear.ts'
import { memoryRound } from '../../soak/memory.ts'
import { metricsRound } from '../../soak/metrics.ts'
import { storeRound } from '../../soak/store.ts'
import { objectsRound } from '../../soak/objects.ts'
import { workersRound } from '../../soak/workers.ts'
import { faultsOf, quietly } from './support.ts'

test('an aborted call rejects with the reason, and its work ends', { timeout: 120_000 }, async () => {
  expect(faultsOf(await cancelRound({ ...quietly, rounds: 30 }))).toEqual([])
})

test('threads that end and buffers that go away do no harm', { timeout: 120_000 }, async () => {
  const outcome = await workersRound({ ...quietly, workers: 14, buffers: 12, batch: 14 })
  expect(faultsOf(outcome)).toEqual([])
  expect(outcome.numbers['workers ended while they hashed']).toBeGreaterThan(0)
})

test('what flush acknowledged survives SIGKILL', { timeout: 120_000 }, async () => {
  expect(faultsOf(await journalRound({ ...quietly, kills: 6 }))).toEqual([])
})

test('gc takes no object from a run', { timeout: 240_000 }, async () => {
  const outcome = await objectsRound({ ...quietly, rounds: 6, writers: 3 })
  expect(faultsOf(outcome)).toEqual([])
  expect(outcome.numbers).toMatchObject({ collections: 6, 'collectors killed': 1 })
})

test('processes lose no run of each other', { timeout: 120_000 }, async () => {
  expect(faultsOf(await storeRound({ ...quietly, runs: 60, processes: 3 }))).toEqual([])
})

test('memory does not grow with what is hashed', { timeout: 120_000 }, async () => {
  // Timers depend on who else uses the machine; the full round looks at them.
  expect(
    faultsOf(await memoryRound({ ...quietly, bytes: 2 ** 28, files: 1000, records: 100_000, lateMs: 200 })),
  ).toEqual([])
})

test('memory does not grow with the values that are logged', { timeout: 120_000 }, async () => {
  expect(faultsOf(await metricsRound({ ...quietly, values: 60_000 }))).toEqual([])
})

test('time per byte and per file is shown', { timeout: 120_000 }, async () => {
  const lines: string[] = []
  await linearRound({ bytes: [2 ** 20], files: [10], calls: [20], progress: (line) => lines.push(line) })
  expect(lines.map((line) => line.trim().split(/ {2,}/)[0])).toEqual([
    '1 MiB, blake3',
    '1 MiB, sha256',
    '10 files',
    '20 labels, written',
    '20 labels, read',
  ])
})
