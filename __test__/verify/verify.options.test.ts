import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createGenerator, releaseGenerator } from '../../src/capture/seeds/capture.ts'
import { verifyRun } from '../../src/verify/verify.ts'
import { folderOf } from '../support/folder.ts'
import { finished, started } from '../tracking/support.ts'
import type { CaptureRecord } from '../../src/record/record.ts'
import type { VerifyItem, VerifyOptions } from '../../src/verify/verify.ts'
import type { ExperimentTracker } from '../../src/tracking/tracker.ts'
import type { StoredRun } from '../../src/store/runs.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.resetModules()
})

async function itemOf(
  run: StoredRun,
  section: string,
  options: VerifyOptions,
): Promise<VerifyItem | undefined> {
  return (await verifyRun(run, options)).items.find((item) => item.section === section)
}

test.each<[unknown, object]>([
  [{ levels: 'strict' }, { field: 'levels', hint: 'did you mean level?' }],
  [{ level: 'lax' }, { field: 'level', expected: 'data, code, default, strict' }],
  [{ seed: -1 }, { field: 'seed' }],
  [{ seed: 1.5 }, { field: 'seed' }],
  [{ command: 'python train.py' }, { field: 'command', received: 'string' }],
  [{ command: [] }, { field: 'command' }],
  [{ command: [1] }, { field: 'command' }],
])('%j is refused', async (options, error) => {
  const run = await finished(folderOf())
  await expect(verifyRun(run, options as VerifyOptions)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    ...error,
  })
})

describe('the command', () => {
  test('a program of its own is compared with what started it', async () => {
    const tracker = await started(folderOf())
    const own = async (options?: VerifyOptions): Promise<unknown> =>
      (await tracker.verify(options)).items.find(({ section }) => section === 'command')?.status
    expect(await own()).toBe('same')
    expect(await own({ command: ['node', 'other.mjs'] })).toBe('changed')
    expect((await tracker.verify({ level: 'data' })).level).toBe('data')
    await tracker.finishExperiment()
  })

  test('arguments are compared one by one, and secrets are not', async () => {
    const run = await finished(folderOf())
    const argv = ['train', '--token', 'ghp_0123456789abcdefghijABCDEFGHIJ012345', '--rate', '1']
    const { record } = run
    const recorded = ['train', '--token', '<redacted>', '--rate', '1']
    const made = { ...run, record: { ...record, seal: null, command: { ...record.command, argv: recorded } } }
    const { items } = await verifyRun(made, { command: argv })
    expect(items.filter(({ section }) => section === 'command')).toMatchObject([
      { status: 'same' },
      { status: 'not-checked', detail: expect.stringMatching(/secret/) as string },
    ])
    const shorter = await itemOf(made, 'command', { command: argv.slice(0, -2) })
    expect(shorter?.differences).toEqual([
      { field: 'argv.3', before: '--rate', counts: true },
      { field: 'argv.4', before: '1', counts: true },
    ])
    expect(JSON.stringify(await itemOf(made, 'command', { command: [...argv, 'x'] }))).not.toContain('ghp_')
  })
})

