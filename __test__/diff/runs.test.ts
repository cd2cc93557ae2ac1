import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ABSENCES } from '../../src/capture/git/absence.ts'
import { diffRuns } from '../../src/diff/runs.ts'
import { isIgnored } from '../../src/diff/ignore.ts'
import { readSeries } from '../../src/diff/series.ts'
import { parseTracked } from '../../src/record/tracked.ts'
import { readRun } from '../../src/store/runs.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { finished, inRun } from '../tracking/support.ts'
import type { CaptureRecord, RunRecord } from '../../src/record/record.ts'
import type { RunDiff } from '../../src/diff/runs.ts'
import type { StoredRun } from '../../src/store/runs.ts'

const fields = ({ differences }: RunDiff): string[] =>
  differences.map(({ cause, field }) => `${cause}: ${field}`)

/** A run whose record says something else, as another machine might have written it. */
const but = (run: StoredRun, changes: Partial<RunRecord>): StoredRun => ({
  ...run,
  record: { ...run.record, seal: null, ...changes },
})

const captured = (value: object, digest = `git.v1.blake3:${'0'.repeat(64)}`): CaptureRecord =>
  ({ status: 'captured', digest, value, warnings: [] }) as unknown as CaptureRecord

/** A tracked file that neither index nor work tree has any more. */
const removed = (path: string): object => ({
  path,
  staged: 'D',
  unstaged: null,
  conflict: null,
  head: null,
  index: null,
  workTree: null,
})

const git = (commit: string, changed: object[] = []): CaptureRecord =>
  captured({ available: true, root: '/repo', commit, changed, untracked: [], submodules: [] })

test('two runs of the same are the same, whatever their names and notes', async () => {
  const folder = folderOf()
  const work = (tracker: { logMetric(name: string, value: number, at: { step: number }): void }): void => {
    for (const step of [1, 2, 3]) tracker.logMetric('loss', step === 2 ? NaN : 1 / step, { step })
  }
  const a = await finished(folder, { experimentName: 'a' }, work)
  const b = await finished(
    folder,
    { experimentName: 'b', notes: 'again', tags: ['x'], continues: a.id },
    work,
  )
  const diff = await diffRuns(a, b)
  expect(diff).toMatchObject({
    kind: 'run',
    same: true,
    firstCause: null,
    differences: [],
    notCompared: ['environment', 'git', 'seeds'].map((field) => ({ field, reason: 'both runs: disabled' })),
    warnings: [],
  })
  expect(diff.metrics).toMatchObject([
    { name: 'loss', same: true, divergence: null, onlyBefore: 0, onlyAfter: 0 },
  ])
})

test('causes stand in their order, the first one first', async () => {
  const run = await finished(folderOf(), { metadata: { rate: 0.1 } })
  const before = but(run, { captures: { git: git('a'.repeat(40)) } })
  const after = but(run, {
    captures: { git: git('b'.repeat(40), [removed('x.py')]) },
    metadata: { rate: 0.2 },
    command: { ...run.record.command, exitCode: 1, argv: [...run.record.command.argv, '--fast'] },
    lineaprint: '9.9.9',
  })
  const forth = await diffRuns(before, after)
  expect(forth.firstCause).toBe('code')
  expect(fields(forth)).toEqual([
    'code: git.changed.x.py',
    'code: git.commit',
    'configuration: command.argv',
    'configuration: metadata.rate',
    'packages: lineaprint',
    'outcome: command.exitCode',
  ])
  // The other way round it is the same list with its sides exchanged.
  const back = await diffRuns(after, before)
  expect(fields(back)).toEqual(fields(forth))
  expect(back.differences.map(({ before: was }) => was)).toEqual(forth.differences.map(({ after: is }) => is))
})

test('a repository or a seed that only one run has is a difference in both directions', async () => {
  const run = await finished(folderOf())
  const seeds = (seed: number | null): CaptureRecord =>
    captured({ seed, variables: {}, generators: {} }, `seeds.v1.blake3:${String(seed ?? 0).repeat(64)}`)
  const none = but(run, {
    captures: { git: captured({ available: false, reason: ABSENCES.repository }), seeds: seeds(null) },
  })
  const both = but(run, { captures: { git: git('a'.repeat(40)), seeds: seeds(7) } })
  for (const pair of [[none, both] as const, [both, none] as const]) {
    expect(fields(await diffRuns(...pair))).toEqual(['code: git.available', 'seeds: seeds.seed'])
  }
})

