import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { findRun, listRuns } from '../../src/database/runs.ts'
import { readRun } from '../../src/store/runs.ts'
import { storeIn } from '../../src/store/store.ts'
import { finished, started } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'

/** Makes a folder one that nobody can write to, the administrator included; says why not where it cannot be. */
function makeReadOnly(folder: string): string | undefined {
  const isRoot = process.getuid?.() === 0
  // Permissions do not hold for root; what is mounted read-only does.
  const steps = isRoot
    ? [
        ['mount', '--bind', folder, folder],
        ['mount', '-o', 'remount,ro,bind', folder],
      ]
    : [['chmod', '-R', 'a-w', folder]]
  onTestFinished(() => void spawnSync(isRoot ? 'umount' : 'chmod', isRoot ? [folder] : ['-R', 'u+w', folder]))
  for (const [program = '', ...args] of steps) {
    const { status, error, stderr } = spawnSync(program, args, { encoding: 'utf8' })
    if (status !== 0) return error?.message ?? stderr
  }
  return undefined
}

test.skipIf(process.platform === 'win32')(
  'a store that may only be read is listed, and a new run is refused',
  async (context) => {
    const root = folderOf()
    const { id } = await finished(root, { experimentName: 'kept' })
    const refusal = makeReadOnly(root)
    if (refusal !== undefined) context.skip(refusal)
    await expect(finished(root)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_STORE',
      path: expect.stringContaining(root) as string,
      message: expect.stringMatching(/the file system is read-only|permission denied/) as string,
    })
    const store = storeIn(root)
    const { runs, damaged, slow } = await listRuns(store)
    expect(runs.map((run) => run.id)).toEqual([id])
    expect(damaged).toEqual([])
    expect(slow).toMatch(/has no index: the folder cannot be written \(E(?:ROFS|ACCES)\)/)
    expect((await findRun(store, 'kept')).id).toBe(id)
  },
)

test('a clock that steps back loses no run and no time', async () => {
  const root = folderOf()
  onTestFinished(() => void vi.useRealTimers())
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2030-06-01T12:00:00Z') })
  const first = await started(root, { experimentName: 'clock' })
  vi.setSystemTime(new Date('2030-06-01T11:00:00Z'))
  first.logMetric('loss', 1)
  await first.finishExperiment()
  const second = await started(root, { experimentName: 'clock' })
  await second.finishExperiment()
  const store = storeIn(root)
  const { runs, damaged } = await listRuns(store)
  expect(damaged).toEqual([])
  expect(runs.map(({ id }) => id)).toEqual([second.id, first.id])
  const { record } = await readRun(first.runDirectory)
  expect(record).toMatchObject({
    status: 'finished',
    startedAt: '2030-06-01T12:00:00.000Z',
    finishedAt: '2030-06-01T11:00:00.000Z',
  })
  // How long it took is counted by a clock that nobody sets.
  expect(record.durationMs).toBeGreaterThanOrEqual(0)
  expect(record.durationMs).toBeLessThan(1_000_000)
  // The newest is the one that says so of itself.
  expect((await findRun(store, 'clock')).id).toBe(first.id)
})

test('two trackers of one process do not know of each other', async () => {
  const root = folderOf()
  const [one, two] = await Promise.all([
    started(root, { experimentName: 'one', tags: ['a'] }),
    started(root, { experimentName: 'two', tags: ['b'] }),
  ])
  for (let step = 0; step < 500; step++) {
    one.logMetric('m', 1, { step })
    two.logMetric('m', 2, { step })
    if (step % 100 === 0) await Promise.all([one.flush(), two.flush()])
  }
  await Promise.all([one.finishExperiment(), two.finishExperiment()])
  for (const [tracker, value] of [
    [one, 1],
    [two, 2],
  ] as const) {
    const { record } = await readRun(tracker.runDirectory)
    expect(record.metrics['m']).toMatchObject({ count: 500, min: value, max: value })
  }
})

test('the name of an experiment is no path', async () => {
  const parent = folderOf()
  const root = join(parent, 'inside')
  mkdirSync(root)
  for (const experimentName of ['../x', '/etc/x', '..', 'a/b', 'CON', '..\\x', '\u202ex']) {
    const run = await finished(root, { experimentName, saveToJson: true, saveToYaml: true })
    expect(dirname(run.folder)).toBe(storeIn(root).runs)
    expect(run.record.name).toBe(experimentName)
    expect((await findRun(storeIn(root), experimentName)).id).toBe(run.id)
  }
  expect(readdirSync(parent)).toEqual(['inside'])
  expect(readdirSync(root)).toEqual(['.lineaprint'])
  const beside = readdirSync(join(root, '.lineaprint')).filter((name) => name.includes('_latest.'))
  expect(beside.length).toBe(14)
})

test.skipIf(process.platform === 'win32')(
  'a store that is removed under a run is said by the next flush, and by the end',
  async () => {
    const root = folderOf()
    const tracker = await started(root)
    tracker.logMetric('m', 1)
    await tracker.flush()
    rmSync(join(root, '.lineaprint'), { recursive: true })
    tracker.logMetric('m', 2)
    const gone = {
      code: 'ERR_LINEAPRINT_STORE',
      path: expect.stringContaining(tracker.runDirectory) as string,
    }
    await expect(tracker.flush()).rejects.toMatchObject(gone)
    await expect(tracker.finishExperiment()).rejects.toMatchObject(gone)
    expect(existsSync(join(root, '.lineaprint'))).toBe(false)
    expect((await finished(root)).status).toBe('finished')
  },
)

test('a run is brought in by copying its folder', async () => {
  const [here, there] = [folderOf(), folderOf()]
  await finished(here, { experimentName: 'here' })
  const run = await finished(there, { experimentName: 'there', tags: ['far'] })
  const store = storeIn(here)
  await listRuns(store)
  const folder = join(store.runs, run.id)
  cpSync(run.folder, folder, { recursive: true })
  expect((await listRuns(store)).runs.map(({ name }) => name)).toEqual(['here', 'there'])
  expect((await findRun(store, 'there')).record).toEqual(run.record)
})

test('a run that was copied half-way is reported', async () => {
  const [here, there] = [folderOf(), folderOf()]
  const kept = await finished(here)
  const run = await finished(there, {}, (tracker) => tracker.logMetric('m', 1))
  const store = storeIn(here)
  const folder = join(store.runs, run.id)
  cpSync(run.folder, folder, { recursive: true })
  rmSync(join(folder, 'run.json'))
  for (let round = 0; round < 2; round++) {
    const { runs, damaged } = await listRuns(store)
    expect(runs.map(({ id }) => id)).toEqual([kept.id])
    expect(damaged).toMatchObject([
      {
        id: run.id,
        error: {
          code: 'ERR_LINEAPRINT_RECORD',
          path: expect.stringContaining(run.id) as string,
          hint: expect.stringContaining('copy the folder again') as string,
        },
      },
    ])
  }
  await expect(findRun(store, run.id)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RECORD' })

  // A record that had not ended when it was copied, and a journal that was cut off.
  const going = await started(there)
  going.logMetric('m', 1)
  await going.flush()
  rmSync(folder, { recursive: true })
  cpSync(going.runDirectory, folder, { recursive: true })
  await going.finishExperiment()
  const path = join(folder, 'events.jsonl')
  truncateSync(path, readFileSync(path).length - 10)
  expect((await readRun(folder)).journal).toMatchObject({
    problems: [],
    tornBytes: expect.any(Number) as number,
  })
  expect((await readRun(folder)).journal?.tornBytes).toBeGreaterThan(0)
})
