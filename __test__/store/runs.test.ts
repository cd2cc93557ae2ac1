import { appendFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findRun, listRuns } from '../../src/database/runs.ts'
import { readRun } from '../../src/store/runs.ts'
import { storeIn } from '../../src/store/store.ts'
import { finished, runProgram, started } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'

test('a store that is not there has no runs', async () => {
  const store = storeIn(folderOf())
  expect(await listRuns(store)).toEqual({ runs: [], damaged: [], total: 0 })
  await expect(findRun(store, '@latest')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RUN' })
})

test('runs are found by id, beginning, name and @latest', async () => {
  const root = folderOf()
  const store = storeIn(root)
  await finished(root, { experimentId: 'alpha-1', experimentName: 'first' })
  await finished(root, { experimentId: 'alpha-2', experimentName: 'twice' })
  await finished(root, { experimentId: 'beta', experimentName: 'twice' })
  expect((await listRuns(store)).runs.map(({ id }) => id)).toEqual(['alpha-1', 'alpha-2', 'beta'])
  for (const [reference, id] of [
    ['alpha-2', 'alpha-2'],
    ['b', 'beta'],
    ['first', 'alpha-1'],
    ['twice', 'beta'],
    ['@latest', 'beta'],
  ] as const) {
    expect((await findRun(store, reference)).id, reference).toBe(id)
  }
  await expect(findRun(store, 'alpha')).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_AMBIGUOUS',
    message: expect.stringContaining('2 runs begin with "alpha"') as string,
    hint: expect.stringMatching(/alpha-1, alpha-2$/) as string,
  })
  for (const reference of ['nothing', '', '..', '../runs/beta', 'alpha-1/']) {
    await expect(findRun(store, reference), reference).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RUN' })
  }
})

test('an exact id wins over longer ones that begin with it', async () => {
  const root = folderOf()
  await finished(root, { experimentId: 'run' })
  await finished(root, { experimentId: 'run-2' })
  expect((await findRun(storeIn(root), 'run')).id).toBe('run')
})

test('damaged runs are reported and do not hide the others', async () => {
  const root = folderOf()
  const store = storeIn(root)
  const good = await finished(root, { experimentId: 'good' })
  const text = readFileSync(join(good.folder, 'run.json'), 'utf8')
  const broken: Record<string, string> = {
    empty: '',
    half: text.slice(0, text.length / 2),
    'not-json': 'run',
    array: '[]',
    'other-version': text.replace('lineaprint/run/v1', 'lineaprint/run/v9'),
    'wrong-type': text.replace('"tags": []', '"tags": 5'),
    proto: text.replace('\n  "datasets": {}', '\n  "datasets": {"__proto__": 5}'),
  }
  for (const [id, content] of Object.entries(broken)) {
    mkdirSync(join(store.runs, id))
    writeFileSync(join(store.runs, id, 'run.json'), content)
  }
  mkdirSync(join(store.runs, 'no-record'))
  mkdirSync(join(store.runs, 'folder-as-record', 'run.json'), { recursive: true })
  mkdirSync(join(store.runs, '.new-123'))
  writeFileSync(join(store.runs, 'a-file'), '')
  const { runs, damaged } = await listRuns(store)
  expect(runs.map(({ id }) => id)).toEqual(['good'])
  const expected = [...Object.keys(broken), 'no-record', 'folder-as-record'].toSorted()
  expect(damaged.map(({ id }) => id)).toEqual(expected)
  for (const { error } of damaged) expect(error.code).toBe('ERR_LINEAPRINT_RECORD')
  expect((await findRun(store, '@latest')).id).toBe('good')
})