test('ignored fields do not count, but are told', async () => {
  const run = await finished(folderOf(), { metadata: { rate: 0.1, 'deep.er': 1 } })
  const after = but(run, { metadata: { rate: 0.2, 'deep.er': 2 } })
  const diff = await diffRuns(run, after, { ignore: ['metadata'] })
  expect(diff).toMatchObject({ same: true, firstCause: null })
  expect(diff.ignored.map(({ field }) => field)).toEqual(['metadata.deep.er', 'metadata.rate'])
  expect(fields(await diffRuns(run, after, { ignore: ['*.rate'] }))).toEqual([
    'configuration: metadata.deep.er',
  ])
  await expect(diffRuns(run, after, { ignore: [''] })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
  })
  // @ts-expect-error a mistyped option
  await expect(diffRuns(run, after, { ignored: [] })).rejects.toMatchObject({ hint: 'did you mean ignore?' })
})

test('patterns take no more than their length times that of the field', () => {
  expect(isIgnored('a.b.c', ['a'])).toBe(true)
  expect(isIgnored('ab.c', ['a'])).toBe(false)
  expect(isIgnored('a.b.c', ['a.?.c', 'x'])).toBe(true)
  expect(isIgnored('a'.repeat(20_000), [`${'*a'.repeat(200)}*b`])).toBe(false)
})

test('datasets, outputs and models, tensor by tensor', async () => {
  const folder = folderOf({
    'd.csv': '1\n',
    'm.safetensors': safetensors({ a: floats([1]), b: floats([2, 3]), same: floats([4]) }),
  })
  const run = (): Promise<StoredRun> =>
    finished(folder, {}, async (tracker) => {
      await tracker.trackDataset(join(folder, 'd.csv'), 'train')
      await tracker.trackModel(join(folder, 'm.safetensors'), 'base')
    })
  const before = await run()
  writeFileSync(join(folder, 'd.csv'), '1\n2\n')
  writeFileSync(
    join(folder, 'm.safetensors'),
    safetensors({ a: floats([9]), c: floats([2, 3]), same: floats([4]) }),
  )
  const after = await run()
  const diff = await diffRuns(before, after)
  expect(diff.differences.map(({ field, detail }) => [field, detail])).toEqual([
    ['datasets.train.digest', 'bytes 2 → 4, table: it had 0 rows and has 1'],
    ['models.base.architecture', undefined],
    ['models.base.tensors.a', 'data changed'],
    ['models.base.tensors.c', 'renamed from b'],
    ['models.base.weights', undefined],
  ])
  rmSync(inRun(after, 'models/base.tensors.json'))
  expect((await diffRuns(before, after)).notCompared).toContainEqual(
    expect.objectContaining({ field: 'models.base.tensors' }),
  )
  writeFileSync(inRun(after, 'models/base.tensors.json'), '{"schema":"lineaprint/tensors/v1","tensors":[{}]}')
  await expect(diffRuns(before, after)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RECORD' })
  const outside = structuredClone(after.record) as unknown as { models: { base: { tensorsFile: string } } }
  outside.models.base.tensorsFile = '../../x'
  await expect(diffRuns(before, { ...after, record: outside as unknown as RunRecord })).rejects.toMatchObject(
    {
      code: 'ERR_LINEAPRINT_RECORD',
    },
  )
})

test('the first step at which a metric differs, and steps that only one run has', async () => {
  const folder = folderOf()
  const run = (values: readonly (readonly [number | undefined, number])[]): Promise<StoredRun> =>
    finished(folder, {}, (tracker) => {
      for (const [step, value] of values) tracker.logMetric('m', value, step === undefined ? {} : { step })
    })
  const steps = await run([
    [1, 1],
    [2, 2],
    [3, 3],
    [4, 4],
  ])
  const metric = async (other: StoredRun): Promise<unknown> => (await diffRuns(steps, other)).metrics[0]
  expect(
    await metric(
      await run([
        [1, 1],
        [3, NaN],
        [4, 5],
      ]),
    ),
  ).toMatchObject({
    same: false,
    divergence: { step: 3, index: 1, before: 3 },
    onlyBefore: 1,
    onlyAfter: 0,
  })
  expect(
    await metric(
      await run([
        [1, 1],
        [2, 2],
      ]),
    ),
  ).toMatchObject({ divergence: null, onlyBefore: 2, same: false })
  const [x, y] = [
    await run([
      [undefined, 1],
      [undefined, 2],
    ]),
    await run([
      [undefined, 1],
      [undefined, 3],
    ]),
  ]
  expect((await diffRuns(x, y)).differences).toMatchObject([
    { field: 'metrics.m', before: '2', after: '3', detail: 'the values diverge at value 2: 2 → 3' },
  ])
  rmSync(inRun(y, 'events.jsonl'))
  const gone = await diffRuns(x, y)
  expect(gone.notCompared).toContainEqual({
    field: 'metrics',
    reason: 'steps: the journal of the second run is missing',
  })
  expect(gone.differences).toMatchObject([{ field: 'metrics.m', detail: 'the totals differ' }])
})

test('an edited record is a warning, and a damaged capture is an error', async () => {
  const run = await finished(folderOf())
  const path = inRun(run, 'run.json')
  writeFileSync(path, readFileSync(path, 'utf8').replace('"notes": ""', '"notes": "x"'))
  expect((await diffRuns(run, await readRun(run.folder))).warnings).toEqual([
    `the record of the second run, ${run.id}, does not match its seal`,
  ])
  const damaged = but(run, { captures: { git: captured({ available: true, commit: 7 }) } })
  await expect(diffRuns(damaged, but(run, { captures: { git: git('a') } }))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_RECORD',
  })
  const failed = but(run, { captures: { git: { status: 'failed', reason: 'no git' } } })
  expect((await diffRuns(failed, failed)).notCompared).toContainEqual({
    field: 'git',
    reason: expect.stringMatching(/failed: no git/) as string,
  })
})