describe('seeds', () => {
  const seeded = (work: (tracker: ExperimentTracker) => unknown): Promise<StoredRun> =>
    finished(folderOf(), { enableSeedTracking: true }, work)

  /** The run as another process sees it: nothing in this one is seeded. */
  async function elsewhere(run: StoredRun, options: VerifyOptions): Promise<VerifyItem | undefined> {
    vi.resetModules()
    const fresh = await import('../../src/verify/verify.ts')
    return (await fresh.verifyRun(run, options)).items.find(({ section }) => section === 'seeds')
  }

  /** What of the seeds was not checked, with the reasons. */
  async function notChecked(run: StoredRun, options: VerifyOptions): Promise<string[]> {
    vi.resetModules()
    const fresh = await import('../../src/verify/verify.ts')
    return (await fresh.verifyRun(run, options)).items
      .filter(({ section, status }) => section === 'seeds' && status === 'not-checked')
      .map(({ name, detail }) => `${name}: ${detail}`)
  }

  test('in the process that set it, the seed is the same', async () => {
    const run = await seeded((tracker) => tracker.setSeeds(7))
    expect(await itemOf(run, 'seeds', {})).toMatchObject({ status: 'same' })
  })

  test('elsewhere it is told, or not checked', async () => {
    const run = await seeded((tracker) => tracker.setSeeds(7))
    expect(await elsewhere(run, {})).toMatchObject({ status: 'not-checked', counts: false })
    expect(await elsewhere(run, { level: 'strict' })).toMatchObject({ status: 'not-checked', counts: true })
    expect(await elsewhere(run, { seed: 7 })).toMatchObject({ status: 'same' })
    expect(await elsewhere(run, { seed: 8 })).toMatchObject({
      status: 'changed',
      differences: [
        { field: 'generators.default.state', counts: true },
        { field: 'seed', before: '7', after: '8', counts: true },
      ],
    })
    vi.stubEnv('LINEAPRINT_SEED', '7')
    expect(await elsewhere(run, {})).toMatchObject({ status: 'changed' })
  })

  test('a generator that begins with the program is not checked, and said', async () => {
    const run = await seeded(async (tracker) => {
      createGenerator(1, { name: 'loader' })
      await tracker.setSeeds(7)
    })
    releaseGenerator('loader')
    expect(await elsewhere(run, { seed: 7 })).toMatchObject({ status: 'same', detail: '' })
    expect(await notChecked(run, { seed: 7 })).toEqual(['loader: the program starts this generator itself'])
    expect(await elsewhere(run, { seed: 9 })).toMatchObject({ status: 'changed' })
  })

  test('what Python programs set is not checked, and said; their hash seed comes with the seed', async () => {
    const run = await seeded((tracker) => tracker.setSeeds(7))
    const seeds = run.record.captures['seeds']
    if (seeds?.status !== 'captured') throw new Error('no seeds')
    const value = {
      ...seeds.value,
      variables: { PYTHONHASHSEED: '7' },
      python: { status: 'reached', programs: [{ setSeeds: [1, 2] }] },
    }
    const captures = { seeds: { ...seeds, value } }
    const made = { ...run, record: { ...run.record, seal: null, captures } }
    expect(await elsewhere(made, { seed: 7 })).toMatchObject({
      status: 'same',
      detail: '',
    })
    expect(await notChecked(made, { seed: 7 })).toEqual(['python: seeds that Python programs set'])
    expect((await elsewhere(made, { seed: 8 }))?.differences.map(({ field }) => field)).toEqual([
      'generators.default.state',
      'pythonHashSeed',
      'seed',
    ])
  })

  test('a run without a seed is the same as a process without one, and not the same as a seed', async () => {
    const run = await seeded(() => undefined)
    const bare: CaptureRecord = {
      status: 'captured',
      digest: `seeds.v1.blake3:${'0'.repeat(64)}`,
      value: { seed: null, variables: {}, generators: {} },
      warnings: [],
    }
    const none = { ...run, record: { ...run.record, seal: null, captures: { seeds: bare } } }
    expect(await elsewhere(none, { seed: 7 })).toMatchObject({
      status: 'changed',
      differences: [{ field: 'seed', after: '7' }],
    })
  })
})

test(
  'the options in a record are no way to look at what the configuration would refuse',
  { timeout: 60_000 },
  async () => {
    vi.stubEnv('MY_SERVICE_PASSWORD', 'hunter2-and-more')
    const run = await finished(folderOf(), {
      enableEnvironmentTracking: true,
      environment: { packages: false },
    })
    const hostile = {
      ...run,
      record: {
        ...run.record,
        configuration: {
          ...run.record.configuration,
          environment: { variables: ['MY_SERVICE_PASSWORD'], packages: false },
          git: { patchLimit: 'x' },
          datasets: { sample: { count: -5 } },
        },
      },
    }
    const answer = await verifyRun(hostile)
    expect(JSON.stringify(answer)).not.toContain('hunter2')
  },
)

test('a file in the place of a folder, and nonsense in the place of a digest', async () => {
  const root = folderOf({ 'd/a': '1' })
  const run = await finished(root, {}, (tracker) => tracker.trackDataset('d', 'd'))
  const other = {
    ...run,
    record: structuredClone(run.record) as unknown as { datasets: { d: { digest: unknown } } },
  }
  for (const digest of [7, null, 'sampled(nonsense).v1.blake3:00', '']) {
    other.record.datasets.d.digest = digest
    expect(await itemOf(other as unknown as StoredRun, 'datasets', {})).toMatchObject({ status: 'changed' })
  }
  writeFileSync(join(root, 'd/a'), '2')
  expect(await itemOf(run, 'datasets', {})).toMatchObject({ status: 'changed', counts: true })
})

test('each item is reported once, as it is in the result', async () => {
  const root = folderOf({ 'data.csv': 'a\n1\n' })
  const run = await finished(root, {}, async (tracker) =>
    tracker.trackDataset(join(root, 'data.csv'), 'data'),
  )
  const reported: VerifyItem[] = []
  const { items } = await verifyRun(run, { directory: root, onItem: (item) => reported.push(item) })
  expect(items.length).toBeGreaterThan(3)
  expect(new Set(reported)).toEqual(new Set(items))
  expect(reported.length).toBe(items.length)
})