test('a record with two equal keys is refused: readers could disagree on what it says', async () => {
  const { folder } = await finished(folderOf())
  const text = readFileSync(join(folder, 'run.json'), 'utf8')
  writeFileSync(join(folder, 'run.json'), text.replace('"notes"', '"notes": "other", "notes"'))
  await expect(readRun(folder)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RECORD' })
})

test('a run that goes on is running, with what its journal holds', async () => {
  const tracker = await started(folderOf(), { tags: ['a'] })
  tracker.logMetric('loss', 0.5, { step: 1 })
  tracker.addTags('b')
  tracker.addMetadata({ rows: 3 })
  tracker.setNotes('so far')
  await tracker.flush()
  const { status, record, journal } = await readRun(tracker.runDirectory)
  expect(status).toBe('running')
  expect(journal).toEqual({ events: 8, tornBytes: 0, problems: [] })
  expect(record).toMatchObject({ tags: ['a', 'b'], metadata: { rows: 3 }, notes: 'so far', seal: null })
  expect(record.metrics).toEqual({
    loss: { count: 1, nanCount: 0, first: 0.5, last: 0.5, min: 0.5, max: 0.5, lastStep: 1 },
  })
  await tracker.finishExperiment()
})

test('a run whose process is gone is lost, whatever a torn journal says', async () => {
  const root = folderOf()
  const { code } = await runProgram(
    `const tracker = new ExperimentTracker({ ...off, experimentId: 'gone' })
     await tracker.startExperiment()
     tracker.logMetric('loss', NaN)
     process.exit(7)`,
    root,
  )
  expect(code).toBe(7)
  const folder = join(storeIn(root).runs, 'gone')
  appendFileSync(join(folder, 'events.jsonl'), '{"seq":6,"ti')
  const run = await readRun(folder)
  expect(run.status).toBe('lost')
  // What was said before process.exit() is there, though nobody asked for it to be flushed.
  expect(run.record.metrics['loss']).toMatchObject({
    count: 1,
    nanCount: 1,
    last: { __float__: 'NaN' },
    min: null,
  })
  expect(run.journal).toEqual({ events: 5, tornBytes: 12, problems: [] })
  expect((await listRuns(storeIn(root))).runs.map(({ status }) => status)).toEqual(['lost'])
})

test('the store keeps itself out of git', async () => {
  const root = folderOf()
  await finished(root)
  await finished(root)
  expect(readFileSync(join(root, '.lineaprint', '.gitignore'), 'utf8')).toMatch(/^\*$/m)
  expect(readdirSync(join(root, '.lineaprint')).toSorted()).toEqual(['.gitignore', 'runs'])
})

test('an id that is taken is an error and harms nothing', async () => {
  const root = folderOf()
  const first = await finished(root, { experimentId: 'mine', notes: 'first' })
  await expect(finished(root, { experimentId: 'mine' })).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RUN' })
  expect((await readRun(first.folder)).record.notes).toBe('first')
  expect(readdirSync(storeIn(root).runs)).toEqual(['mine'])
})

test('a store that cannot be written is an error that says why', async () => {
  const inTheWay = folderOf({ '.lineaprint': 'a file' })
  await expect(finished(inTheWay)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STORE',
    path: join(inTheWay, '.lineaprint'),
    message: expect.stringContaining('a file exists where a folder is needed') as string,
  })
  const noRuns = folderOf({ '.lineaprint/runs': 'a file' })
  await expect(finished(noRuns)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STORE' })
  await expect(listRuns(storeIn(noRuns))).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STORE' })
  expect(readFileSync(join(noRuns, '.lineaprint/runs'), 'utf8')).toBe('a file')
})

test('four processes track into one store at once', { timeout: 60_000 }, async () => {
  const root = folderOf()
  const program = (process: number): string => `
    for (let round = 0; round < 5; round++) {
      const tracker = new ExperimentTracker({ ...off, experimentName: 'shared', saveToJson: true, saveToYaml: true, tags: ['${process}'] })
      await tracker.run(() => { for (let step = 0; step < 100; step++) tracker.logMetric('m', ${process}, { step }) })
    }`
  const outcomes = await Promise.all([1, 2, 3, 4].map((process) => runProgram(program(process), root)))
  for (const outcome of outcomes) expect(outcome).toEqual({ code: 0, stdout: '', stderr: '' })
  const { runs, damaged } = await listRuns(storeIn(root))
  expect(damaged).toEqual([])
  expect(runs.length).toBe(20)
  for (const { folder, status } of runs) {
    expect(status).toBe('finished')
    const { record } = await readRun(folder)
    const process = Number(record.tags[0])
    expect(record.metrics['m']).toEqual({
      count: 100,
      nanCount: 0,
      first: process,
      last: process,
      min: process,
      max: process,
      lastStep: 99,
    })
  }
  // The copy of the newest is one run's, whole.
  const latest = JSON.parse(readFileSync(join(root, '.lineaprint/shared_latest.json'), 'utf8')) as {
    id: string
  }
  expect(latest).toEqual((await findRun(storeIn(root), latest.id)).record)
})