test('a damaged digest of a capture is an error that names its run', async () => {
  const [x, y] = [await finished(folderOf()), await finished(folderOf())]
  const { value } = git('a') as Extract<CaptureRecord, { status: 'captured' }>
  for (const digest of ['git.v1.blake3:12', '', 'x\u001b']) {
    const damaged = but(y, { captures: { git: { status: 'captured', digest, value, warnings: [] } } })
    await expect(diffRuns(but(x, { captures: { git: git('a') } }), damaged)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_RECORD',
      path: y.folder,
      field: 'captures.git.digest',
    })
  }
})

test('what a run wrote and what it read as a dataset are no difference of the code', async () => {
  const run = await finished(folderOf())
  const tracked = (path: string): never =>
    ({ status: 'tracked', kind: 'file', path, bytes: 1, digest: 'blake3:1' }) as never
  const changed = ['out.txt', 'data/x.csv', 'code.py'].map(removed)
  const common = { outputs: { o: tracked('/repo/out.txt') }, datasets: { d: tracked('/repo/data') } }
  const before = but(run, { ...common, captures: { git: git('a') } })
  const after = but(run, { ...common, captures: { git: git('a', changed) } })
  const diff = await diffRuns(before, after)
  expect(fields(diff)).toEqual(['code: git.changed.code.py'])
  expect(diff.ignored.map(({ detail }) => detail)).toEqual([
    'compared as a dataset',
    'an output of one of the runs',
  ])
})

test('a long series keeps its spikes and gaps', async () => {
  const run = await finished(folderOf(), {}, (tracker) => {
    for (let step = 0; step < 20_000; step++)
      tracker.logMetric(
        'm',
        step === 777 ? 50 : step === 12_345 ? NaN : step === 15_001 ? -50 : Math.sin(step),
        { step },
      )
  })
  const points = (await readSeries(run)).get('m') ?? []
  expect(points.length).toBeLessThan(4096)
  expect(points.filter(({ y }) => Math.abs(y) === 50).map(({ x }) => x)).toEqual([777, 15_001])
  expect(points.some(({ x, y }) => x === 12_345 && Number.isNaN(y))).toBe(true)
})

test('what is recorded of a run does not change what it computes; an older record has the defaults', async () => {
  const folder = folderOf()
  const plain = await finished(folder)
  const other = await finished(folder, { git: { patchLimit: 1 }, environment: { packages: false } })
  expect(await diffRuns(plain, other)).toMatchObject({ same: true })
  const { seeds: _, ...configuration } = plain.record.configuration
  expect(await diffRuns(but(plain, { configuration }), plain)).toMatchObject({ same: true })
  const deterministic = await finished(folder, { seeds: { deterministic: true } })
  expect(fields(await diffRuns(plain, deterministic))).toEqual([
    'configuration: configuration.seeds.deterministic',
  ])
})

test('a flag of a run is a warning of the comparison', async () => {
  const folder = folderOf({ d: '1' })
  const run = await finished(folder, {}, async (tracker) => {
    await tracker.trackDataset('d', 'd')
    writeFileSync(join(folder, 'd'), '2')
  })
  expect((await diffRuns(run, run)).warnings).toEqual([
    'the first run: the dataset "d" changed during the run',
    'the second run: the dataset "d" changed during the run',
  ])
})

test('what neither run captured is not compared, and neither are captures of unknown Python programs', async () => {
  const run = await finished(folderOf())
  const none = captured({ available: false, reason: 'this folder is not in a git repository' })
  const seeds = captured({
    seed: 5,
    variables: {},
    generators: {},
    python: { status: 'not-reached', reason: 'the bridge was off', programs: [] },
  })
  const one = but(run, { captures: { git: none, seeds } })
  const { same, notCompared } = await diffRuns(one, one)
  expect(same).toBe(true)
  expect(notCompared).toEqual([
    { field: 'environment', reason: 'both runs: not captured' },
    { field: 'git', reason: 'no code was captured: this folder is not in a git repository' },
    { field: 'seeds.python', reason: 'Python programs reported no seeds: the bridge was off' },
  ])
})

test('an array that a program drew after it was seeded ranks below the seed', async () => {
  const folder = folderOf({ 'd.csv': 'a\n' })
  const run = await finished(folder, {}, async (tracker) => {
    await tracker.trackDataset(Float32Array.of(1, 2), 'drawn')
    await tracker.trackDataset(join(folder, 'd.csv'), 'file')
  })
  const seeds = (seed: number): CaptureRecord =>
    captured({ seed, variables: {}, generators: {} }, `seeds.v1.blake3:${String(seed).repeat(64)}`)
  const drawn = run.record.datasets['drawn']
  if (drawn?.status !== 'tracked') throw new Error('the array was not tracked')
  const digest = parseTracked('datasets', 'drawn', drawn).digest.replace(/.{4}$/, 'ffff')
  const other = { ...drawn, digest, digests: {} } as unknown as typeof drawn
  const before = but(run, { captures: { seeds: seeds(1) } })
  const after = but(run, {
    captures: { seeds: seeds(2) },
    datasets: { ...run.record.datasets, drawn: other },
  })
  const diff = await diffRuns(before, after)
  expect(fields(diff)).toEqual(['seeds: seeds.seed', 'reported data: datasets.drawn.digest'])
  expect(diff.firstCause).toBe('seeds')
  // If nothing else differs, it is the first to look at.
  expect((await diffRuns(before, but(after, { captures: before.record.captures }))).firstCause).toBe(
    'reported data',
  )
})

test('an untracked file that appeared while one of the runs ran explains less than what was set', async () => {
  const folder = folderOf()
  const a = await finished(folder, { experimentName: 'a' })
  const untracked = (...paths: string[]): CaptureRecord =>
    captured({
      available: true,
      root: '/repo',
      commit: 'c'.repeat(40),
      changed: [],
      untracked: paths.map((path) => ({
        path,
        kind: 'file',
        mode: '100644',
        size: 1,
        kept: true,
        digests: { blake3: `blake3:${'1'.repeat(64)}` },
      })),
      submodules: [],
    })
  const first = but(a, {
    captures: { git: untracked() },
    flags: [{ kind: 'undeclared-output', count: 1, paths: ['logs/events'], message: 'one file' }],
  })
  const second = but(a, { captures: { git: untracked('helper.py', 'logs/events') }, metadata: { rate: 2 } })
  const diff = await diffRuns(first, second)
  expect(fields(diff)).toEqual([
    'code: git.untracked.helper.py',
    'configuration: metadata.rate',
    'leftover files: git.untracked.logs/events',
  ])
  const back = await diffRuns(second, but(first, { metadata: { rate: 2 } }))
  expect(back.differences.map(({ cause, detail }) => [cause, detail])).toContainEqual([
    'leftover files',
    'it appeared while the second run ran',
  ])
})

test('reported parameters are compared, if both runs have them; metrics of time are not', async () => {
  const folder = folderOf()
  const a = await finished(folder, {}, (tracker) => tracker.logMetric('loss', 1))
  const b = await finished(folder, {}, (tracker) => tracker.logMetric('loss', 1))
  const [loss] = Object.values(a.record.metrics)
  const told = (run: StoredRun, lr: number | undefined, took: number): StoredRun =>
    but(run, {
      metrics: {
        ...run.record.metrics,
        eval_runtime: { ...loss, last: took, sources: ['transformers'] } as never,
      },
      ...(lr !== undefined && { parameters: { 'model.lr': { value: lr, sources: ['hydra'] } } }),
    })
  const diff = await diffRuns(told(a, 0.1, 1), told(b, 0.2, 2))
  expect(fields(diff)).toEqual(['configuration: parameters.model.lr'])
  expect(diff.ignored).toMatchObject([{ field: 'metrics.eval_runtime', detail: 'it measures time' }])
  expect(fields(await diffRuns(told(a, 0.1, 1), told(b, undefined, 2)))).toEqual([])
  // The libraries to which it was reported are no difference.
  const other = but(b, { metrics: { loss: { ...loss, sources: ['wandb'] } as never } })
  expect((await diffRuns(a, other)).same).toBe(true)
})
